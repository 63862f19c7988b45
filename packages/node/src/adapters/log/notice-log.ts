import { formatTime, type InstructionDocument } from "@myelin/core/instruction";
import type { OverloadLevel } from "@myelin/core/schedule";
import type { Logger } from "pino";
import type { Notice } from "../../notice.ts";
import type { EnforcementRecord } from "../../ports/store.ts";

const overloadMessages: Readonly<Record<OverloadLevel, string>> = {
  0: "no overload any more",
  1: "overload: bulk is not read",
  2: "overload: low scores are delayed",
  3: "overload: what nobody was promised is shed",
};

/** Writes what an operator should know of. */
export function logNotice(log: Logger, notice: Notice): void {
  switch (notice.kind) {
    case "instruction-ended":
      logEnded(log, notice.document);
      return;
    case "agent-attached":
      log.info(
        { agent: notice.agent, part: notice.part, isResumed: notice.isResumed },
        "agent attached",
      );
      return;
    case "agent-detached":
      log.info({ agent: notice.agent, part: notice.part, reason: notice.reason }, "agent detached");
      return;
    case "agent-event":
      logEvent(log, notice);
      return;
    case "breaker-opened":
      log.warn({ over: notice.over }, "breaker opened");
      return;
    case "breaker-closed":
      log.info({ over: notice.over }, "breaker closed");
      return;
    case "enforcement":
      logEnforcement(log, notice.record);
      return;
    case "overload": {
      const { level, load } = notice;
      log.warn({ step: level, load: Math.round(load * 100) / 100 }, overloadMessages[level]);
      return;
    }
    case "store-error":
      log.error({ code: notice.error.code, reason: notice.error.message }, "a write failed");
      return;
    case "windows-lost":
      log.warn({ reason: notice.message }, "what was kept of windows is lost");
      return;
    case "rule-unreadable":
      log.error(
        { reason: notice.message },
        "a kept rule cannot be read by this version and is not in force",
      );
  }
}

function logEnded(log: Logger, document: InstructionDocument): void {
  if (!log.isLevelEnabled("info")) return;
  const { id, agent, part, action, status, actor, totalUs, error } = document;
  const what = { id, agent, part, action, status, actor, totalUs };
  log.info({ ...what, ...(error === undefined ? {} : { error }) }, "instruction ended");
}

function logEvent(log: Logger, notice: Extract<Notice, { readonly kind: "agent-event" }>): void {
  if (!log.isLevelEnabled("debug")) return;
  const { agent, part, event, timeUs } = notice;
  const { type, attributes } = event;
  log.debug({ agent, part, type, at: formatTime(timeUs), attributes }, "agent event");
}

function logEnforcement(log: Logger, { isOn, actor, reason }: EnforcementRecord): void {
  const who = { actor, ...(reason === undefined ? {} : { reason }) };
  if (isOn) log.warn(who, "enforcement is on");
  else log.warn(who, "enforcement is off: rules decide, and nothing is sent");
}
