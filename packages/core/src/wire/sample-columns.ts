/*
 * Samples as columns: the hot path between bytes and typed arrays.
 *
 * Invariants:
 * 1. Nothing is allocated per sample: the arrays are reused and grow only to the largest frame seen.
 * 2. The values decide `count`, and eight bytes of the frame stand for each of them, so no array ever
 *    holds more than an eighth as many entries as the largest frame had bytes. The other columns are
 *    read up to `count` entries and refused when they are longer or shorter.
 * 3. Every metric id is at least 1, and times never decrease.
 */
import { MyelinError } from "../errors/index.ts";
import {
  type ByteReader,
  isLittleEndian,
  malformed,
  wireFixed64,
  wireVarint,
} from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { MetricDeclaration } from "./messages.ts";
import { PackedColumn } from "./packed-column.ts";

/**
 * Samples as they arrived; entry i of each column belongs to sample i. The object and its arrays are
 * reused: valid only during the call that hands them over. The arrays may be longer than `count`.
 */
export interface SampleColumns {
  /** Names used for the first time in this session. */
  readonly names: readonly MetricDeclaration[];
  readonly count: number;
  /** Ids of the metrics, each at least 1. */
  readonly metrics: Uint32Array;
  /** NaN and infinities are legal. */
  readonly values: Float64Array;
  /** Microseconds since the epoch on the agent's clock, not decreasing. */
  readonly timesUs: Float64Array;
  /** True when all samples were sent with one time. */
  readonly isOneInstant: boolean;
}

/** Samples to be sent. */
export interface OutgoingSamples {
  readonly names: readonly MetricDeclaration[];
  /** Agent's clock of the first instant, whole microseconds since the epoch. */
  readonly baseTimeUs: number;
  /** Ids of the metrics, each at least 1. */
  readonly metrics: ArrayLike<number>;
  readonly values: Float64Array;
  /** Whole microseconds after `baseTimeUs`, not decreasing; undefined when all are at it. */
  readonly offsetsUs: ArrayLike<number> | undefined;
  /** How many samples; the columns may be longer. */
  readonly count: number;
}

/** So many values are copied at once, as they lie in the frame; fewer cost less one by one. */
const leastCopied = 8;
const noNames: readonly MetricDeclaration[] = [];

/** Reads Samples messages into columns that it owns. */
export class SampleReader implements SampleColumns {
  names: readonly MetricDeclaration[] = noNames;
  count = 0;
  metrics: Uint32Array = new Uint32Array(0);
  values: Float64Array = new Float64Array(0);
  timesUs: Float64Array = new Float64Array(0);
  isOneInstant = true;

  /** The memory of `values`. */
  #valueBytes: Uint8Array = new Uint8Array(0);
  readonly #metricColumn = new PackedColumn();
  readonly #valueColumn = new PackedColumn();
  readonly #offsetColumn = new PackedColumn();

  /** Reads the Samples message that the reader is in, to its end. */
  read(reader: ByteReader): void {
    this.#metricColumn.reset(reader);
    this.#valueColumn.reset(reader);
    this.#offsetColumn.reset(reader);
    const baseTimeUs = this.#locate(reader);
    this.#readValues();
    this.#readMetrics();
    this.#readTimes(baseTimeUs);
  }

  /** Finds the columns and reads the rest; returns the base time. */
  #locate(reader: ByteReader): number {
    let baseTimeUs = 0;
    let names: MetricDeclaration[] | undefined;
    for (let number = reader.field(); number !== 0; number = reader.field()) {
      switch (number) {
        case 1:
          names ??= [];
          names.push(readName(reader));
          break;
        case 2:
          baseTimeUs = reader.time("samples.base_time_us");
          break;
        case 3:
          this.#metricColumn.add(wireVarint, "samples.metrics");
          break;
        case 4:
          this.#valueColumn.add(wireFixed64, "samples.values");
          break;
        case 5:
          this.#offsetColumn.add(wireVarint, "samples.time_offsets_us");
          break;
        default:
          reader.skip("samples");
      }
    }
    this.names = names ?? noNames;
    return baseTimeUs;
  }

  #readValues(): void {
    const column = this.#valueColumn;
    column.gather();
    const sizeBytes = column.end - column.start;
    if (sizeBytes % 8 !== 0) throw malformed("samples.values", "is not a whole number of doubles");
    const count = sizeBytes / 8;
    this.count = count;
    if (count > this.values.length) this.#grow(count);
    if (isLittleEndian && count >= leastCopied) {
      this.#valueBytes.set(column.reader.bytes.subarray(column.start, column.end));
      return;
    }
    const { view } = column.reader;
    const { values } = this;
    for (let index = 0, at = column.start; index < count; index++, at += 8) {
      values[index] = view.getFloat64(at, true);
    }
  }

  #grow(count: number): void {
    const capacity = Math.max(count, 16);
    this.values = new Float64Array(capacity);
    this.#valueBytes = new Uint8Array(this.values.buffer);
    this.metrics = new Uint32Array(capacity);
    this.timesUs = new Float64Array(capacity);
  }

  #readMetrics(): void {
    const { count, metrics } = this;
    const column = this.#metricColumn;
    column.gather();
    if (column.end - column.start === count && column.readBytes(metrics, count)) return;
    // The times are read later; until then their array holds the ids.
    const ids = this.timesUs;
    const length = column.readVarints(ids, count, "samples.metrics");
    if (length !== count && length !== 1) {
      throw malformed("samples.metrics", "and samples.values differ in length");
    }
    for (let index = 0; index < length; index++) {
      const id = ids[index] as number;
      if (id < 1 || id > 0xffffffff) throw malformed("samples.metrics", `has the id ${id}`);
      metrics[index] = id;
    }
    const first = metrics[0] as number;
    for (let index = length; index < count; index++) metrics[index] = first;
  }

  #readTimes(baseTimeUs: number): void {
    const { count, timesUs } = this;
    const column = this.#offsetColumn;
    column.gather();
    this.isOneInstant = column.start === column.end;
    if (this.isOneInstant) {
      for (let index = 0; index < count; index++) timesUs[index] = baseTimeUs;
      return;
    }
    const length = column.readVarints(timesUs, count, "samples.time_offsets_us");
    if (length !== count) {
      throw malformed("samples.time_offsets_us", "and samples.values differ in length");
    }
    let previousUs = 0;
    for (let index = 0; index < count; index++) {
      const offsetUs = timesUs[index] as number;
      if (offsetUs < previousUs) throw malformed("samples.time_offsets_us", "decreases");
      previousUs = offsetUs;
      timesUs[index] = baseTimeUs + offsetUs;
    }
    if (baseTimeUs + previousUs > Number.MAX_SAFE_INTEGER) {
      throw malformed("samples.time_offsets_us", "leads to no time");
    }
  }
}

function readName(reader: ByteReader): MetricDeclaration {
  let id = 0;
  let name = "";
  const outer = reader.enter("samples.names");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) id = reader.uint32("samples.names.id");
    else if (number === 2) name = reader.string("samples.names.name");
    else reader.skip("samples.names");
  }
  reader.leave(outer);
  if (id === 0) throw malformed("samples.names.id", "is 0");
  return { id, name };
}

/** Writes the fields of a Samples message. */
export function writeSamples(writer: ByteWriter, samples: OutgoingSamples): void {
  const { names, metrics, values, offsetsUs, count } = samples;
  for (const { id, name } of names) {
    const start = writer.open(0x0a);
    writer.uint(0x08, id);
    writer.string(0x12, name);
    writer.close(start);
  }
  writer.time(0x11, samples.baseTimeUs);
  if (count === 0) return;
  const metricCount = isOfOneMetric(metrics, count) ? 1 : count;
  writeMetrics(writer, metrics, metricCount);
  writer.putByte(0x22);
  writer.putVarint(count * 8);
  writer.putDoubles(values, count);
  // Offsets do not decrease, so that the last is 0 only where all are.
  if (offsetsUs !== undefined && offsetsUs[count - 1] !== 0) writeOffsets(writer, offsetsUs, count);
}

function isOfOneMetric(metrics: ArrayLike<number>, count: number): boolean {
  const first = metrics[0];
  for (let index = 1; index < count; index++) if (metrics[index] !== first) return false;
  return true;
}

function writeMetrics(writer: ByteWriter, metrics: ArrayLike<number>, count: number): void {
  let largest = 0;
  for (let index = 0; index < count; index++) {
    const id = metrics[index] ?? 0;
    if (!(id >= 1 && id <= 0xffffffff)) throw refused(`the metric id ${id} is out of range`);
    if (id > largest) largest = id;
  }
  const opened = writer.open(0x1a);
  writer.putVarints(metrics, count, largest);
  writer.close(opened);
}

function writeOffsets(writer: ByteWriter, offsetsUs: ArrayLike<number>, count: number): void {
  let previousUs = 0;
  for (let index = 0; index < count; index++) {
    const offsetUs = offsetsUs[index] ?? 0;
    if (!(offsetUs >= previousUs)) throw refused("the samples' times decrease, or are none");
    previousUs = offsetUs;
  }
  if (previousUs > Number.MAX_SAFE_INTEGER) throw refused("the samples' times are too far apart");
  const opened = writer.open(0x2a);
  writer.putVarints(offsetsUs, count, previousUs);
  writer.close(opened);
}

function refused(problem: string): MyelinError {
  return new MyelinError("INVALID_ARGUMENT", problem);
}
