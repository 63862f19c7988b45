import { formatTime, type InstructionDocument, type StageName } from "@myelin/core/instruction";
import type { Instruction, StageTimes } from "./instruction.ts";

/** Durations of the six stages in microseconds, null where a bound is unknown, and the whole. */
export interface StageDurations {
  readonly stagesUs: Readonly<Record<StageName, number | null>>;
  /** From the first known instant to executed; null when it was not executed. */
  readonly totalUs: number | null;
}

/** A sample older than this when its frame left was dated by something else than the clock that placed it. */
const longestCollectUs = 600e6;

/**
 * The stages between the instants. What a sample dated further back than `longestCollectUs` says of its
 * own age is not believed: its collect is unknown, and the whole counts from its frame. The agent's instants were mapped by an estimate of its clock, the
 * node's are exact: where the estimate would have a frame arrive before it was sent, or an
 * instruction be received before it was decided, both of the agent's instants on that way are
 * shifted alike. So no stage is negative, what passed on one clock keeps its length, and the stages
 * add up to the whole.
 */
export function stageDurations(times: StageTimes): StageDurations {
  const placed = placedTimes(times);
  const { sampledAtUs, framedAtUs, arrivedAtUs, computedAtUs, decidedAtUs } = placed;
  const firstUs = firstKnown(sampledAtUs, framedAtUs, arrivedAtUs, decidedAtUs);
  const ingestFromUs = Number.isNaN(framedAtUs) ? sampledAtUs : framedAtUs;
  return {
    stagesUs: {
      collect: between(sampledAtUs, framedAtUs),
      ingest: between(ingestFromUs, arrivedAtUs),
      compute: between(arrivedAtUs, computedAtUs),
      rule: between(computedAtUs, decidedAtUs),
      dispatch: between(decidedAtUs, placed.receivedAtUs),
      execute: between(times.receivedAtUs, times.executedAtUs),
    },
    totalUs: between(firstUs, placed.executedAtUs),
  };
}

/** The instants as the stages are made of them: the agent's shifted as said above, what is not believed unknown. */
export function placedTimes(times: StageTimes): StageTimes {
  const { arrivedAtUs, decidedAtUs } = times;
  const wayInUs = excess(times.framedAtUs, arrivedAtUs);
  const framedAtUs = times.framedAtUs - wayInUs;
  const shiftedUs = times.sampledAtUs - Math.max(wayInUs, excess(times.sampledAtUs, arrivedAtUs));
  const sampledAtUs = believed(
    framedAtUs < shiftedUs ? framedAtUs : shiftedUs,
    framedAtUs,
    arrivedAtUs,
  );
  const wayOutUs = excess(decidedAtUs, times.receivedAtUs);
  return {
    ...times,
    sampledAtUs,
    framedAtUs,
    receivedAtUs: times.receivedAtUs + wayOutUs,
    executedAtUs: times.executedAtUs + wayOutUs,
  };
}

/** The instant of a sample, or NaN where it lies too long before its frame, or before its arrival. */
function believed(sampledAtUs: number, framedAtUs: number, arrivedAtUs: number): number {
  const leftAtUs = Number.isNaN(framedAtUs) ? arrivedAtUs : framedAtUs;
  return leftAtUs - sampledAtUs > longestCollectUs ? Number.NaN : sampledAtUs;
}

function firstKnown(...instantsUs: readonly number[]): number {
  return instantsUs.find((instantUs) => !Number.isNaN(instantUs)) ?? Number.NaN;
}

/** By how much the earlier instant lies after the later one; 0 where either is unknown. */
function excess(earlierUs: number, laterUs: number): number {
  const excessUs = earlierUs - laterUs;
  return excessUs > 0 ? excessUs : 0;
}

/** Duration between two instants, null where either is unknown. */
function between(fromUs: number, toUs: number): number | null {
  const durationUs = toUs - fromUs;
  return Number.isNaN(durationUs) ? null : Math.round(Math.max(0, durationUs) * 10) / 10;
}

/** Time the node itself took, from the frame read to the instruction written, in microseconds. */
export function nodeDurationUs(times: StageTimes): number | null {
  const from = Number.isNaN(times.arrivedAtUs) ? times.decidedAtUs : times.arrivedAtUs;
  return between(from, times.writtenAtUs);
}

/** An instruction as JSON shows it everywhere. */
export function documentOf(instruction: Instruction): InstructionDocument {
  const { stagesUs, totalUs } = stageDurations(instruction.times);
  return {
    id: instruction.id,
    agent: instruction.agent,
    part: instruction.recipient?.part ?? null,
    rule: instruction.episode?.rule ?? null,
    ruleVersion: instruction.episode?.ruleVersion ?? null,
    action: instruction.action,
    args: instruction.args,
    priority: instruction.priority,
    status: instruction.status,
    createdAt: formatTime(instruction.createdAtUs),
    deadline: formatTime(instruction.deadlineUs),
    endedAt: instruction.endedAtUs === undefined ? null : formatTime(instruction.endedAtUs),
    attempt: instruction.episode?.attempt ?? 1,
    actor: instruction.actor,
    ...(instruction.result === undefined ? {} : { result: instruction.result }),
    ...(instruction.error === undefined ? {} : { error: instruction.error }),
    stagesUs,
    totalUs,
    withinSla: withinSla(instruction, totalUs),
  };
}

function withinSla(instruction: Instruction, totalUs: number | null): boolean | null {
  if (instruction.slaUs === undefined || instruction.isHeldBack) return null;
  if (instruction.endedAtUs === undefined) return null;
  return instruction.status === "executed" && totalUs !== null && totalUs <= instruction.slaUs;
}
