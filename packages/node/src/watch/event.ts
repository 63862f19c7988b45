import type { AgentId, RuleName } from "@myelin/core/ids";
import { formatTime, type InstructionDocument } from "@myelin/core/instruction";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { AgentAttributes } from "@myelin/core/rules";
import { documentOf, type Instruction } from "../instruction/index.ts";
import { formatCursor } from "./cursor.ts";

/** What is watched. */
export const watchKinds = ["agents", "events", "episodes", "instructions"] as const;
export type WatchKind = (typeof watchKinds)[number];

/** What happened to an agent, or to a part of it. */
export type AgentEventType = "connected" | "away" | "gone" | "hung" | "recovered" | "forgotten";

/** What happened to a rule for an agent; `lapsed` ends what was pending, `resolved` what was firing. */
export type EpisodeEventType = "pending" | "lapsed" | "firing" | "resolved";

/** How far an instruction has come. */
export type InstructionEventType = "accepted" | "sent" | "received" | "ended";

/** Something that happened at an instant, as it is kept in the ring: its text is made when it is first wanted. */
export interface WatchRecord {
  readonly atUs: number;
  readonly kind: WatchKind;
  /** One of the kind's own; of `events`, what the agent calls it. */
  readonly type: string;
  readonly agent: AgentId;
  /** The agent's attributes then; undefined for an agent that is not known. */
  readonly attributes: AgentAttributes | undefined;
  readonly rule: RuleName | undefined;
  /** What else there is to tell. */
  readonly detail: JsonObject | InstructionDocument | Instruction;
  /** Estimate of what it holds in memory. */
  readonly sizeBytes: number;
  text: string | undefined;
}

/** Memory of a record with its text, without what its size hangs on. */
const recordBytes = 1500;

/** Estimate of a JSON value's size as text. */
function jsonSizeBytes(value: JsonValue | undefined): number {
  if (value === undefined || value === null) return 4;
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object") return 8;
  let sizeBytes = 2;
  if (isList(value)) for (const item of value) sizeBytes += jsonSizeBytes(item) + 1;
  else for (const name in value) sizeBytes += name.length + 4 + jsonSizeBytes(value[name]);
  return sizeBytes;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Memory that a record takes whose detail has values of any size. */
export function recordSizeBytes(...values: readonly (JsonValue | undefined)[]): number {
  let sizeBytes = recordBytes;
  for (const value of values) sizeBytes += 2 * jsonSizeBytes(value);
  return sizeBytes;
}

/** An instruction as it is now, whatever becomes of it. */
export function snapshotOf(instruction: Instruction): Instruction {
  return { ...instruction, times: { ...instruction.times } };
}

/** A record as server-sent events carry it; made once, however many watch. */
export function textOf(record: WatchRecord, life: string, number: number): string {
  if (record.text !== undefined) return record.text;
  const cursor = formatCursor({ life, number });
  const { kind, type, agent, rule, detail } = record;
  const common = { cursor, time: formatTime(record.atUs), kind, type, agent };
  const data =
    kind === "instructions"
      ? { ...common, rule: rule ?? null, instruction: instructionDocument(detail) }
      : { ...common, ...(rule === undefined ? {} : { rule }), ...detail };
  record.text = eventText(kind, cursor, data);
  return record.text;
}

function instructionDocument(detail: WatchRecord["detail"]): unknown {
  return "times" in detail ? documentOf(detail as Instruction) : detail;
}

/** A record as it can be copied to another thread: what is told of an instruction, without what it hangs on. */
export function forwarded(record: WatchRecord): WatchRecord {
  const { detail } = record;
  return "times" in detail ? { ...record, detail: documentOf(detail as Instruction) } : record;
}

/** One server-sent event. */
export function eventText(name: string, cursor: string, data: unknown): string {
  return `event: ${name}\nid: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`;
}
