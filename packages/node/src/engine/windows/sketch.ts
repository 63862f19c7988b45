/**
 * A sketch of the samples in buckets: how many fall into each of fixed bins. It is merged by adding, and what leaves is
 * taken away exactly, since counts are whole numbers.
 *
 * A bin is the sign, the exponent and the first six bits behind the point of a double, so 64 to each power of two: the
 * middle of a bin is at most 1/128 of a value away from it. No logarithm, which engines round as they like.
 *
 * Invariants
 * 1. `#bins` are the bins that hold something, in order of value; `#counts` how many, `#entries` the entry of the bin in
 *    the open bucket, if it is not before `#openFrom`.
 * 2. An entry of the ring tells how many samples of one bin a bucket has; those of a bucket follow one another.
 */
import type { WordReader, WordWriter } from "../words.ts";
import { bucketOf, bucketsPerWindow } from "./buckets.ts";
import type { SeriesLog } from "./series-log.ts";

const bucketRing = 2 * bucketsPerWindow;
const bucketMask = bucketRing - 1;
const highWord = 1;
const binShift = 14;

export class Sketch {
  readonly #widthUs: number;
  #bins = new Int32Array(64);
  #counts = new Float64Array(64);
  #entries = new Float64Array(64);
  #binCount = 0;
  /** Entries of all buckets, a ring: bin, and how many. */
  #entryBins = new Int32Array(256);
  #entryCounts = new Float64Array(256);
  #firstEntry = 0;
  #endEntry = 0;
  /** By bucket, a ring: its number, and its first entry. */
  readonly #numbers = new Float64Array(bucketRing);
  readonly #froms = new Float64Array(bucketRing);
  #firstBucket = 0;
  #endBucket = 0;
  #fed: number;
  #total = 0;
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  constructor(widthUs: number, firstSample: number) {
    this.#widthUs = widthUs;
    this.#fed = firstSample;
  }

  /** Takes the samples of the log that have come since. */
  feed(log: SeriesLog, slot: number): void {
    const end = log.ends[slot] as number;
    // What has gone from the log meanwhile is beyond the reach of the window.
    this.#fed = Math.max(this.#fed, log.firsts[slot] as number);
    for (; this.#fed < end; this.#fed += 1)
      this.#take(log.timeUs(slot, this.#fed), log.value(slot, this.#fed));
  }

  /** A sample has been put before others: it comes to the open bucket, unless it is still to be taken. */
  takeBetween(number: number, timeUs: number, value: number): void {
    if (number >= this.#fed) return;
    this.#take(timeUs, value);
    this.#fed += 1;
  }

  /** Writes what it holds; numbers of samples are told from `firstSample` on. */
  save(into: WordWriter, firstSample: number): void {
    into.number(this.#fed - firstSample);
    into.number(this.#endBucket - this.#firstBucket);
    const mask = this.#entryBins.length - 1;
    for (let bucket = this.#firstBucket; bucket < this.#endBucket; bucket += 1) {
      const from = this.#froms[bucket & bucketMask] as number;
      const isLast = bucket + 1 === this.#endBucket;
      const end = isLast ? this.#endEntry : (this.#froms[(bucket + 1) & bucketMask] as number);
      into.number(this.#numbers[bucket & bucketMask] as number);
      into.number(end - from);
      for (let entry = from; entry < end; entry += 1) {
        into.number(this.#entryBins[entry & mask] as number);
        into.number(this.#entryCounts[entry & mask] as number);
      }
    }
  }

  /** Makes what was saved; the samples that it had taken count from 0. */
  static load(widthUs: number, from: WordReader): Sketch {
    const sketch = new Sketch(widthUs, from.number());
    const buckets = from.number();
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      sketch.#beginBucket(from.number());
      const entries = from.number();
      for (let entry = 0; entry < entries; entry += 1)
        sketch.#addToBin(from.number(), from.number());
    }
    return sketch;
  }

  /** The quantile of the buckets from number `oldest` on, between the middles of its bins; NaN when there is none. */
  quantile(oldest: number, quantile: number): number {
    this.#dropBefore(oldest);
    if (this.#total === 0) return Number.NaN;
    const rank = quantile * (this.#total - 1);
    const below = Math.floor(rank);
    let place = 0;
    let upTo = this.#counts[0] as number;
    while (upTo <= below) {
      place += 1;
      upTo += this.#counts[place] as number;
    }
    const lower = this.#middleOf(this.#bins[place] as number);
    // Both neighbours are in one bin, unless the lower is the last of it.
    if (rank === below || below + 1 < upTo) return lower;
    return between(lower, this.#middleOf(this.#bins[place + 1] as number), rank - below);
  }

  #take(timeUs: number, value: number): void {
    const number = bucketOf(timeUs, this.#widthUs);
    const isEmpty = this.#endBucket === this.#firstBucket;
    if (isEmpty || number > (this.#numbers[(this.#endBucket - 1) & bucketMask] as number)) {
      this.#dropBefore(number - bucketsPerWindow);
      this.#beginBucket(number);
    }
    this.#addToBin(this.#binOf(value), 1);
  }

  #beginBucket(number: number): void {
    this.#numbers[this.#endBucket & bucketMask] = number;
    this.#froms[this.#endBucket & bucketMask] = this.#endEntry;
    this.#endBucket += 1;
  }

  #addToBin(bin: number, count: number): void {
    const place = this.#placeOf(bin);
    if (place === this.#binCount || this.#bins[place] !== bin) this.#insertBin(place, bin);
    this.#counts[place] = (this.#counts[place] as number) + count;
    this.#total += count;
    const openFrom = this.#froms[(this.#endBucket - 1) & bucketMask] as number;
    if ((this.#entries[place] as number) < openFrom) this.#entries[place] = this.#addEntry(bin);
    const entry = (this.#entries[place] as number) & (this.#entryBins.length - 1);
    this.#entryCounts[entry] = (this.#entryCounts[entry] as number) + count;
  }

  #dropBefore(oldest: number): void {
    while (
      this.#firstBucket < this.#endBucket &&
      (this.#numbers[this.#firstBucket & bucketMask] as number) < oldest
    ) {
      this.#firstBucket += 1;
      const end =
        this.#firstBucket < this.#endBucket
          ? (this.#froms[this.#firstBucket & bucketMask] as number)
          : this.#endEntry;
      for (; this.#firstEntry < end; this.#firstEntry += 1) this.#takeAway(this.#firstEntry);
    }
  }

  #takeAway(entry: number): void {
    const at = entry & (this.#entryBins.length - 1);
    const place = this.#placeOf(this.#entryBins[at] as number);
    const count = this.#entryCounts[at] as number;
    this.#total -= count;
    const left = (this.#counts[place] as number) - count;
    this.#counts[place] = left;
    if (left > 0) return;
    this.#bins.copyWithin(place, place + 1, this.#binCount);
    this.#counts.copyWithin(place, place + 1, this.#binCount);
    this.#entries.copyWithin(place, place + 1, this.#binCount);
    this.#binCount -= 1;
  }

  #insertBin(place: number, bin: number): void {
    if (this.#binCount === this.#bins.length) {
      this.#bins = doubledInt32(this.#bins);
      this.#counts = doubledFloat64(this.#counts);
      this.#entries = doubledFloat64(this.#entries);
    }
    this.#bins.copyWithin(place + 1, place, this.#binCount);
    this.#counts.copyWithin(place + 1, place, this.#binCount);
    this.#entries.copyWithin(place + 1, place, this.#binCount);
    this.#bins[place] = bin;
    this.#counts[place] = 0;
    this.#entries[place] = -1;
    this.#binCount += 1;
  }

  #addEntry(bin: number): number {
    const length = this.#entryBins.length;
    if (this.#endEntry - this.#firstEntry === length) {
      const bins = new Int32Array(length * 2);
      const counts = new Float64Array(length * 2);
      for (let entry = this.#firstEntry; entry < this.#endEntry; entry += 1) {
        bins[entry & (length * 2 - 1)] = this.#entryBins[entry & (length - 1)] as number;
        counts[entry & (length * 2 - 1)] = this.#entryCounts[entry & (length - 1)] as number;
      }
      this.#entryBins = bins;
      this.#entryCounts = counts;
    }
    const entry = this.#endEntry;
    const at = entry & (this.#entryBins.length - 1);
    this.#entryBins[at] = bin;
    this.#entryCounts[at] = 0;
    this.#endEntry += 1;
    return entry;
  }

  /** Where a bin is, or would be. */
  #placeOf(bin: number): number {
    let low = 0;
    let high = this.#binCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bins[middle] as number) < bin) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Bins are in order of value; those below 0 have negative numbers. */
  #binOf(value: number): number {
    this.#double[0] = Math.abs(value);
    const bin = (this.#words[highWord] as number) >>> binShift;
    return value < 0 ? -1 - bin : bin;
  }

  #middleOf(bin: number): number {
    const magnitude = bin < 0 ? -1 - bin : bin;
    const isInfinite = magnitude === infiniteBin;
    this.#words[0] = 0;
    this.#words[highWord] =
      magnitude === 0 || isInfinite
        ? magnitude << binShift
        : (magnitude << binShift) | (1 << (binShift - 1));
    const value = this.#double[0] as number;
    return bin < 0 ? -value : value;
  }
}

const infiniteBin = 0x7ff00000 >>> binShift;

/** The value a part of the way between two neighbours; unknown where infinities do not let it be told. */
export function between(lower: number, upper: number, part: number): number {
  if (lower === upper) return lower;
  const isFinite = Number.isFinite(lower) && Number.isFinite(upper);
  return isFinite ? lower + (upper - lower) * part : lower + upper;
}

function doubledInt32(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

function doubledFloat64(from: Float64Array): Float64Array<ArrayBuffer> {
  const to = new Float64Array(from.length * 2);
  to.set(from);
  return to;
}
