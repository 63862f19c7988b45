import { formatTime, type InstructionDocument, type StageName } from "@myelin/core/instruction";
import type { Instruction, StageTimes } from "./instruction.ts";

/** Durations of the six stages in microseconds, null where a bound is unknown, and the whole. */
export interface StageDurations {
  readonly stagesUs: Readonly<Record<StageName, number | null>>;
  /** From the first known instant to executed; null when it was not executed. */
  readonly totalUs: number | null;
}

/**
 * The stages between the instants. Instants of the agent are mapped by an estimate of its clock,
 * so each is raised to the one before it: no stage is negative, and the stages add up to the whole.
 */
export function stageDurations(times: StageTimes): StageDurations {
  let previous = times.sampledAtUs;
  const between = (instant: number): number | null => {
    const from = previous;
    if (Number.isNaN(instant)) return null;
    previous = Number.isNaN(from) ? instant : Math.max(from, instant);
    return Number.isNaN(from) ? null : round(previous - from);
  };
  const stagesUs = {
    collect: between(times.framedAtUs),
    ingest: between(times.arrivedAtUs),
    compute: between(times.computedAtUs),
    rule: between(times.decidedAtUs),
    dispatch: between(times.receivedAtUs),
    execute: between(times.executedAtUs),
  };
  const first = Number.isNaN(times.sampledAtUs) ? times.decidedAtUs : times.sampledAtUs;
  return {
    stagesUs,
    totalUs: Number.isNaN(times.executedAtUs) ? null : round(Math.max(0, previous - first)),
  };
}

/** Time the node itself took, from the frame read to the instruction written, in microseconds. */
export function nodeDurationUs(times: StageTimes): number | null {
  const from = Number.isNaN(times.arrivedAtUs) ? times.decidedAtUs : times.arrivedAtUs;
  const durationUs = times.writtenAtUs - from;
  return Number.isNaN(durationUs) ? null : round(Math.max(0, durationUs));
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
  if (instruction.slaUs === undefined) return null;
  if (instruction.endedAtUs === undefined) return null;
  return instruction.status === "executed" && totalUs !== null && totalUs <= instruction.slaUs;
}

function round(durationUs: number): number {
  return Math.round(durationUs * 10) / 10;
}
