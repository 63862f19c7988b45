/*
 * Packed samples back to columns: one for each session, at the side that receives them.
 *
 * Invariants:
 * 1. What follows a gap in the versions is not read until a full operation comes: a value is never
 *    made from a state that the sender did not have when it wrote it.
 * 2. The state is bounded by the highest metric id that the session has declared, and the output by
 *    `maxPackedSamples`. Nothing is allocated per sample.
 * 3. Whatever the message says, the only error thrown is MyelinError PROTOCOL_ERROR; behind it the
 *    state is void, as the session is.
 * 4. Every column is used up exactly: a message that says more or less than its count is malformed.
 */
import { malformed } from "./byte-reader.ts";
import { ColumnStates, f16, f32, i8, i8Delta, largestCount, mark } from "./column-states.ts";
import { halfValue } from "./half.ts";
import type { MetricDeclaration, PackedSamples } from "./messages.ts";
import type { SampleColumns } from "./sample-columns.ts";

/** A longer pattern of metrics holds for its own operation only. */
export const longestPattern = 256;

const noNames: readonly MetricDeclaration[] = [];
const noBytes = new DataView(new ArrayBuffer(0));

/** Columns that samples are unpacked into; several unpackers of a thread can share one. */
export class UnpackedColumns implements SampleColumns {
  readonly names: readonly MetricDeclaration[] = noNames;
  count = 0;
  metrics: Uint32Array = new Uint32Array(0);
  values: Float64Array = new Float64Array(0);
  /** Agent's clock of each sample, microseconds since the epoch. */
  timesUs: Float64Array = new Float64Array(0);
  isOneInstant = true;

  /** Takes `count` samples. */
  begin(count: number): void {
    this.count = count;
    if (count <= this.values.length) return;
    const capacity = Math.max(64, count);
    this.metrics = new Uint32Array(capacity);
    this.values = new Float64Array(capacity);
    this.timesUs = new Float64Array(capacity);
  }
}

/** Unpacks the samples of one session. */
export class SampleUnpacker {
  readonly #columns: UnpackedColumns;
  readonly #states = new ColumnStates();
  /** Of the last operation unpacked; NaN before the first full one. */
  #version = Number.NaN;
  #timeUs = Number.NaN;
  #stepUs = 0;
  #pattern: Uint32Array = new Uint32Array(0);
  /** Where the next value is read, and the view it is read by, made when it is needed. */
  #at = 0;
  #view: DataView = noBytes;

  constructor(columns: UnpackedColumns) {
    this.#columns = columns;
  }

  /**
   * The samples as columns, valid until any unpacker that shares them unpacks again; undefined when
   * something before is missing, and a full operation must come.
   * @param highestId of the metrics that the session has declared
   * @throws MyelinError PROTOCOL_ERROR
   */
  unpack(packed: PackedSamples, highestId: number): SampleColumns | undefined {
    if (!packed.isFull && packed.version !== this.#version + 1) return undefined;
    const states = this.#states;
    states.reserve(highestId);
    if (packed.isFull) {
      states.clear();
      this.#timeUs = Number.NaN;
      this.#stepUs = 0;
      this.#pattern = new Uint32Array(0);
    }
    this.#version = packed.version;
    const columns = this.#columns;
    columns.begin(packed.count);
    for (const form of packed.forms) {
      const { metric, scale, reference = 0 } = form;
      checkId(metric, highestId);
      const isQuantized = form.form === "i8" || form.form === "i8_delta";
      if (isQuantized && !(scale > 0 && Number.isFinite(scale))) {
        throw malformed("packed_samples.forms.scale", `is ${scale}`);
      }
      if (!Number.isFinite(reference)) {
        throw malformed("packed_samples.forms.reference", `is ${reference}`);
      }
      states.change(form);
    }
    this.#unpackMetrics(packed, highestId);
    this.#unpackTimes(packed);
    this.#unpackValues(packed);
    return columns;
  }

  #unpackMetrics({ metrics: said, count }: PackedSamples, highestId: number): void {
    const { length } = said;
    let pattern = this.#pattern;
    if (length > 0) {
      pattern = Uint32Array.from(said);
      for (let index = 0; index < length; index++) checkId(said[index] as number, highestId);
      this.#pattern = length <= longestPattern ? pattern : new Uint32Array(0);
    } else if (count > 0 && pattern.length === 0) {
      throw malformed("packed_samples.metrics", "are none");
    }
    const { metrics } = this.#columns;
    if (pattern.length === 1) {
      metrics.fill(pattern[0] as number, 0, count);
      return;
    }
    for (let index = 0, place = 0; index < count; index++) {
      metrics[index] = pattern[place] as number;
      if (++place === pattern.length) place = 0;
    }
  }

  #unpackTimes({ count, baseTimeUs, samplesPerInstant, timeSteps }: PackedSamples): void {
    const { timesUs } = this.#columns;
    const perInstant = Math.max(1, samplesPerInstant);
    this.#columns.isOneInstant = count <= perInstant;
    let timeUs = baseTimeUs ?? this.#timeUs;
    let stepUs = baseTimeUs === undefined ? this.#stepUs : 0;
    let token = 0;
    for (let index = 0; index < count; ) {
      const coded = timeSteps[token++];
      if (coded === undefined) throw malformed("packed_samples.time_steps", "are too few");
      let run = 1;
      if (coded === 0) {
        run += timeSteps[token++] ?? Number.NaN;
        if (!(run <= Math.ceil((count - index) / perInstant)))
          throw malformed("packed_samples.time_steps", "say no run");
      } else {
        stepUs += fromZigzag(coded);
        if (stepUs < 0) throw malformed("packed_samples.time_steps", "lead back");
      }
      for (; run > 0; run--) {
        timeUs += stepUs;
        const end = Math.min(count, index + perInstant);
        while (index < end) timesUs[index++] = timeUs;
      }
    }
    if (token !== timeSteps.length) {
      throw malformed("packed_samples.time_steps", "are too many");
    }
    if (count > 0 && !(Math.abs(timeUs) <= Number.MAX_SAFE_INTEGER)) {
      throw malformed("packed_samples.base_time_us", "leads to no time");
    }
    this.#timeUs = timeUs;
    this.#stepUs = stepUs;
  }

  #unpackValues({ count, unchanged, values: bytes }: PackedSamples): void {
    const { metrics, values } = this.#columns;
    const { lasts, hasLast } = this.#states;
    const hasMap = unchanged.length > 0;
    if (hasMap && unchanged.length !== Math.ceil(count / 8)) {
      throw malformed("packed_samples.unchanged", "and count differ");
    }
    const { forms, scales, references, counts } = this.#states;
    this.#view = noBytes;
    let at = 0;
    for (let index = 0; index < count; index++) {
      const id = metrics[index] as number;
      if (hasMap && (((unchanged[index >> 3] as number) >> (index & 7)) & 1) === 1) {
        if (hasLast[id] === 0) throw malformed("packed_samples.unchanged", "has no value before");
        values[index] = lasts[id] as number;
        continue;
      }
      let value: number;
      const form = forms[id] as number;
      // Behind the end this is 0, and the end is looked at below.
      const difference = ((bytes[at] as number) << 24) >> 24;
      if (form >= i8 && difference !== mark) {
        at++;
        const steps = form === i8 ? difference : (counts[id] as number) + difference;
        counts[id] = steps;
        value = (references[id] as number) + (scales[id] as number) * steps;
        if (Number.isNaN(value) || Math.abs(steps) > largestCount)
          throw malformed("packed_samples.values", "count from nothing, or too far");
      } else {
        this.#at = at;
        value = form >= i8 ? this.#marked(id, form, bytes) : this.#float(form, bytes);
        at = this.#at;
      }
      values[index] = value;
      lasts[id] = value;
      hasLast[id] = 1;
    }
    if (at !== bytes.length) throw malformed("packed_samples.values", "and count differ");
  }

  #float(form: number, bytes: Uint8Array): number {
    if (form === f16) return halfValue(this.#next(2, bytes).getUint16(this.#at - 2, true));
    if (form === f32) return this.#next(4, bytes).getFloat32(this.#at - 4, true);
    return this.#next(8, bytes).getFloat64(this.#at - 8, true);
  }

  #marked(id: number, form: number, bytes: Uint8Array): number {
    const value = this.#next(9, bytes).getFloat64(this.#at - 8, true);
    if (form === i8Delta && Number.isFinite(value)) {
      this.#states.references[id] = value;
      this.#states.counts[id] = 0;
    }
    return value;
  }

  /** Goes on by `sizeBytes`, which the view returned holds before `#at`. */
  #next(sizeBytes: number, bytes: Uint8Array): DataView {
    this.#at += sizeBytes;
    if (this.#at > bytes.length) throw malformed("packed_samples.values", "are too few");
    if (this.#view === noBytes) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.#view;
  }
}

function fromZigzag(coded: number): number {
  if (coded < 2 ** 31) return (coded >>> 1) ^ -(coded & 1);
  return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
}

function checkId(id: number, highestId: number): void {
  if (id >= 1 && id <= highestId) return;
  throw malformed("packed_samples.metrics", `has the id ${id}, which was not declared`);
}
