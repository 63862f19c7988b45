/**
 * The latest samples of one metric of every agent, by slot, as far as any window over it reaches: rings in blocks of a
 * pool. Windows read it when they are asked, and not when a sample comes.
 *
 * Invariants
 * 1. The samples of a slot are in order of time, those of one instant in order of coming. A sample has a number, which
 *    counts on; kept are those from `firsts` to before `ends`.
 * 2. What any window can still hold is kept, unless it is behind more than `bound` samples and the windows have put it
 *    in their buckets (`beforeTrim`). So a slot's ring holds at most twice `bound`, rounded up to a power of two.
 * 3. NaN does not enter: windows pass it over.
 * 4. A sample behind the newest can come only with a new time line. It is put in its place, and the windows of the slot
 *    begin anew from the ring.
 */
import { grownFloat64, grownInt32 } from "../growth.ts";
import type { WordReader, WordWriter } from "../words.ts";
import { type BlockPool, noBlock } from "./block-pool.ts";

/** What reads a log. */
export interface LogReader {
  /** How far back it reaches, microseconds. */
  readonly reachUs: number;
  /** The samples of the slot but the newest `bound` + 1 are about to go. */
  beforeTrim(slot: number): void;
  /** A sample has been put before others, and has this number: what was made of them is void. */
  reordered(slot: number, number: number): void;
  /** The slot is free. */
  release(slot: number): void;
  grow(capacity: number): void;
}

const firstCapacity = 8;
const never = Number.NEGATIVE_INFINITY;

export class SeriesLog {
  /** Tells it apart from every other log, in later runs of the node too. */
  readonly id: number;
  /** A window with more samples is one of buckets. */
  readonly bound: number;
  readonly pool: BlockPool;
  /** By slot, the number of the first sample that is kept. */
  firsts: Float64Array;
  /** By slot, the number of the sample to come. */
  ends: Float64Array;
  readonly #mostSamples: number;
  /** By slot: the ring's block, and how many samples it holds, less one. */
  #blocks: Int32Array;
  #masks: Int32Array;
  readonly #readers = new Set<LogReader>();
  #reachUs = 0;

  constructor(pool: BlockPool, bound: number, capacity: number, id = 0) {
    this.id = id;
    this.pool = pool;
    this.bound = bound;
    this.#mostSamples = pool.lengthFor(2 * bound);
    this.firsts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
    this.#blocks = new Int32Array(capacity).fill(noBlock);
    this.#masks = new Int32Array(capacity).fill(-1);
  }

  get capacity(): number {
    return this.ends.length;
  }

  addReader(reader: LogReader): void {
    this.#readers.add(reader);
    this.#reachUs = Math.max(this.#reachUs, reader.reachUs);
  }

  removeReader(reader: LogReader): void {
    this.#readers.delete(reader);
    this.#reachUs = 0;
    for (const { reachUs } of this.#readers) this.#reachUs = Math.max(this.#reachUs, reachUs);
  }

  grow(capacity: number): void {
    if (capacity <= this.capacity) return;
    this.firsts = grownFloat64(this.firsts, capacity, 0);
    this.ends = grownFloat64(this.ends, capacity, 0);
    this.#blocks = grownInt32(this.#blocks, capacity, noBlock);
    this.#masks = grownInt32(this.#masks, capacity, -1);
    for (const reader of this.#readers) reader.grow(capacity);
  }

  /** The segment in which the slot's samples are, time and value in turn; to be asked for again when a sample came. */
  segment(slot: number): Float64Array {
    return this.pool.segment(this.#blocks[slot] as number);
  }

  /** Where in the segment a sample's time is; its value follows. */
  place(slot: number, number: number): number {
    return (
      this.pool.offset(this.#blocks[slot] as number) + (number & (this.#masks[slot] as number)) * 2
    );
  }

  timeUs(slot: number, number: number): number {
    return this.segment(slot)[this.place(slot, number)] as number;
  }

  value(slot: number, number: number): number {
    return this.segment(slot)[this.place(slot, number) + 1] as number;
  }

  /** Puts a sample of the slot in its place. */
  append(slot: number, timeUs: number, value: number): void {
    if (value !== value) return;
    const end = this.ends[slot] as number;
    if (end - (this.firsts[slot] as number) > (this.#masks[slot] as number)) this.#makeRoom(slot);
    const newestUs = end > (this.firsts[slot] as number) ? this.timeUs(slot, end - 1) : never;
    this.ends[slot] = end + 1;
    if (timeUs < newestUs) this.#insert(slot, end, timeUs, value);
    else this.#write(slot, end, timeUs, value);
  }

  /** Writes the samples of the slot from number `from` on, time and value in turn, behind how many they are. */
  save(slot: number, from: number, into: WordWriter): void {
    const end = this.ends[slot] as number;
    into.number(end - from);
    if (from === end) return;
    const mask = this.#masks[slot] as number;
    const base = this.pool.offset(this.#blocks[slot] as number);
    const segment = this.segment(slot);
    const begin = base + (from & mask) * 2;
    const untilWrap = Math.min(end - from, mask + 1 - (from & mask));
    into.copy(segment, begin, begin + untilWrap * 2);
    into.copy(segment, base, base + (end - from - untilWrap) * 2);
  }

  /** Appends what was saved. */
  load(slot: number, from: WordReader): void {
    const count = from.number();
    if (this.#blocks[slot] === noBlock && count > 0 && count <= this.#mostSamples) {
      const length = this.pool.lengthFor(Math.max(count, firstCapacity) * 2);
      const block = this.pool.take(length);
      from.copyTo(this.pool.segment(block), this.pool.offset(block), count * 2);
      this.#blocks[slot] = block;
      this.#masks[slot] = length / 2 - 1;
      this.ends[slot] = count;
      return;
    }
    for (let left = count; left > 0; left -= 1) this.append(slot, from.number(), from.number());
  }

  /** The slot is free: nothing of it is kept. */
  release(slot: number): void {
    if (this.#blocks[slot] !== noBlock) {
      this.pool.give(this.#blocks[slot] as number, ((this.#masks[slot] as number) + 1) * 2);
      this.#blocks[slot] = noBlock;
      this.#masks[slot] = -1;
    }
    this.firsts[slot] = 0;
    this.ends[slot] = 0;
    for (const reader of this.#readers) reader.release(slot);
  }

  /** Nothing reads it any more. */
  drop(): void {
    for (let slot = 0; slot < this.capacity; slot += 1)
      if (this.#blocks[slot] !== noBlock) this.release(slot);
  }

  #write(slot: number, number: number, timeUs: number, value: number): void {
    const segment = this.segment(slot);
    const place = this.place(slot, number);
    segment[place] = timeUs;
    segment[place + 1] = value;
  }

  #insert(slot: number, end: number, timeUs: number, value: number): void {
    const first = this.firsts[slot] as number;
    let number = end;
    for (; number > first && this.timeUs(slot, number - 1) > timeUs; number -= 1)
      this.#write(slot, number, this.timeUs(slot, number - 1), this.value(slot, number - 1));
    this.#write(slot, number, timeUs, value);
    for (const reader of this.#readers) reader.reordered(slot, number);
  }

  /** Makes room for one more sample: by what no window reaches any more, else by a longer ring, else by what is in buckets. */
  #makeRoom(slot: number): void {
    const samples = (this.#masks[slot] as number) + 1;
    if (samples === 0) {
      this.#blocks[slot] = this.pool.take(firstCapacity * 2);
      this.#masks[slot] = firstCapacity - 1;
      return;
    }
    const end = this.ends[slot] as number;
    const oldestUs = this.timeUs(slot, end - 1) - this.#reachUs;
    let first = this.firsts[slot] as number;
    while (this.timeUs(slot, first) <= oldestUs) first += 1;
    if (first > (this.firsts[slot] as number)) this.firsts[slot] = first;
    else if (samples < this.#mostSamples) this.#lengthen(slot, samples);
    else {
      for (const reader of this.#readers) reader.beforeTrim(slot);
      this.firsts[slot] = end - this.bound - 1;
    }
  }

  #lengthen(slot: number, samples: number): void {
    const handle = this.#blocks[slot] as number;
    const longer = this.pool.take(samples * 4);
    const from = this.pool.segment(handle);
    const to = this.pool.segment(longer);
    const base = this.pool.offset(longer);
    const mask = samples * 2 - 1;
    const end = this.ends[slot] as number;
    for (let number = this.firsts[slot] as number; number < end; number += 1) {
      const place = this.place(slot, number);
      const newPlace = base + (number & mask) * 2;
      to[newPlace] = from[place] as number;
      to[newPlace + 1] = from[place + 1] as number;
    }
    this.pool.give(handle, samples * 2);
    this.#blocks[slot] = longer;
    this.#masks[slot] = mask;
  }
}
