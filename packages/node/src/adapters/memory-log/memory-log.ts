// A log in memory, for tests and simulation: what outlives it is its disk.
//
// Invariants
// 1. Entries come to the disk in the order of the calls, each when the disk has had its time for it; without a clock it
//    needs none. Until then a crash loses it, and nobody was told.
// 2. A crash while entries are under way may leave the first of them on the disk, and the next one torn.
import type { Clock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { Log, LogContent, LogSegment } from "../../ports/log.ts";

/** What outlives a memory log. Give it to the next one. */
export interface MemoryLogDisk {
  /** By the numbers of segments, each with its entries. */
  readonly segments: Map<number, Uint8Array[]>;
  /** Nothing can be written: appends fail with STORAGE_UNAVAILABLE. */
  isBroken: boolean;
  /** How long an entry takes, where the log has a clock. */
  delayUs: number;
  /** A crash has left a piece of an entry behind the last one. */
  isTorn: boolean;
}

export interface MemoryLogOptions {
  readonly disk: MemoryLogDisk;
  /** 64 KiB by default. */
  readonly segmentBytes?: number;
  /** Time, for the disk's delays. */
  readonly clock?: Clock;
}

const defaultSegmentBytes = 1 << 16;

export function createMemoryLogDisk(): MemoryLogDisk {
  return { segments: new Map(), isBroken: false, delayUs: 0, isTorn: false };
}

/** A log whose entries are on its disk when `append` is called, or after its delay. */
export class MemoryLog implements Log {
  readonly #disk: MemoryLogDisk;
  readonly #segmentBytes: number;
  readonly #clock: Clock | undefined;
  #number: number;
  #sizeBytes = 0;
  #isDead = false;
  /** Entries that the disk has not taken, in the order of the calls. */
  readonly #underWay: Uint8Array[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor({ disk, segmentBytes = defaultSegmentBytes, clock }: MemoryLogOptions) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#clock = clock;
    this.#number = Math.max(0, ...disk.segments.keys()) + 1;
  }

  /** Entries that a crash would lose, or leave on the disk. */
  get underWay(): number {
    return this.#underWay.length;
  }

  /**
   * Ends the log as `kill -9` would: what is appended from now on is not kept, and not answered. Of the entries under way
   * the disk has taken the first `taken`, and a piece of the one behind them if it `isTorn`.
   */
  crash(taken = 0, isTorn = false): void {
    this.#isDead = true;
    for (const entry of this.#underWay.slice(0, taken)) this.#write(entry);
    this.#disk.isTorn = isTorn && taken < this.#underWay.length;
  }

  read(): Promise<LogContent> {
    const { isTorn, segments } = this.#disk;
    this.#disk.isTorn = false;
    return Promise.resolve({
      entries: [...segments.values()].flat(),
      damage: isTorn ? "the end of the log is torn" : undefined,
    });
  }

  resume(): Promise<readonly LogSegment[]> {
    return Promise.resolve(
      Array.from(this.#disk.segments, ([number, entries]) => ({
        number,
        sizeBytes: entries.reduce((sum, { byteLength }) => sum + byteLength, 0),
      })),
    );
  }

  append(entry: Uint8Array): Promise<number> {
    if (this.#isDead) return new Promise(() => undefined);
    // The caller may go on with its buffer.
    const own = entry.slice();
    if (this.#clock === undefined) return this.#take(own);
    this.#underWay.push(own);
    return this.#inTurn(() => {
      this.#underWay.shift();
      return this.#take(own);
    });
  }

  trim(segment: number): Promise<void> {
    return this.#inTurn(() => {
      for (const number of this.#disk.segments.keys())
        if (number < segment) this.#disk.segments.delete(number);
      return Promise.resolve();
    });
  }

  async close(): Promise<void> {
    await this.#last;
  }

  /** Does one thing after the other, each after the disk's delay; nothing when the log is dead by then. */
  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const clock = this.#clock;
    if (clock === undefined) return work();
    const done = this.#last.then(
      () =>
        new Promise<Value>((resolve, reject) => {
          clock.schedule(this.#disk.delayUs, () => {
            if (!this.#isDead) work().then(resolve, reject);
          });
        }),
    );
    this.#last = done.catch(() => undefined);
    return done;
  }

  #take(entry: Uint8Array): Promise<number> {
    if (this.#disk.isBroken)
      return Promise.reject(new MyelinError("STORAGE_UNAVAILABLE", "the disk takes nothing"));
    return Promise.resolve(this.#write(entry));
  }

  /** Gives the number of the segment that the entry is in. */
  #write(entry: Uint8Array): number {
    const { segments } = this.#disk;
    if (this.#sizeBytes >= this.#segmentBytes) {
      this.#number += 1;
      this.#sizeBytes = 0;
    }
    this.#sizeBytes += entry.byteLength;
    segments.set(this.#number, [...(segments.get(this.#number) ?? []), entry]);
    return this.#number;
  }
}
