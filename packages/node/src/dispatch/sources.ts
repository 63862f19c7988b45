import type { ActionName, AgentId, Incarnation, InstructionId, PartName } from "@myelin/core/ids";
import { score } from "@myelin/core/schedule";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Firing } from "../engine/index.ts";
import {
  type Instruction,
  type InstructionEpisode,
  type StageTimes,
  unknownStageTimes,
} from "../instruction/index.ts";
import type { InstructionRecord } from "../ports/store.ts";
import type { DeliverySession } from "./recipient.ts";

/**
 * The instruction of a rule that fired; `times` carries what is known up to the decision, `appliedUntilUs` the
 * newest sample of the episode's time line that was applied by then.
 */
export function instructionOfFiring(
  firing: Firing,
  times: StageTimes,
  appliedUntilUs: number,
): Instruction {
  const { plan, episode } = firing;
  return {
    id: firing.id,
    agent: firing.agent,
    action: plan.action,
    args: firing.args,
    priority: plan.priority,
    slaUs: plan.slaUs,
    impact: firing.impact,
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
      appliedUntilUs,
    },
    actor: `rule:${episode.rule}`,
    batch: undefined,
    isDurable: false,
    isByHand: false,
    isHeldBack: firing.isShadow || firing.isSuppressed,
    times,
    status: "accepted",
    recipient: undefined,
    lastSentAtUs: Number.NEGATIVE_INFINITY,
    isCancelRequested: false,
    isOutlived: false,
    dueUs: Number.NaN,
    duePlace: -1,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
}

/** The instruction of a record that was accepted just now: nothing of it was sent. */
export function instructionOfOrder(record: InstructionRecord): Instruction {
  return fromRecord(record, Number.NEGATIVE_INFINITY);
}

/** The instruction of a record that an earlier run of the node accepted: what has a recipient may have been sent. */
export function instructionOfRecord(record: InstructionRecord): Instruction {
  return fromRecord(
    record,
    record.incarnation !== undefined ? record.createdAtUs : Number.NEGATIVE_INFINITY,
  );
}

function fromRecord(record: InstructionRecord, lastSentAtUs: number): Instruction {
  const isOpenAndSent = record.endedAtUs === undefined && lastSentAtUs > Number.NEGATIVE_INFINITY;
  return {
    id: record.id as InstructionId,
    agent: record.agent as AgentId,
    action: record.action as ActionName,
    args: record.args,
    priority: record.priority,
    slaUs: undefined,
    impact: 1,
    score: score({ priority: record.priority, slaUs: undefined, impact: 1 }),
    createdAtUs: record.createdAtUs,
    deadlineUs: record.deadlineUs,
    timeoutUs: record.timeoutUs,
    episode: undefined,
    actor: record.actor,
    batch: record.batch,
    isDurable: record.isDurable,
    isByHand: true,
    isHeldBack: false,
    times: { ...unknownStageTimes(), decidedAtUs: record.createdAtUs },
    status: isOpenAndSent ? "sent" : record.status,
    recipient:
      record.part === undefined || record.incarnation === undefined
        ? undefined
        : { part: record.part as PartName, incarnation: record.incarnation as Incarnation },
    lastSentAtUs,
    isCancelRequested: false,
    isOutlived: record.isOutlived === true,
    dueUs: Number.NaN,
    duePlace: -1,
    endedAtUs: record.endedAtUs,
    result: record.result,
    error: record.error,
  };
}

/** What an agent told of an instruction of a rule that the node has lost. */
export interface LostInstruction {
  readonly report: Acknowledgement;
  readonly episode: InstructionEpisode;
  /** How long it may run, as far as it is still known. */
  readonly timeoutUs: number;
  /** True where an earlier life of the part may have been given it as well. */
  readonly isOutlived: boolean;
  readonly nowUs: number;
}

/** The instruction of a rule that an agent tells of and the node has lost: it was decided before the node last started. */
export function instructionOfReport(session: DeliverySession, lost: LostInstruction): Instruction {
  const { report, episode, nowUs } = lost;
  const mappedUs = session.toNodeTimeUs(report.receivedAtUs);
  const receivedAtUs = mappedUs >= 0 && mappedUs <= nowUs ? mappedUs : nowUs;
  return {
    id: report.instructionId as InstructionId,
    agent: session.agent.id,
    action: report.action as ActionName,
    args: {},
    priority: unknownPriority,
    slaUs: undefined,
    impact: 1,
    score: 0,
    createdAtUs: receivedAtUs,
    deadlineUs: receivedAtUs,
    timeoutUs: Math.max(lost.timeoutUs, nowUs - receivedAtUs),
    episode,
    actor: `rule:${episode.rule}`,
    batch: undefined,
    isDurable: false,
    isByHand: false,
    isHeldBack: false,
    times: { ...unknownStageTimes(), receivedAtUs },
    status: "received",
    recipient: { part: session.part.name, incarnation: session.part.incarnation },
    lastSentAtUs: receivedAtUs,
    isCancelRequested: false,
    isOutlived: lost.isOutlived,
    dueUs: Number.NaN,
    duePlace: -1,
    endedAtUs: undefined,
    result: undefined,
    error: undefined,
  };
}

/** The priority that rules have unless they say otherwise. */
const unknownPriority = 5;
