/*
 * Telemetry between the calls that report it and the frames that carry it.
 *
 * Invariants:
 * 1. Operations keep the order of the calls. Samples are collected in columns until another kind of
 *    operation, an earlier time or the end of the turn closes them.
 * 2. While telemetry flows each turn is sealed into one batch, or several when it is large; while it
 *    does not, turns share batches. A sealed batch is the buffer's and is not changed any more.
 * 3. Batches hold metric ids but no names: names are declared by whoever sends, once for each session.
 * 4. A change of the twin that could not flow, or was lost, is made good by the whole twin, told before
 *    any telemetry that comes after it: whoever sends takes it from `takeWholeTwin`. Older changes in
 *    batches behind it are then repetitions to the node.
 * 5. What was reported before the clock was set back leaves before that is told, or never: behind it, it would lie
 *    ahead of all that comes after it.
 */
import type { JsonObject } from "@myelin/core/json";
import { FrameWriter, type TwinDelta } from "@myelin/core/wire";
import { toJsonObject } from "../json/index.ts";
import { type Loss, TelemetryBuffer } from "./buffer.ts";
import { Columns } from "./columns.ts";
import { MetricNames } from "./metric-names.ts";
import { TwinState } from "./twin.ts";

/** A batch is sealed when it has grown to this; less with a small buffer. */
const sealBytes = 49_152;
/** So many samples are worth packing without any tolerance, for what they have in common. */
const worthPacking = 32;
/** Bounds of one event's attributes. */
const eventBounds = { maxBytes: 65_536 };

/** What Telemetry needs. */
export interface TelemetryOptions {
  /** Bound on what is kept, in bytes. */
  readonly bufferBytes: number;
  readonly nowUs: () => number;
  /** Called when something was reported that the end of the turn shall send. */
  readonly onReport: () => void;
  /** Called when a batch was put into the buffer. */
  readonly onBatch: () => void;
}

/** Collects samples, events and twin changes into batches, and keeps those until they are confirmed. */
export class Telemetry {
  readonly names: MetricNames = new MetricNames();
  readonly buffer: TelemetryBuffer;
  /** True while batches can leave at once; kept by the outbox. */
  isFlowing = false;
  /** Samples and events given up since the agent began. */
  droppedSamples = 0;
  droppedEvents = 0;

  readonly #options: TelemetryOptions;
  readonly #sealBytes: number;
  readonly #columns: Columns;
  readonly #writer = new FrameWriter();
  readonly #twin = new TwinState();
  #samples = 0;
  #events = 0;
  #maxMetricId = 0;
  #hasTwinDelta = false;
  #needsWholeTwin = false;
  /** The last batch of an earlier time line, as the buffer counts. */
  #outdatedOrdinal = 0;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#sealBytes = Math.min(sealBytes, Math.floor(options.bufferBytes / 8));
    this.#columns = new Columns(Math.floor(this.#sealBytes / 12));
    this.buffer = new TelemetryBuffer(options.bufferBytes - this.#sealBytes, (loss) =>
      this.#onLoss(loss),
    );
  }

  /** Bytes kept or being collected. */
  get sizeBytes(): number {
    return this.buffer.sizeBytes + this.#pendingBytes;
  }

  /** The state reported; not to be changed. */
  get state(): JsonObject {
    return this.#twin.state;
  }

  /** Takes one sample; `timeUs` in whole microseconds. A metric that the session has no room for is dropped. */
  sample(metricId: number, value: number, timeUs: number): void {
    if (metricId === 0 || metricId > this.names.limit) {
      this.droppedSamples++;
      return;
    }
    if (this.#columns.add(metricId, value, timeUs)) return;
    this.#closeColumns();
    this.#sealIfLarge();
    this.#columns.add(metricId, value, timeUs);
  }

  /** @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  event(type: string, attributes: object, timeUs: number): void {
    const { value } = toJsonObject(attributes, `event ${type}: attributes`, eventBounds);
    this.#closeColumns();
    this.#writer.event({ type, attributes: value, timeUs });
    this.#events++;
    this.#sealIfLarge();
    this.#options.onReport();
  }

  /** @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  setState(state: object): void {
    this.#twin.set(state);
    this.#noteTwin(this.#twin.state, true);
  }

  /** @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  patchState(patch: object): void {
    this.#noteTwin(this.#twin.patch(patch), false);
  }

  /** The whole twin, if the node must be told of it before any further telemetry. */
  takeWholeTwin(): TwinDelta | undefined {
    if (!this.#needsWholeTwin) return undefined;
    this.#needsWholeTwin = false;
    return this.#twinDelta(this.#twin.state, true);
  }

  /** Puts all there is to be confirmed into the buffer, a change of the twin that could not flow included. */
  sealAll(): void {
    if (this.#needsWholeTwin && !this.isFlowing) this.#writeTwin(this.#twin.state, true);
    this.seal();
  }

  /** Puts what was collected into the buffer. */
  seal(): void {
    this.#closeColumns();
    if (this.#writer.isEmpty) return;
    const headerSequence = this.isFlowing ? this.buffer.directSequence : 0;
    if (headerSequence !== 0) this.#writer.header(this.#options.nowUs(), headerSequence);
    const batch = {
      bytes: this.#writer.take(),
      headerSequence,
      samples: this.#samples,
      events: this.#events,
      isWorthPacking:
        this.#samples >= worthPacking || (this.#samples > 0 && this.names.hasTolerances),
      maxMetricId: this.#maxMetricId,
      hasTwinDelta: this.#hasTwinDelta,
    };
    this.#samples = this.#events = this.#maxMetricId = 0;
    this.#hasTwinDelta = false;
    this.buffer.push(batch);
    this.#options.onBatch();
  }

  /** The clock was set back: what was reported up to now is of an earlier time line. */
  setBack(): void {
    this.seal();
    this.#outdatedOrdinal = this.buffer.pushed;
  }

  /** A resumed session takes up what the node has not got, and the whole twin: what was told of it may be lost. */
  resume(confirmedSequence: number): void {
    this.seal();
    this.buffer.resume(confirmedSequence);
    this.buffer.giveUp(this.#outdatedOrdinal);
    this.#needsWholeTwin = this.#twin.version > 0;
  }

  /** A new session takes what is kept, under new numbers, and the whole twin. */
  restart(maxMetrics: number): void {
    this.seal();
    this.names.limit = maxMetrics;
    this.buffer.restart(this.names.limit);
    this.buffer.giveUp(this.#outdatedOrdinal);
    this.#needsWholeTwin = this.#twin.version > 0;
  }

  get #pendingBytes(): number {
    return this.#writer.sizeBytes + this.#columns.sizeBytes;
  }

  #closeColumns(): void {
    const columns = this.#columns;
    if (columns.count === 0) return;
    this.#samples += columns.count;
    this.#maxMetricId = Math.max(this.#maxMetricId, columns.maxMetricId);
    columns.writeTo(this.#writer);
  }

  #sealIfLarge(): void {
    if (this.#writer.sizeBytes >= this.#sealBytes) this.seal();
  }

  #noteTwin(patch: JsonObject, isFull: boolean): void {
    if (this.isFlowing && !this.#needsWholeTwin) this.#writeTwin(patch, isFull);
    else this.#needsWholeTwin = true;
    this.#options.onReport();
  }

  #writeTwin(patch: JsonObject, isFull: boolean): void {
    this.#closeColumns();
    this.#writer.twinDelta(this.#twinDelta(patch, isFull));
    this.#hasTwinDelta = true;
    this.#sealIfLarge();
  }

  #twinDelta(patch: JsonObject, isFull: boolean): TwinDelta {
    const timeUs = Math.floor(this.#options.nowUs());
    return { version: this.#twin.version, isFull, patch, timeUs };
  }

  #onLoss(loss: Loss): void {
    this.droppedSamples += loss.samples;
    this.droppedEvents += loss.events;
    if (loss.hasTwinDelta) this.#needsWholeTwin = true;
  }
}
