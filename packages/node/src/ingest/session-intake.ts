/**
 * The way of one session's telemetry into the engine.
 *
 * Invariants
 * 1. Metric ids count from 1 without gaps; a name that the agent may not send keeps its id, and its
 *    samples are refused and counted.
 * 2. Nothing is allocated per sample.
 * 3. What the session's packed samples count from is kept over its connections, and bounded by its names.
 * 4. Within a time line, a sample that is newer on the agent's clock is never older on the node's, and one
 *    that is older never newer, however the offset between them is corrected.
 */
import { MyelinError } from "@myelin/core/errors";
import {
  type EventMessage,
  type PackedSamples,
  type SampleColumns,
  SampleUnpacker,
  type TwinDelta,
  type UnpackedColumns,
} from "@myelin/core/wire";
import { type AgentTwin, maxTwinLevels, maxTwinSize } from "./agent-twin.ts";
import type { IngestCounters } from "./counters.ts";
import type { HeldBack } from "./held-back.ts";
import type { IngestEngine } from "./ingest-engine.ts";
import type { SampleBuffer } from "./sample-buffer.ts";

/** Told what happened at the agent of a slot, and when on the node's clock. */
export type OnEvent = (slot: number, partName: string, event: EventMessage, timeUs: number) => void;

/** What the intakes of all sessions have in common. */
export interface IntakeGround {
  readonly engine: IngestEngine;
  /** Where samples wait for older ones; undefined where none waits. */
  readonly held: HeldBack | undefined;
  readonly buffer: SampleBuffer;
  /** What packed samples are unpacked into; shared by all sessions. */
  readonly unpacked: UnpackedColumns;
  readonly counters: IngestCounters;
  /** Told of each event. */
  readonly onEvent: OnEvent;
  readonly maxMetrics: number;
  readonly reservedMetrics: ReadonlySet<string>;
}

/** Whose telemetry it is. */
export interface IntakeOwner {
  readonly twin: AgentTwin;
  readonly slot: number;
  readonly partName: string;
  readonly partIndex: number;
}

/** In the map of ids: samples of this metric are refused. */
const refusedMetric = -1;
/** Of a session that has declared no metric; it is not written to. Index 0 is no id. */
const noMetrics = Int32Array.of(refusedMetric);
/** Ids for which there is room at first. */
const firstMetrics = 16;

const never = Number.NEGATIVE_INFINITY;

export class SessionIntake {
  readonly #ground: IntakeGround;
  readonly #twin: AgentTwin;
  readonly #slot: number;
  readonly #partName: string;
  readonly #partIndex: number;
  /** Names by id less 1; of its own when the first is declared. */
  #names: string[] | undefined;
  /** The engine's metric by id, or {@link refusedMetric}; of its own when the first is declared. */
  #metrics: Int32Array = noMetrics;
  /** Made when the session first packs its samples. */
  #unpacker: SampleUnpacker | undefined;
  /** The time line that the two instants below belong to. */
  #timeLine = "";
  /** The newest instant of the frames applied, on the agent's clock and on the node's. */
  #newestAgentUs: number = Number.NEGATIVE_INFINITY;
  #newestNodeUs: number = Number.NEGATIVE_INFINITY;
  /** The time line of the two instants of events below, on the agent's clock: the newest, and up to where they are passed over. */
  #eventLine = "";
  #newestEventUs: number = Number.NEGATIVE_INFINITY;
  #passedEventUs: number = Number.NEGATIVE_INFINITY;
  /** The same of the frame being collected. */
  #frameAgentUs: number = Number.NEGATIVE_INFINITY;
  #frameNodeUs: number = Number.NEGATIVE_INFINITY;

  constructor(ground: IntakeGround, { twin, slot, partName, partIndex }: IntakeOwner) {
    this.#ground = ground;
    this.#twin = twin;
    this.#slot = slot;
    this.#partName = partName;
    this.#partIndex = partIndex;
  }

  /**
   * Goes on where a former session of the part was, as long as its time line lasts: what was applied of that, and comes
   * again, is late, though the node may place it a little elsewhere now.
   */
  follow(former: SessionIntake): void {
    this.#timeLine = former.#timeLine;
    this.#newestAgentUs = former.#newestAgentUs + 1;
    this.#newestNodeUs = former.#newestNodeUs;
    this.#eventLine = former.#eventLine;
    this.#newestEventUs = former.#newestEventUs;
    this.#passedEventUs = former.#newestEventUs;
    this.#ground.held?.follow(this.#slot, this.#partIndex);
  }

  /** How many metric names of the session are known: ids 1 to this. */
  get metricNamesKnown(): number {
    return this.#names?.length ?? 0;
  }

  /** The time line of the samples applied last. */
  get timeLine(): string {
    return this.#timeLine;
  }

  /**
   * The newest instant applied of that time line, on the part's clock; -Infinity when there is none. What waits for older
   * samples is not applied yet.
   */
  get newestUs(): number {
    const { held } = this.#ground;
    return held === undefined ? this.#newestAgentUs : held.appliedUs(this.#slot, this.#partIndex);
  }

  /** How many samples of all sessions were taken to wait, up to the latest; 0 where none waits. */
  get taken(): number {
    return this.#ground.held?.taken ?? 0;
  }

  /** None of this session's waits that was taken as one of the first so many. */
  get applied(): number {
    return this.#ground.held?.appliedOf(this.#slot, this.#partIndex) ?? 0;
  }

  /**
   * Goes on where an earlier run of the node was: it has applied the present time line up to `partUs` on the part's
   * clock, which is to be `nodeUs` on the node's. What is older and comes again is late.
   */
  goOn(partUs: number, nodeUs: number): void {
    const { engine, held } = this.#ground;
    const timeLine = engine.timeLine(this.#slot, this.#partIndex);
    if (!(partUs > (timeLine === this.#timeLine ? this.#newestAgentUs : never))) return;
    held?.goOn(this.#slot, this.#partIndex, partUs);
    this.#timeLine = timeLine;
    this.#newestAgentUs = partUs;
    this.#newestNodeUs = nodeUs;
    engine.appliedBefore(this.#slot, this.#partIndex, nodeUs);
  }

  /**
   * The node has begun a new time line of the clock it knows, which it places anew: `toNodeUs` is added to the clock's
   * instants. What was applied of it, and comes again, is late there, too; unless the clock was set back behind that.
   */
  goOnAnew(toNodeUs: number, nowUs: number): void {
    const { held } = this.#ground;
    const partUs =
      held?.goOnAnew(this.#slot, this.#partIndex, this.#timeLine) ?? this.#newestAgentUs;
    if (partUs + toNodeUs <= nowUs) this.goOn(partUs + 1, Math.round(partUs + toNodeUs) + 1);
    if (this.#newestEventUs + toNodeUs <= nowUs)
      this.#eventLine = this.#ground.engine.timeLine(this.#slot, this.#partIndex);
  }

  /** The newest event taken of the present time line, on the part's clock; -Infinity when there is none. */
  get newestEventUs(): number {
    return this.#newestEventUs;
  }

  /** Events of the present time line up to `partUs` on the part's clock were taken by an earlier run of the node: they are passed over. */
  passEventsUntil(partUs: number): void {
    this.#eventLine = this.#ground.engine.timeLine(this.#slot, this.#partIndex);
    this.#passedEventUs = partUs;
    this.#newestEventUs = partUs;
  }

  /** True when samples were collected since the last `apply`. */
  get hasSamples(): boolean {
    return this.#ground.buffer.owner === this;
  }

  /**
   * Collects the samples of one operation of a frame.
   * @param toNodeUs What is added to the agent's instants to put them on the node's clock.
   * @throws MyelinError PROTOCOL_ERROR for ids out of place, RESOURCE_EXHAUSTED beyond `maxMetrics`
   */
  samples(columns: SampleColumns, toNodeUs: number): void {
    for (const { id, name } of columns.names) this.#declare(id, name);
    const { count, timesUs } = columns;
    if (count === 0) return;
    this.#ground.counters.receivedSamples += count;
    const buffer = this.#take();
    buffer.reserve(count);
    const offsetUs = Math.round(toNodeUs);
    const before = buffer.count;
    const lastBefore =
      before === 0 ? Number.NEGATIVE_INFINITY : (buffer.timesUs[before - 1] as number);
    this.#copy(columns, offsetUs, buffer);
    if (buffer.count > before && (buffer.timesUs[before] as number) < lastBefore)
      buffer.isInOrder = false;
    const lastUs = Math.round(timesUs[count - 1] as number);
    if (lastUs < this.#frameAgentUs) return;
    this.#frameAgentUs = lastUs;
    this.#frameNodeUs = Math.max(this.#frameNodeUs, this.#toNode(lastUs, offsetUs));
  }

  /**
   * Packed samples as columns, valid until any session unpacks again. Undefined when samples before
   * them are missing: they are counted as missed, and the next must be full. Samples of a frame that is
   * a repetition are unpacked too, for those after it count from them.
   * @throws MyelinError PROTOCOL_ERROR
   */
  unpack(packed: PackedSamples): SampleColumns | undefined {
    this.#unpacker ??= new SampleUnpacker(this.#ground.unpacked);
    const columns = this.#unpacker.unpack(packed, this.metricNamesKnown);
    if (columns !== undefined) return columns;
    const { counters } = this.#ground;
    counters.receivedSamples += packed.count;
    counters.missedSamples += packed.count;
    return undefined;
  }

  /** Hands the samples collected to the engine, in order of time: one application for the whole frame. */
  apply(nowUs: number): void {
    const { engine, held, buffer } = this.#ground;
    if (buffer.owner !== this) return;
    buffer.sort();
    // A sample that the engine refuses as too far ahead must not hold those after it to the present offset.
    if (
      this.#frameAgentUs >= this.#newestAgentUs &&
      this.#frameNodeUs <= nowUs + engine.futureToleranceUs
    ) {
      this.#newestAgentUs = this.#frameAgentUs;
      this.#newestNodeUs = this.#frameNodeUs;
    }
    this.#beginFrame();
    const { count, metrics, values, timesUs, partTimesUs } = buffer;
    buffer.clear();
    if (count > 0)
      (held ?? engine).apply(
        this.#slot,
        this.#partIndex,
        count,
        metrics,
        values,
        timesUs,
        nowUs,
        partTimesUs,
      );
  }

  /** Forgets what was collected, when the rest of the frame could not be read. */
  discard(): void {
    const { buffer, counters } = this.#ground;
    if (this.hasSamples) {
      counters.discardedSamples += buffer.count;
      buffer.clear();
    }
    this.#beginFrame();
  }

  /**
   * Applies a change of the part's state. True when a change before it is missing, so that the whole state is to be sent.
   * @param timeUs When it changed, on the node's clock.
   * @throws MyelinError PAYLOAD_TOO_LARGE when the state would be larger than a part's may be
   */
  twinDelta(delta: TwinDelta, timeUs: number, nowUs: number): boolean {
    const { engine, counters } = this.#ground;
    const twin = this.#twin;
    const outcome = twin.apply(this.#partName, delta);
    if (outcome === "refused") {
      counters.refusedTwinDeltas += 1;
      throw stateTooLarge(this.#partName, twin.refusedBytes);
    }
    if (outcome === "applied")
      engine.setTwin(this.#slot, twin.view, twin.changedFields, this.#partIndex, timeUs, nowUs);
    return outcome === "needsFull";
  }

  /** Hands on an event that happened at `timeUs` on the node's clock. */
  event(event: EventMessage, timeUs: number, nowUs: number): void {
    const { counters, engine, onEvent } = this.#ground;
    const timeLine = engine.timeLine(this.#slot, this.#partIndex);
    if (timeLine !== this.#eventLine) {
      this.#eventLine = timeLine;
      this.#newestEventUs = Number.NEGATIVE_INFINITY;
      this.#passedEventUs = Number.NEGATIVE_INFINITY;
    }
    if (event.timeUs <= this.#passedEventUs) return;
    this.#newestEventUs = Math.max(this.#newestEventUs, event.timeUs);
    counters.events += 1;
    onEvent(this.#slot, this.#partName, event, timeUs);
    const present = { type: event.type, attrs: event.attributes };
    engine.event(this.#slot, this.#partIndex, present, timeUs, nowUs);
  }

  #take(): SampleBuffer {
    const { buffer, counters, engine } = this.#ground;
    if (buffer.owner === this) return buffer;
    counters.discardedSamples += buffer.count;
    buffer.clear();
    buffer.owner = this;
    this.#beginFrame();
    const timeLine = engine.timeLine(this.#slot, this.#partIndex);
    if (timeLine !== this.#timeLine) {
      this.#timeLine = timeLine;
      this.#newestAgentUs = Number.NEGATIVE_INFINITY;
      this.#newestNodeUs = Number.NEGATIVE_INFINITY;
    }
    return buffer;
  }

  #beginFrame(): void {
    this.#frameAgentUs = Number.NEGATIVE_INFINITY;
    this.#frameNodeUs = Number.NEGATIVE_INFINITY;
  }

  #copy(columns: SampleColumns, offsetUs: number, buffer: SampleBuffer): void {
    const known = this.#metrics;
    const { metrics, values, timesUs } = buffer;
    const { metrics: ids, values: sent, timesUs: sentUs, count: sentCount } = columns;
    const lastId = this.metricNamesKnown;
    const { partTimesUs } = buffer;
    let count = buffer.count;
    let agentUs = Number.NaN;
    let nodeUs = Number.NaN;
    for (let index = 0; index < sentCount; index += 1) {
      const id = ids[index] as number;
      if (id > lastId)
        throw new MyelinError("PROTOCOL_ERROR", `the metric id ${id} was not declared`);
      const metric = known[id] as number;
      if (metric === refusedMetric) {
        this.#ground.counters.refusedSamples += 1;
        continue;
      }
      const timeUs = sentUs[index] as number;
      if (timeUs !== agentUs) {
        agentUs = timeUs;
        nodeUs = this.#toNode(Math.round(timeUs), offsetUs);
      }
      metrics[count] = metric;
      values[count] = sent[index] as number;
      timesUs[count] = nodeUs;
      if (partTimesUs !== undefined) partTimesUs[count] = timeUs;
      count += 1;
    }
    buffer.count = count;
  }

  /** The instant on the node's clock of a whole microsecond on the agent's. */
  #toNode(agentUs: number, offsetUs: number): number {
    const nodeUs = agentUs + offsetUs;
    const behindUs = this.#newestAgentUs - agentUs;
    return behindUs <= 0
      ? Math.max(nodeUs, this.#newestNodeUs)
      : Math.min(nodeUs, this.#newestNodeUs - behindUs);
  }

  #declare(id: number, name: string): void {
    const { engine, counters, maxMetrics, reservedMetrics } = this.#ground;
    if (id <= this.metricNamesKnown) {
      if (this.#names?.[id - 1] === name) return;
      throw new MyelinError("PROTOCOL_ERROR", `the metric id ${id} was declared with another name`);
    }
    if (id !== this.metricNamesKnown + 1) {
      throw new MyelinError(
        "PROTOCOL_ERROR",
        `the metric id ${id} leaves a gap after ${this.metricNamesKnown}`,
      );
    }
    if (id > maxMetrics) {
      throw new MyelinError("RESOURCE_EXHAUSTED", `a session can have ${maxMetrics} metric names`, {
        hint: "Report fewer metrics, or raise the limit maxMetrics that the welcome tells.",
      });
    }
    const metric = reservedMetrics.has(name) ? refusedMetric : metricOf(engine, name);
    if (metric === refusedMetric) counters.refusedNames += 1;
    if (this.#names === undefined) this.#names = [name];
    else this.#names.push(name);
    if (id >= this.#metrics.length) {
      const metrics = new Int32Array(Math.max(firstMetrics, this.#metrics.length * 2));
      metrics.set(this.#metrics);
      this.#metrics = metrics;
    }
    this.#metrics[id] = metric;
  }
}

/** The engine's index of a metric, or {@link refusedMetric} when the node can take no more names. */
function metricOf(engine: IngestEngine, name: string): number {
  try {
    return engine.metric(name);
  } catch (error) {
    const failure = MyelinError.from(error);
    if (failure.code === "RESOURCE_EXHAUSTED") return refusedMetric;
    throw new MyelinError("PROTOCOL_ERROR", failure.message, { cause: error });
  }
}

function stateTooLarge(part: string, sizeBytes: number): MyelinError {
  const isTooDeep = sizeBytes === Number.POSITIVE_INFINITY;
  return new MyelinError(
    "PAYLOAD_TOO_LARGE",
    isTooDeep
      ? `the state of part ${part} is nested more than ${maxTwinLevels} deep`
      : `the state of part ${part} has ${sizeBytes} bytes as JSON; at most ${maxTwinSize} are kept`,
    { hint: "Report less in the state: what changes often is a metric, what happens an event." },
  );
}
