/**
 * The latest events, numbered from 1 without a gap.
 *
 * Invariants
 * 1. It holds the records `oldest` to `last`, each once; with none, `oldest` is `last + 1`.
 * 2. Records are at most `maxCount`, and of at most `maxBytes` together but for the newest.
 */
import type { WatchRecord } from "./event.ts";

export class EventRing {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  /** Record of a number, at its remainder by `maxCount`; grows up to that. */
  readonly #slots: (WatchRecord | undefined)[] = [];
  #oldest = 1;
  #last = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  /** Number of the oldest record held. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Number of the latest event, held or not; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** Records held. */
  get size(): number {
    return this.#last - this.#oldest + 1;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  get(number: number): WatchRecord | undefined {
    return number < this.#oldest || number > this.#last
      ? undefined
      : this.#slots[number % this.#maxCount];
  }

  push(record: WatchRecord): void {
    if (this.#last - this.#oldest + 1 >= this.#maxCount) this.#dropOldest();
    this.#last += 1;
    this.#slots[this.#last % this.#maxCount] = record;
    this.#bytes += record.sizeBytes;
    while (this.#bytes > this.#maxBytes && this.#oldest < this.#last) this.#dropOldest();
  }

  /** Counts events without keeping them; the ring must be empty. */
  skip(count = 1): void {
    this.#last += count;
    this.#oldest = this.#last + 1;
  }

  clear(): void {
    this.#slots.length = 0;
    this.#bytes = 0;
    this.#oldest = this.#last + 1;
  }

  #dropOldest(): void {
    const at = this.#oldest % this.#maxCount;
    this.#bytes -= this.#slots[at]?.sizeBytes ?? 0;
    this.#slots[at] = undefined;
    this.#oldest += 1;
  }
}
