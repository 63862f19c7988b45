/** A width over a log: what is made of the samples in it is in the windows that read it. */
import { oldestBucketAfter, reachOfBuckets } from "./buckets.ts";
import type { LogReader, SeriesLog } from "./series-log.ts";

/** What is made of the samples of a span. */
export interface SpanReader extends Omit<LogReader, "reachUs"> {
  /** The window is not near its bound any more: buckets are not needed. */
  forgetBuckets(slot: number): void;
}

export class WindowSpan implements LogReader {
  readonly log: SeriesLog;
  readonly widthUs: number;
  readonly reachUs: number;
  readonly #readers = new Set<SpanReader>();

  constructor(log: SeriesLog, widthUs: number) {
    this.log = log;
    this.widthUs = widthUs;
    this.reachUs = reachOfBuckets(widthUs);
    log.addReader(this);
  }

  addReader(reader: SpanReader): void {
    this.#readers.add(reader);
  }

  removeReader(reader: SpanReader): void {
    this.#readers.delete(reader);
  }

  /** No rule reads it any more. */
  drop(): void {
    this.log.removeReader(this);
  }

  /** Whether more samples than the bound are in the window that ends at `nowUs`. */
  isBeyondBound(slot: number, nowUs: number): boolean {
    return this.#reachesBeyondBound(slot, nowUs - this.widthUs);
  }

  /** The oldest bucket of the window that ends at `nowUs`. */
  oldestBucket(nowUs: number): number {
    return oldestBucketAfter(nowUs - this.widthUs, this.widthUs);
  }

  beforeTrim(slot: number): void {
    const newestUs = this.log.timeUs(slot, (this.log.ends[slot] as number) - 1);
    const isNear = this.#reachesBeyondBound(slot, newestUs - this.reachUs);
    for (const reader of this.#readers)
      if (isNear) reader.beforeTrim(slot);
      else reader.forgetBuckets(slot);
  }

  reordered(slot: number, number: number): void {
    for (const reader of this.#readers) reader.reordered(slot, number);
  }

  release(slot: number): void {
    for (const reader of this.#readers) reader.release(slot);
  }

  grow(capacity: number): void {
    for (const reader of this.#readers) reader.grow(capacity);
  }

  #reachesBeyondBound(slot: number, edgeUs: number): boolean {
    const { log } = this;
    const bounded = (log.ends[slot] as number) - log.bound - 1;
    return bounded >= (log.firsts[slot] as number) && log.timeUs(slot, bounded) > edgeUs;
  }
}
