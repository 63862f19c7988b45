/**
 * The samples of one metric in a window (t − w, t] in order of value, for every agent, by slot. It takes the samples from
 * the log when it is asked, each once.
 *
 * Invariants
 * 1. The slot's block holds, in order, the values of the samples from `#heads` to before `#taken`.
 * 2. With more than `bound` samples in (t − w, t] it is a sketch of the buckets that reach into the window instead: a
 *    function of the samples alone. The sketch is kept while the window is near that.
 */
import { grownFloat64, grownInt32 } from "../growth.ts";
import type { WordReader, WordWriter } from "../words.ts";
import { noBlock } from "./block-pool.ts";
import type { SeriesLog } from "./series-log.ts";
import { between, Sketch } from "./sketch.ts";
import type { SpanReader, WindowSpan } from "./window-span.ts";

export class QuantileWindow implements SpanReader {
  readonly #log: SeriesLog;
  readonly span: WindowSpan;
  #heads: Float64Array;
  #taken: Float64Array;
  #blocks: Int32Array;
  #lengths: Int32Array;
  readonly #sketches: (Sketch | undefined)[] = [];

  constructor(span: WindowSpan) {
    const { log } = span;
    this.#log = log;
    this.span = span;
    this.#heads = new Float64Array(log.capacity);
    this.#taken = new Float64Array(log.capacity);
    this.#blocks = new Int32Array(log.capacity).fill(noBlock);
    this.#lengths = new Int32Array(log.capacity);
    span.addReader(this);
  }

  /** The quantile of the window that ends at `nowUs`, between neighbours by rank; NaN when it is empty. */
  quantile(slot: number, nowUs: number, quantile: number): number {
    const log = this.#log;
    const end = log.ends[slot] as number;
    const edgeUs = nowUs - this.span.widthUs;
    if (this.span.isBeyondBound(slot, nowUs))
      return this.#feed(slot).quantile(this.span.oldestBucket(nowUs), quantile);
    const first = this.#log.firsts[slot] as number;
    let head = Math.max(this.#heads[slot] as number, first);
    while (head < end && log.timeUs(slot, head) <= edgeUs) head += 1;
    this.#moveTo(slot, head, first, end);
    const count = end - head;
    if (count === 0) return Number.NaN;
    const handle = this.#blocks[slot] as number;
    const values = log.pool.segment(handle);
    const at = log.pool.offset(handle);
    const rank = quantile * (count - 1);
    const below = Math.floor(rank);
    const lower = values[at + below] as number;
    return rank === below ? lower : between(lower, values[at + below + 1] as number, rank - below);
  }

  beforeTrim(slot: number): void {
    this.#feed(slot);
  }

  forgetBuckets(slot: number): void {
    this.#sketches[slot] = undefined;
  }

  reordered(slot: number, number: number): void {
    const log = this.#log;
    const first = this.#log.firsts[slot] as number;
    this.#heads[slot] = first;
    this.#taken[slot] = first;
    const [timeUs, value] = [log.timeUs(slot, number), log.value(slot, number)];
    this.#sketches[slot]?.takeBetween(number, timeUs, value);
  }

  /** Writes the sketch of a slot, where it has one; false where it has none. */
  saveBuckets(slot: number, into: WordWriter): boolean {
    const sketch = this.#sketches[slot];
    sketch?.save(into, this.#log.firsts[slot] as number);
    return sketch !== undefined;
  }

  /** Takes up the sketch of a slot whose samples have been appended from number 0 on. */
  loadBuckets(slot: number, from: WordReader): void {
    this.#sketches[slot] = Sketch.load(this.span.widthUs, from);
  }

  release(slot: number): void {
    this.#giveBlock(slot);
    this.#heads[slot] = 0;
    this.#taken[slot] = 0;
    this.#sketches[slot] = undefined;
  }

  /** No rule reads it any more. */
  drop(): void {
    for (let slot = 0; slot < this.#blocks.length; slot += 1) this.#giveBlock(slot);
    this.span.removeReader(this);
  }

  grow(capacity: number): void {
    this.#heads = grownFloat64(this.#heads, capacity, 0);
    this.#taken = grownFloat64(this.#taken, capacity, 0);
    this.#blocks = grownInt32(this.#blocks, capacity, noBlock);
    this.#lengths = grownInt32(this.#lengths, capacity, 0);
  }

  #feed(slot: number): Sketch {
    const first = this.#log.firsts[slot] as number;
    const sketch = (this.#sketches[slot] ??= new Sketch(this.span.widthUs, first));
    sketch.feed(this.#log, slot);
    return sketch;
  }

  /** Takes out what is before `head`, and in what has come since. */
  #moveTo(slot: number, head: number, first: number, end: number): void {
    const log = this.#log;
    const oldHead = this.#heads[slot] as number;
    const oldTaken = this.#taken[slot] as number;
    this.#heads[slot] = head;
    this.#taken[slot] = end;
    if (oldHead < first || head >= oldTaken) {
      this.#sortAnew(slot, head, end);
      return;
    }
    let count = oldTaken - oldHead;
    for (let number = oldHead; number < head; number += 1) {
      this.#takeOut(slot, count, log.value(slot, number));
      count -= 1;
    }
    for (let number = oldTaken; number < end; number += 1) {
      this.#putIn(slot, count, log.value(slot, number));
      count += 1;
    }
  }

  #sortAnew(slot: number, head: number, end: number): void {
    const log = this.#log;
    const count = end - head;
    if (count === 0) return;
    this.#reserve(slot, 0, count);
    const handle = this.#blocks[slot] as number;
    const at = log.pool.offset(handle);
    const values = log.pool.segment(handle).subarray(at, at + count);
    for (let number = head; number < end; number += 1)
      values[number - head] = log.value(slot, number);
    values.sort();
  }

  #takeOut(slot: number, count: number, value: number): void {
    const { pool } = this.#log;
    const handle = this.#blocks[slot] as number;
    const values = pool.segment(handle);
    const at = pool.offset(handle);
    const place = placeOf(values, at, at + count, value);
    values.copyWithin(place, place + 1, at + count);
  }

  #putIn(slot: number, count: number, value: number): void {
    const { pool } = this.#log;
    this.#reserve(slot, count, count + 1);
    const handle = this.#blocks[slot] as number;
    const values = pool.segment(handle);
    const at = pool.offset(handle);
    const place = placeOf(values, at, at + count, value);
    values.copyWithin(place + 1, place, at + count);
    values[place] = value;
  }

  /** Makes room for so many values, of which the first `count` stay. */
  #reserve(slot: number, count: number, needed: number): void {
    if (needed <= (this.#lengths[slot] as number)) return;
    const { pool } = this.#log;
    const handle = pool.take(needed);
    if (count > 0) {
      const old = this.#blocks[slot] as number;
      const from = pool.offset(old);
      const values = pool.segment(old).subarray(from, from + count);
      pool.segment(handle).set(values, pool.offset(handle));
    }
    this.#giveBlock(slot);
    this.#blocks[slot] = handle;
    this.#lengths[slot] = pool.lengthFor(needed);
  }

  #giveBlock(slot: number): void {
    if (this.#blocks[slot] === noBlock) return;
    this.#log.pool.give(this.#blocks[slot] as number, this.#lengths[slot] as number);
    this.#blocks[slot] = noBlock;
    this.#lengths[slot] = 0;
  }
}

/** The first place, from `from` to before `end`, whose value is not less. */
function placeOf(values: Float64Array, from: number, end: number, value: number): number {
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
