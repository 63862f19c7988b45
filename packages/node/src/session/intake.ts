import type { EventMessage, PackedSamples, SampleColumns, TwinDelta } from "@myelin/core/wire";
import type { Agent, Part } from "../registry/index.ts";

/** Where a session's telemetry goes: ingest, seen from here. */
export interface SessionIntake {
  /** How many metric names of the session are known. */
  readonly metricNamesKnown: number;
  /**
   * Collects the samples of one operation. `toNodeUs` is what is added to the part's instants to
   * put them on the node's clock.
   */
  samples(columns: SampleColumns, toNodeUs: number): void;
  /** Packed samples as columns; undefined when some before them are missing, and the next must be full. */
  unpack(packed: PackedSamples): SampleColumns | undefined;
  /** The time line of the samples applied last. */
  readonly timeLine: string;
  /**
   * The newest instant applied of that time line, on the part's clock; -Infinity when there is none. What waits for older
   * samples is not applied yet.
   */
  readonly newestUs: number;
  /** How many samples of all sessions were taken to wait, up to the latest; 0 where none waits. */
  readonly taken: number;
  /** None of this session's waits that was taken as one of the first so many. */
  readonly applied: number;
  /** The newest event of that time line, on the part's clock; -Infinity when there is none. */
  readonly newestEventUs: number;
  /** Events of the present time line up to this instant on the part's clock were taken by an earlier run of the node: they are passed over. */
  passEventsUntil(partUs: number): void;
  /** Goes on where an earlier run of the node was: at `partUs` on the part's clock, to be `nodeUs` on the node's. */
  goOn(partUs: number, nodeUs: number): void;
  /** The node places the part's clock anew, by `toNodeUs`, in a new time line: what was applied of it before stays so. */
  goOnAnew(toNodeUs: number, nowUs: number): void;
  /** True when samples were collected since the last `apply`. */
  readonly hasSamples: boolean;
  /** Hands the frame's samples to the engine, in order of time. */
  apply(nowUs: number): void;
  /** Forgets what was collected, when the rest of the frame could not be read. */
  discard(): void;
  /** True when a difference is missing and the whole state must be sent. */
  twinDelta(delta: TwinDelta, timeUs: number, nowUs: number): boolean;
  /** `timeUs` is when it happened, on the node's clock. */
  event(event: EventMessage, timeUs: number, nowUs: number): void;
}

/** Opens the way for one session's telemetry. */
export type OpenIntake = (agent: Agent, part: Part) => SessionIntake;
