/**
 * What stands in a recording: entries of some records each. A record is a word of its kind, its part and its length, a word
 * of its instant, a word of whose it is and of how much, and then its body: samples as they lie in columns, texts and JSON for
 * what is rare. A word is eight bytes, in the order of bytes of the machine.
 *
 * A recording has chapters. The head of each tells what was said before and holds on, so that it can be read from any of
 * them on: the names of metrics, and who is there; what is known of an agent is told before its first record in the chapter,
 * or soon.
 */
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { AgentAttributes } from "@myelin/core/rules";

/** Grows with every change after which an older reader would misread. */
export const recordingFormat = 1;

export const kinds = {
  /** {@link Head}, then the numbers of the agents that are there. */
  head: 1,
  /** Of one frame: values, metrics, and times in one of {@link timeForms}. */
  samples: 2,
  timers: 3,
  /** The name of a metric, by its number. */
  metric: 4,
  /** {@link KnownAgent}: it has joined, or is told anew. */
  agent: 5,
  leave: 6,
  /** The agent's attributes. */
  attributes: 7,
  /** The name of a time line. */
  line: 8,
  /** {@link EventBody} */
  event: 9,
  /** {@link TwinBody} */
  twin: 10,
  /** {@link EndBody} */
  end: 11,
} as const;

/** How the times of a frame are written behind the first of them. */
export const timeForms = {
  /** All are the first. */
  one: 0,
  /** Microseconds since the first, in four bytes each. */
  deltas: 1,
  /** As they are. */
  whole: 2,
} as const;

/** Words of a record before its body: of those without an owner, and of others. */
export const bareWords = 2;
export const ownedWords = 3;
/** Words of samples before their columns. */
export const samplesWords = 4;

export interface Head {
  readonly format: number;
  /** Names the run of the node; the same in all of its lanes. */
  readonly run: number;
  /** True when nothing between it and the chapter before is missing. */
  readonly isFollowing: boolean;
  /** Inputs that were not recorded since the chapter before. */
  readonly missing: number;
  /** Names of the metrics known, by their numbers; null where a number is none. */
  readonly metrics: readonly (string | null)[];
}

export interface KnownAgent {
  readonly attributes: AgentAttributes;
  /** By part. */
  readonly lines: readonly (readonly [part: number, name: string])[];
  readonly twin?: { readonly part: number; readonly timeUs: number; readonly state: JsonObject };
}

export type EventBody = readonly [
  timeUs: number,
  type: string,
  attrs: Readonly<Record<string, JsonValue>>,
];

/** With names of fields `state` has only those; of a field that it lacks nothing is reported any more. */
export type TwinBody = readonly [
  timeUs: number,
  fields: readonly string[] | null,
  state: JsonObject,
];

export type EndBody = readonly [
  rule: string,
  attempt: number,
  startedAtUs: number,
  endedAtUs: number,
  succeeded: boolean,
];
