/**
 * One aggregate over the buckets of one slot's window: a queue with two stacks, so that it costs the same whatever the
 * window holds.
 *
 * Invariants
 * 1. In the ring are the buckets that hold samples, oldest first, from `#first` to before `#end`. The last one is open:
 *    samples still come to it. A sample of an older bucket comes to the open one.
 * 2. From `#first` to before `#turn` a cell holds what is made of its bucket and those behind it up to `#turn`; `#back` is
 *    made of those from `#turn` on, but for the open one.
 */
import type { WordReader, WordWriter } from "../words.ts";
import type { Aggregate } from "./aggregate.ts";
import { bucketOf, bucketsPerWindow } from "./buckets.ts";
import type { SeriesLog } from "./series-log.ts";

/** One more than a window has, for the oldest that reaches into it. */
const ringLength = 2 * bucketsPerWindow;
const mask = ringLength - 1;

export class BucketQueue {
  readonly #aggregate: Aggregate;
  readonly #widthUs: number;
  readonly #cells: Float64Array;
  readonly #numbers: Float64Array = new Float64Array(ringLength);
  readonly #back: Float64Array;
  #first = 0;
  #turn = 0;
  #end = 0;
  /** The number of the log's sample to come. */
  #fed: number;

  constructor(aggregate: Aggregate, widthUs: number, firstSample: number) {
    this.#aggregate = aggregate;
    this.#widthUs = widthUs;
    this.#cells = new Float64Array(ringLength * aggregate.cells);
    this.#back = new Float64Array(aggregate.cells);
    this.#fed = firstSample;
  }

  /** Writes what it holds; numbers of samples are told from `firstSample` on. */
  save(into: WordWriter, firstSample: number): void {
    into.number(this.#fed - firstSample);
    into.number(this.#end - this.#first);
    into.number(Math.max(this.#turn - this.#first, -1));
    into.copy(this.#back, 0, this.#back.length);
    for (let number = this.#first; number < this.#end; number += 1) {
      const at = this.#place(number);
      into.number(this.#numbers[number & mask] as number);
      into.copy(this.#cells, at, at + this.#aggregate.cells);
    }
  }

  /** Makes what was saved; the samples that it had taken count from 0. */
  static load(aggregate: Aggregate, widthUs: number, from: WordReader): BucketQueue {
    const queue = new BucketQueue(aggregate, widthUs, from.number());
    // All numbers are one more, so that a turn before the first bucket has one.
    queue.#first = 1;
    queue.#end = 1 + from.number();
    queue.#turn = 1 + from.number();
    from.copyTo(queue.#back, 0, aggregate.cells);
    for (let number = queue.#first; number < queue.#end; number += 1) {
      queue.#numbers[number & mask] = from.number();
      from.copyTo(queue.#cells, queue.#place(number), aggregate.cells);
    }
    return queue;
  }

  /** Takes the samples of the log that have come since. */
  feed(log: SeriesLog, slot: number, scratch: Float64Array): void {
    const end = log.ends[slot] as number;
    // What has gone from the log meanwhile is beyond the reach of the window.
    this.#fed = Math.max(this.#fed, log.firsts[slot] as number);
    for (; this.#fed < end; this.#fed += 1)
      this.#take(log.timeUs(slot, this.#fed), log.value(slot, this.#fed), scratch);
  }

  /** A sample has been put before others: it comes to the open bucket, unless it is still to be taken. */
  takeBetween(number: number, timeUs: number, value: number, scratch: Float64Array): void {
    if (number >= this.#fed) return;
    this.#take(timeUs, value, scratch);
    this.#fed += 1;
  }

  /** Makes what the buckets from number `oldest` on come to; false when there is none. */
  gather(oldest: number, into: Float64Array): boolean {
    this.#dropBefore(oldest);
    if (this.#first === this.#end) return false;
    const { cells, join } = this.#aggregate;
    const open = this.#end - 1;
    if (this.#first > this.#turn) this.#turnOver(open);
    const openAt = this.#place(open);
    const hasFront = this.#first < this.#turn;
    const hasBack = this.#turn < open;
    if (hasBack) join(this.#back, 0, this.#cells, openAt, into, 0);
    else
      for (let cell = 0; cell < cells; cell += 1) into[cell] = this.#cells[openAt + cell] as number;
    if (hasFront) join(this.#cells, this.#place(this.#first), into, 0, into, 0);
    return true;
  }

  #take(timeUs: number, value: number, scratch: Float64Array): void {
    const number = bucketOf(timeUs, this.#widthUs);
    const open = this.#end - 1;
    const { join, one } = this.#aggregate;
    if (this.#end > this.#first && number <= (this.#numbers[open & mask] as number)) {
      one(scratch, 0, timeUs, value);
      const at = this.#place(open);
      join(this.#cells, at, scratch, 0, this.#cells, at);
      return;
    }
    this.#dropBefore(number - bucketsPerWindow);
    this.#close(open);
    this.#numbers[this.#end & mask] = number;
    one(this.#cells, this.#place(this.#end), timeUs, value);
    this.#end += 1;
  }

  /** The open bucket takes no more. */
  #close(open: number): void {
    if (open < this.#first) {
      this.#turn = this.#end;
      return;
    }
    // Beyond the turn all will be made anew, this one too.
    if (this.#first > this.#turn) return;
    const at = this.#place(open);
    const { cells, join } = this.#aggregate;
    if (this.#turn < open) join(this.#back, 0, this.#cells, at, this.#back, 0);
    else
      for (let cell = 0; cell < cells; cell += 1)
        this.#back[cell] = this.#cells[at + cell] as number;
  }

  #dropBefore(oldest: number): void {
    while (this.#first < this.#end && (this.#numbers[this.#first & mask] as number) < oldest)
      this.#first += 1;
  }

  /** Makes the front anew, of all but the open one. */
  #turnOver(open: number): void {
    for (let number = open - 2; number >= this.#first; number -= 1) {
      const at = this.#place(number);
      this.#aggregate.join(this.#cells, at, this.#cells, this.#place(number + 1), this.#cells, at);
    }
    this.#turn = open;
  }

  #place(number: number): number {
    return (number & mask) * this.#aggregate.cells;
  }
}
