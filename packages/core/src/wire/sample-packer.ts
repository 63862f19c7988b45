/*
 * Samples in their compact form: one packer for each session, at the side that sends them.
 *
 * Invariants:
 * 1. The receiver's value of each sample is within the metric's tolerance of the value given, and the
 *    same number where the tolerance is 0: each is worked out here as the receiver will, and looked at.
 * 2. What is packed is sent, in this order and in this session, or `reset` is called.
 * 3. Every `fullInterval` operations one is full, and the first after `reset` is.
 * 4. Nothing is allocated per sample.
 */
import { formBytes } from "./column-forms.ts";
import { ColumnStates, f16, f32, i8, i8Delta, largestCount, mark } from "./column-states.ts";
import { FormChoice, holds, type PackableSamples } from "./form-choice.ts";
import { halfBits, halfValue } from "./half.ts";
import type { ColumnForm, PackedSamples } from "./messages.ts";
import { maxPackedSamples } from "./packed-samples-codec.ts";
import { longestPattern } from "./sample-unpacker.ts";
import { TimeSteps } from "./time-steps.ts";

/** A full operation comes at least this often. */
const fullInterval = 256;
/** Bytes that the field of unchanged values takes beside its bits. */
const mapOverhead = 3;
/** A value takes at most a mark and a double. */
const mostBytesPerValue = 9;

const noBytes = new Uint8Array(0);
const noNumbers: readonly number[] = [];

/** Packs the samples of one session. */
export class SamplePacker {
  readonly #states = new ColumnStates();
  readonly #choice: FormChoice;
  readonly #times = new TimeSteps();
  #version = 0;
  #sinceFull = fullInterval;
  /** The pattern that the receiver remembers. */
  #pattern = new Uint32Array(longestPattern);
  #patternLength = 0;
  #bytes = noBytes;
  #view = new DataView(noBytes.buffer);
  #at = 0;
  #map = noBytes;

  /** `forms` are those that the receiver reads; f64 is one of them always. */
  constructor(forms: readonly ColumnForm[]) {
    this.#choice = new FormChoice(forms);
  }

  /** The next operation is full: the receiver has lost what it kept, or what was packed was not sent. */
  reset(): void {
    this.#sinceFull = fullInterval;
  }

  /**
   * Packs samples, at least one. What is returned is valid until the next call.
   * @param tolerances by metric id: how far off the receiver's values may be, in the metric's unit; 0,
   * or beyond the list, for not at all
   * @returns undefined when they have no compact form: too many, or at fractions of microseconds
   */
  pack(samples: PackableSamples, tolerances: ArrayLike<number>): PackedSamples | undefined {
    const { count, metrics, timesUs } = samples;
    if (count > maxPackedSamples) return undefined;
    const isFull = this.#sinceFull >= fullInterval;
    if (isFull) {
      this.#states.clear();
      this.#times.reset();
      this.#patternLength = 0;
    }
    if (!this.#times.code(timesUs, count)) return undefined;
    const pattern = this.#patternOf(metrics, count);
    let highestId = 0;
    for (let index = 0; index < pattern.length; index++) {
      if ((pattern[index] as number) > highestId) highestId = pattern[index] as number;
    }
    this.#states.reserve(highestId);
    const choice = this.#choice;
    choice.choose(samples, tolerances, this.#states);
    const mapBytes = Math.ceil(count / 8);
    const hasMap = choice.savedBytes > mapBytes + mapOverhead;
    this.#begin(count, hasMap ? mapBytes : 0);
    this.#write(samples, tolerances, hasMap);
    this.#sinceFull = isFull ? 1 : this.#sinceFull + 1;
    const { baseTimeUs, numbers, length, samplesPerInstant } = this.#times;
    const packed = {
      version: ++this.#version,
      isFull,
      count,
      metrics: this.#told(pattern),
      samplesPerInstant,
      timeSteps: numbers.subarray(0, length),
      forms: choice.changes,
      unchanged: hasMap ? this.#map.subarray(0, mapBytes) : noBytes,
      values: this.#bytes.subarray(0, this.#at),
    };
    return baseTimeUs === undefined ? packed : { ...packed, baseTimeUs };
  }

  /** The shortest beginning of the metrics that the rest repeats. */
  #patternOf(metrics: Uint32Array, count: number): Uint32Array {
    const first = metrics[0];
    let length = 1;
    while (length < count && metrics[length] !== first) length++;
    for (let index = length; index < count; index++) {
      if (metrics[index] !== metrics[index - length]) return metrics.subarray(0, count);
    }
    return metrics.subarray(0, length);
  }

  /** The pattern as it is told: not at all when the receiver remembers it. */
  #told(pattern: Uint32Array): ArrayLike<number> {
    const { length } = pattern;
    let isKnown = length === this.#patternLength;
    for (let index = 0; isKnown && index < length; index++) {
      isKnown = pattern[index] === this.#pattern[index];
    }
    if (isKnown) return noNumbers;
    this.#patternLength = length <= longestPattern ? length : 0;
    if (length <= longestPattern) this.#pattern.set(pattern);
    return pattern;
  }

  #begin(count: number, mapBytes: number): void {
    if (this.#bytes.length < count * mostBytesPerValue) {
      this.#bytes = new Uint8Array(count * mostBytesPerValue);
      this.#view = new DataView(this.#bytes.buffer);
    }
    if (this.#map.length < mapBytes) this.#map = new Uint8Array(mapBytes);
    this.#map.fill(0, 0, mapBytes);
    this.#at = 0;
  }

  #write(samples: PackableSamples, tolerances: ArrayLike<number>, hasMap: boolean): void {
    const { count, metrics, values } = samples;
    const { lasts, hasLast } = this.#states;
    const map = this.#map;
    for (let index = 0; index < count; index++) {
      const id = metrics[index] as number;
      const value = values[index] as number;
      const tolerance = tolerances[id] ?? 0;
      if (hasMap && hasLast[id] === 1 && holds(lasts[id] as number, value, tolerance)) {
        (map[index >> 3] as number) |= 1 << (index & 7);
        continue;
      }
      lasts[id] = this.#put(id, value, tolerance);
      hasLast[id] = 1;
    }
  }

  /** Writes one value and returns it as the receiver will have it. */
  #put(id: number, value: number, tolerance: number): number {
    const form = this.#states.forms[id] as number;
    if (form === i8 || form === i8Delta) return this.#putCount(id, form, value, tolerance);
    const at = this.#at;
    this.#at = at + (formBytes[form] as number);
    if (form === f16) {
      const bits = halfBits(value);
      this.#view.setUint16(at, bits, true);
      return halfValue(bits);
    }
    if (form === f32) {
      this.#view.setFloat32(at, value, true);
      return Math.fround(value);
    }
    this.#view.setFloat64(at, value, true);
    return value;
  }

  #putCount(id: number, form: number, value: number, tolerance: number): number {
    const { references, scales, counts } = this.#states;
    const reference = references[id] as number;
    const scale = scales[id] as number;
    const count = Math.round((value - reference) / scale);
    const byte = form === i8 ? count : count - (counts[id] as number);
    // False for NaN too: where there is no reference, and where the value has no count.
    if (byte > mark && byte < -mark && Math.abs(count) <= largestCount) {
      const shown = reference + scale * count;
      if (holds(shown, value, tolerance)) {
        counts[id] = count;
        this.#bytes[this.#at++] = byte;
        return shown;
      }
    }
    this.#bytes[this.#at] = mark;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += mostBytesPerValue;
    if (form === i8Delta && Number.isFinite(value)) {
      references[id] = value;
      counts[id] = 0;
    }
    return value;
  }
}
