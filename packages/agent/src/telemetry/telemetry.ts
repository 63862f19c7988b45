/*
 * Telemetry between the calls that report it and the frames that carry it.
 *
 * Invariants:
 * 1. Operations keep the order of the calls. Samples are collected in columns until another kind of
 *    operation, an earlier time or the end of the turn closes them.
 * 2. While telemetry flows each turn is sealed into one batch, or several when it is large; while it
 *    does not, turns share batches. A sealed batch is the buffer's and is not changed any more.
 * 3. Batches hold metric ids but no names: names are declared by whoever sends, once for each session.
 * 4. A twin change that did not flow, or that was lost, is made good by the whole state, written when
 *    telemetry flows again.
 */
import type { JsonObject } from "@myelin/core/json";
import { FrameWriter } from "@myelin/core/wire";
import { toJsonObject } from "../json/index.ts";
import { type Loss, TelemetryBuffer } from "./buffer.ts";
import { Columns } from "./columns.ts";
import { MetricNames } from "./metric-names.ts";
import { TwinState } from "./twin.ts";

/** A batch is sealed when it has grown to this; less with a small buffer. */
const sealBytes = 49_152;
/** Largest attributes of one event, about. */
const maxEventBytes = 65_536;
const maxEventTypeLength = 128;

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
    const { value } = toJsonObject(attributes, `event ${type}: attributes`, maxEventBytes);
    this.#closeColumns();
    this.#writer.event({ type: type.slice(0, maxEventTypeLength), attributes: value, timeUs });
    this.#events++;
    this.#sealIfLarge();
    this.#options.onReport();
  }

  /** @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  setState(state: object): void {
    this.#twin.set(state);
    this.#needsWholeTwin = true;
    this.#options.onReport();
  }

  /** @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  patchState(patch: object): void {
    const taken = this.#twin.patch(patch);
    if (!this.isFlowing) this.#needsWholeTwin = true;
    if (!this.#needsWholeTwin) this.#writeTwin(taken, false);
    this.#options.onReport();
  }

  /** Ends a turn of the loop in which telemetry flows: what it reported goes into the buffer. */
  endTurn(): void {
    if (this.#needsWholeTwin) this.#writeTwin(this.#twin.state, true);
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
      maxMetricId: this.#maxMetricId,
      hasTwinDelta: this.#hasTwinDelta,
    };
    this.#samples = this.#events = this.#maxMetricId = 0;
    this.#hasTwinDelta = false;
    this.buffer.push(batch);
    this.#options.onBatch();
  }

  /** A resumed session takes up what the node has not got. */
  resume(confirmedSequence: number): void {
    this.seal();
    this.buffer.resume(confirmedSequence);
  }

  /** A new session takes what is kept, under new numbers, and the whole twin. */
  restart(maxMetrics: number): void {
    this.seal();
    this.names.limit = maxMetrics;
    this.buffer.restart(this.names.limit);
    if (this.#twin.version > 0) this.#needsWholeTwin = true;
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

  #writeTwin(patch: JsonObject, isFull: boolean): void {
    this.#closeColumns();
    const timeUs = Math.floor(this.#options.nowUs());
    this.#writer.twinDelta({ version: this.#twin.version, isFull, patch, timeUs });
    this.#hasTwinDelta = true;
    if (isFull) this.#needsWholeTwin = false;
    this.#sealIfLarge();
  }

  #onLoss(loss: Loss): void {
    this.droppedSamples += loss.samples;
    this.droppedEvents += loss.events;
    if (loss.hasTwinDelta) this.#needsWholeTwin = true;
  }
}
