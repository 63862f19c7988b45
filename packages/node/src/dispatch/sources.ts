import type {
  ActionName,
  AgentId,
  Incarnation,
  InstructionId,
  PartName,
  RuleName,
} from "@myelin/core/ids";
import { score } from "@myelin/core/schedule";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Firing } from "../engine/index.ts";
import { type Instruction, type StageTimes, unknownStageTimes } from "../instruction/index.ts";
import type { InstructionRecord } from "../ports/store.ts";
import type { DeliverySession } from "./recipient.ts";

/** The instruction of a rule that fired; `times` carries what is known up to the decision. */
export function instructionOfFiring(firing: Firing, times: StageTimes): Instruction {
  const { plan, episode } = firing;
  return {
    id: firing.id,
    agent: firing.agent,
    action: plan.action,
    args: firing.args,
    priority: plan.priority,
    slaUs: plan.slaUs,
    score: score({ priority: plan.priority, slaUs: plan.slaUs, impact: firing.impact }),
    createdAtUs: times.decidedAtUs,
    deadlineUs: times.decidedAtUs + plan.deadlineUs,
    timeoutUs: plan.timeoutUs,
    episode: {
      rule: episode.rule,
      ruleVersion: firing.ruleVersion,
      meaningVersion: episode.meaningVersion,
      timeLine: episode.timeLine,
      startedAtUs: episode.startedAtUs,
      attempt: episode.attempt,
    },
    actor: `rule:${episode.rule}`,
    batch: undefined,
    isDurable: false,
    isByHand: false,
    times,
    status: "accepted",
    recipient: undefined,
    lastSentAtUs: Number.NEGATIVE_INFINITY,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
}

/** The instruction of a record of the store: one accepted by hand. */
export function instructionOfRecord(record: InstructionRecord): Instruction {
  const hasRecipient = record.part !== undefined && record.incarnation !== undefined;
  return {
    id: record.id as InstructionId,
    agent: record.agent as AgentId,
    action: record.action as ActionName,
    args: record.args,
    priority: record.priority,
    slaUs: undefined,
    score: score({ priority: record.priority, slaUs: undefined, impact: 1 }),
    createdAtUs: record.createdAtUs,
    deadlineUs: record.deadlineUs,
    timeoutUs: record.timeoutUs,
    episode: undefined,
    actor: record.actor,
    batch: record.batch,
    isDurable: record.isDurable,
    isByHand: true,
    times: { ...unknownStageTimes(), decidedAtUs: record.createdAtUs },
    status: record.endedAtUs === undefined && hasRecipient ? "sent" : record.status,
    recipient: hasRecipient
      ? { part: record.part as PartName, incarnation: record.incarnation as Incarnation }
      : undefined,
    lastSentAtUs: Number.NEGATIVE_INFINITY,
    endedAtUs: record.endedAtUs,
    result: record.result,
    error: record.error,
  };
}

/**
 * The instruction of a rule that an agent tells of and the node has lost: it was decided before the
 * node last started. Undefined when the report bears no episode.
 */
export function instructionOfReport(
  session: DeliverySession,
  report: Acknowledgement,
): Instruction | undefined {
  const { episode } = report;
  if (episode === undefined) return undefined;
  const receivedAtUs = session.toNodeTimeUs(report.receivedAtUs);
  return {
    id: report.instructionId as InstructionId,
    agent: session.agent.id,
    action: (report.action ?? "") as ActionName,
    args: {},
    priority: 5,
    slaUs: undefined,
    score: 0,
    createdAtUs: receivedAtUs,
    deadlineUs: receivedAtUs,
    timeoutUs: reportedTimeoutUs,
    episode: { ...episode, rule: episode.rule as RuleName },
    actor: `rule:${episode.rule}`,
    batch: undefined,
    isDurable: false,
    isByHand: false,
    times: { ...unknownStageTimes(), receivedAtUs },
    status: "received",
    recipient: { part: session.part.name, incarnation: session.part.incarnation },
    lastSentAtUs: receivedAtUs,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
}

/** How long the node waits for the outcome of an instruction whose own timeout it has lost. */
const reportedTimeoutUs = 24 * 3600e6;
