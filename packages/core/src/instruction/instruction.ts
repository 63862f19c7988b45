import type { ErrorCode } from "../errors/index.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";

/** Every status of an instruction, in the order of its life; the last five are ends. */
export const instructionStatuses = [
  "accepted",
  "sent",
  "received",
  "executed",
  "failed",
  "rejected",
  "expired",
  "canceled",
] as const;

/** Where an instruction stands. */
export type InstructionStatus = (typeof instructionStatuses)[number];

/** The stages of the control loop, in their order: agent, way in, engine, rule, way out, agent. */
export const stageNames = ["collect", "ingest", "compute", "rule", "dispatch", "execute"] as const;

/** One part of the control loop's latency. */
export type StageName = (typeof stageNames)[number];

/** True for a status after which nothing changes any more. */
export function isEnded(status: InstructionStatus): boolean {
  return status !== "accepted" && status !== "sent" && status !== "received";
}

/** True for an end after which a rule's further `attempts` follow: what was done, and what was called off, is not tried again. */
export function mayTryAgain(status: InstructionStatus): boolean {
  return status === "failed" || status === "rejected" || status === "expired";
}

/** True when `text` is one of the statuses. */
export function isInstructionStatus(text: string): text is InstructionStatus {
  return (instructionStatuses as readonly string[]).includes(text);
}

/** An instruction wherever it is shown as JSON: API, CLI, ledger. Times are ISO 8601 in UTC. */
export interface InstructionDocument {
  readonly id: string;
  readonly agent: string;
  /** The part it went to; null before that is known. */
  readonly part: string | null;
  /** The rule that caused it; null when it was sent by hand. */
  readonly rule: string | null;
  readonly ruleVersion: number | null;
  readonly action: string;
  readonly args: JsonObject;
  readonly priority: number;
  readonly status: InstructionStatus;
  readonly createdAt: string;
  /** Never begun after this. */
  readonly deadline: string;
  readonly endedAt: string | null;
  /** 1 for the first instruction of an episode, and for one sent by hand. */
  readonly attempt: number;
  /** Who caused it, such as `rule:hot` or `token:ops`. */
  readonly actor: string;
  readonly result?: JsonValue;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** Microseconds spent in each stage; null where unknown. */
  readonly stagesUs: Readonly<Record<StageName, number | null>>;
  /** Microseconds from the sample (or the call) to the end; null where unknown. */
  readonly totalUs: number | null;
  /** Whether `totalUs` is within the rule's `sla`; null without one. */
  readonly withinSla: boolean | null;
}
