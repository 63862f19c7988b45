/**
 * One aggregate over the samples of one metric in a window (t − w, t], for every agent, by slot. It takes the samples from
 * the log when it is asked, each once: a queue with two stacks.
 *
 * Invariants
 * 1. It is of the samples from `#heads` on. `#fronts` holds, for each sample from there to before `#turns`, what is made
 *    of it and those behind it up to there; `#backs` is made of those from `#turns` to before `#taken`.
 * 2. With more than `bound` samples in (t − w, t] it is of buckets instead, those that reach into the window: a function
 *    of the samples alone. Buckets are kept while the window is near that.
 */
import { grownFloat64, grownInt32 } from "../growth.ts";
import type { WordReader, WordWriter } from "../words.ts";
import type { Aggregate } from "./aggregate.ts";
import { noBlock } from "./block-pool.ts";
import { BucketQueue } from "./bucket-queue.ts";
import type { SeriesLog } from "./series-log.ts";
import type { SpanReader, WindowSpan } from "./window-span.ts";

export class AggregateWindow implements SpanReader {
  /** What it is of, once it has been gathered. */
  readonly cells: Float64Array;
  readonly #log: SeriesLog;
  readonly span: WindowSpan;
  readonly #aggregate: Aggregate;
  readonly #scratch: Float64Array;
  #heads: Float64Array;
  #turns: Float64Array;
  #taken: Float64Array;
  #backs: Float64Array;
  /** By slot, the block of the front, how many doubles it was taken for, and the sample it begins with. */
  #fronts: Int32Array;
  #frontLengths: Int32Array;
  #frontBegins: Float64Array;
  readonly #buckets: (BucketQueue | undefined)[] = [];

  constructor(span: WindowSpan, aggregate: Aggregate) {
    const { log } = span;
    const { capacity } = log;
    this.#log = log;
    this.span = span;
    this.#aggregate = aggregate;
    this.cells = new Float64Array(aggregate.cells);
    this.#scratch = new Float64Array(aggregate.cells);
    this.#heads = new Float64Array(capacity);
    this.#turns = new Float64Array(capacity);
    this.#taken = new Float64Array(capacity);
    this.#backs = new Float64Array(capacity * aggregate.cells);
    this.#fronts = new Int32Array(capacity).fill(noBlock);
    this.#frontLengths = new Int32Array(capacity);
    this.#frontBegins = new Float64Array(capacity);
    span.addReader(this);
  }

  /** Makes `cells` of the window that ends at `nowUs`; false when it is empty. */
  gather(slot: number, nowUs: number): boolean {
    const log = this.#log;
    const end = log.ends[slot] as number;
    const edgeUs = nowUs - this.span.widthUs;
    if (this.span.isBeyondBound(slot, nowUs))
      return this.#feed(slot).gather(this.span.oldestBucket(nowUs), this.cells);
    const first = this.#log.firsts[slot] as number;
    let head = this.#heads[slot] as number;
    if (head < first) head = first;
    while (head < end && log.timeUs(slot, head) <= edgeUs) head += 1;
    this.#heads[slot] = head;
    if (head === end) {
      this.#turns[slot] = end;
      this.#taken[slot] = end;
      return false;
    }
    if (head > (this.#turns[slot] as number)) this.#turnOver(slot, head, end);
    else this.#take(slot, end);
    this.#combine(slot, head);
    return true;
  }

  beforeTrim(slot: number): void {
    this.#feed(slot);
  }

  forgetBuckets(slot: number): void {
    this.#buckets[slot] = undefined;
  }

  reordered(slot: number, number: number): void {
    const log = this.#log;
    const first = this.#log.firsts[slot] as number;
    this.#heads[slot] = first;
    this.#turns[slot] = first;
    this.#taken[slot] = first;
    const [timeUs, value] = [log.timeUs(slot, number), log.value(slot, number)];
    this.#buckets[slot]?.takeBetween(number, timeUs, value, this.#scratch);
  }

  /** Writes the buckets of a slot, where it has some; false where it has none. */
  saveBuckets(slot: number, into: WordWriter): boolean {
    const buckets = this.#buckets[slot];
    buckets?.save(into, this.#log.firsts[slot] as number);
    return buckets !== undefined;
  }

  /** Takes up the buckets of a slot whose samples have been appended from number 0 on. */
  loadBuckets(slot: number, from: WordReader): void {
    this.#buckets[slot] = BucketQueue.load(this.#aggregate, this.span.widthUs, from);
  }

  release(slot: number): void {
    this.#giveFront(slot);
    this.#heads[slot] = 0;
    this.#turns[slot] = 0;
    this.#taken[slot] = 0;
    this.#buckets[slot] = undefined;
  }

  /** No rule reads it any more. */
  drop(): void {
    for (let slot = 0; slot < this.#fronts.length; slot += 1) this.#giveFront(slot);
    this.span.removeReader(this);
  }

  grow(capacity: number): void {
    this.#heads = grownFloat64(this.#heads, capacity, 0);
    this.#turns = grownFloat64(this.#turns, capacity, 0);
    this.#taken = grownFloat64(this.#taken, capacity, 0);
    this.#backs = grownFloat64(this.#backs, capacity * this.#aggregate.cells, 0);
    this.#fronts = grownInt32(this.#fronts, capacity, noBlock);
    this.#frontLengths = grownInt32(this.#frontLengths, capacity, 0);
    this.#frontBegins = grownFloat64(this.#frontBegins, capacity, 0);
  }

  #feed(slot: number): BucketQueue {
    const first = this.#log.firsts[slot] as number;
    const queue = (this.#buckets[slot] ??= new BucketQueue(
      this.#aggregate,
      this.span.widthUs,
      first,
    ));
    queue.feed(this.#log, slot, this.#scratch);
    return queue;
  }

  /** Takes the samples that have come since. */
  #take(slot: number, end: number): void {
    const log = this.#log;
    const { cells, join, one } = this.#aggregate;
    const backs = this.#backs;
    const at = slot * cells;
    for (let number = this.#taken[slot] as number; number < end; number += 1) {
      const timeUs = log.timeUs(slot, number);
      const value = log.value(slot, number);
      if (number === this.#turns[slot]) {
        one(backs, at, timeUs, value);
        continue;
      }
      one(this.#scratch, 0, timeUs, value);
      join(backs, at, this.#scratch, 0, backs, at);
    }
    this.#taken[slot] = end;
  }

  /** Makes the front anew, of all samples. */
  #turnOver(slot: number, head: number, end: number): void {
    const log = this.#log;
    const { cells, join, one } = this.#aggregate;
    const doubles = (end - head) * cells;
    if ((this.#frontLengths[slot] as number) < doubles) {
      this.#giveFront(slot);
      this.#fronts[slot] = log.pool.take(doubles);
      this.#frontLengths[slot] = log.pool.lengthFor(doubles);
    }
    const front = log.pool.segment(this.#fronts[slot] as number);
    let at = log.pool.offset(this.#fronts[slot] as number) + doubles - cells;
    one(front, at, log.timeUs(slot, end - 1), log.value(slot, end - 1));
    for (let number = end - 2; number >= head; number -= 1) {
      at -= cells;
      one(this.#scratch, 0, log.timeUs(slot, number), log.value(slot, number));
      join(this.#scratch, 0, front, at + cells, front, at);
    }
    this.#frontBegins[slot] = head;
    this.#turns[slot] = end;
    this.#taken[slot] = end;
  }

  #combine(slot: number, head: number): void {
    const { cells, join } = this.#aggregate;
    const turn = this.#turns[slot] as number;
    const hasBack = turn < (this.#taken[slot] as number);
    const backAt = slot * cells;
    let from: Float64Array = this.#backs;
    let at = backAt;
    if (head < turn) {
      const handle = this.#fronts[slot] as number;
      from = this.#log.pool.segment(handle);
      at = this.#log.pool.offset(handle) + (head - (this.#frontBegins[slot] as number)) * cells;
      if (hasBack) {
        join(from, at, this.#backs, backAt, this.cells, 0);
        return;
      }
    }
    for (let cell = 0; cell < cells; cell += 1) this.cells[cell] = from[at + cell] as number;
  }

  #giveFront(slot: number): void {
    if (this.#fronts[slot] === noBlock) return;
    this.#log.pool.give(this.#fronts[slot] as number, this.#frontLengths[slot] as number);
    this.#fronts[slot] = noBlock;
    this.#frontLengths[slot] = 0;
  }
}
