// A log in memory, for tests and simulation: what outlives it is its disk.
import { MyelinError } from "@myelin/core/errors";
import type { Log, LogContent } from "../../ports/log.ts";

/** What outlives a memory log. Give it to the next one. */
export interface MemoryLogDisk {
  /** By the numbers of segments, each with its entries. */
  readonly segments: Map<number, Uint8Array[]>;
  /** Nothing can be written: appends fail with STORAGE_UNAVAILABLE. */
  isBroken: boolean;
}

const defaultSegmentBytes = 1 << 16;

export function createMemoryLogDisk(): MemoryLogDisk {
  return { segments: new Map(), isBroken: false };
}

/** A log whose entries are on its disk when `append` is called. */
export class MemoryLog implements Log {
  readonly #disk: MemoryLogDisk;
  readonly #segmentBytes: number;
  #number: number;
  #sizeBytes = 0;
  #isDead = false;

  constructor(disk: MemoryLogDisk, segmentBytes: number = defaultSegmentBytes) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#number = Math.max(0, ...disk.segments.keys()) + 1;
  }

  /** Ends the log as `kill -9` would: what is appended from now on is not kept, and not answered. */
  crash(): void {
    this.#isDead = true;
  }

  read(): Promise<LogContent> {
    return Promise.resolve({
      entries: [...this.#disk.segments.values()].flat(),
      damage: undefined,
    });
  }

  append(entry: Uint8Array): Promise<number> {
    const { segments, isBroken } = this.#disk;
    if (this.#isDead) return new Promise(() => undefined);
    if (isBroken)
      return Promise.reject(new MyelinError("STORAGE_UNAVAILABLE", "the disk takes nothing"));
    if (this.#sizeBytes >= this.#segmentBytes) {
      this.#number += 1;
      this.#sizeBytes = 0;
    }
    this.#sizeBytes += entry.byteLength;
    segments.set(this.#number, [...(segments.get(this.#number) ?? []), entry]);
    return Promise.resolve(this.#number);
  }

  trim(segment: number): Promise<void> {
    for (const number of this.#disk.segments.keys())
      if (number < segment) this.#disk.segments.delete(number);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
