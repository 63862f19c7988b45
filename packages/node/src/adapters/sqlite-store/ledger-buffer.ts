// Ledger entries on their way to the disk.
//
// Invariants
// 1. At most one group is on its way; the others wait here, and so does a group that failed.
// 2. Beyond the bound the oldest entries are dropped, counted, and their appenders told.
// 3. A group is small, so that making it text never holds up the loop for long.
import { MyelinError } from "@myelin/core/errors";
import type { LedgerEntry } from "../../ports/store.ts";
import type { LedgerRow } from "./protocol.ts";
import { rowOfEntry } from "./rows.ts";
import { isStorageCode } from "./storage-error.ts";

const maxEntriesInGroup = 128;
const delayMs = 20;
const retryMs = 1000;

interface WaitingEntry {
  readonly entry: LedgerEntry;
  readonly settle: (isWritten: boolean) => void;
}

/** Collects entries and writes them behind. */
export class LedgerBuffer {
  readonly #write: (rows: readonly LedgerRow[]) => Promise<void>;
  readonly #maxEntries: number;
  #waiting: WaitingEntry[] = [];
  #group: readonly WaitingEntry[] = [];
  #flushed: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(maxEntries: number, write: (rows: readonly LedgerRow[]) => Promise<void>) {
    this.#maxEntries = maxEntries;
    this.#write = write;
  }

  /** Entries that are not written. */
  get size(): number {
    return this.#waiting.length + this.#group.length;
  }

  /** Entries that were lost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes entries over; resolves to whether all were written. */
  append(entries: readonly LedgerEntry[]): Promise<boolean> {
    if (entries.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      let left = entries.length;
      let areAllWritten = true;
      const settle = (isWritten: boolean): void => {
        left -= 1;
        areAllWritten &&= isWritten;
        if (left === 0) resolve(areAllWritten);
      };
      for (const entry of entries) this.#waiting.push({ entry, settle });
      this.#dropOldest(this.size - this.#maxEntries);
      this.#schedule(delayMs);
    });
  }

  /** Tries once to write all that waits; resolves when it was tried. */
  flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#writeAll());
    return this.#flushed;
  }

  /** Gives up what is not written. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.#dropOldest(this.#waiting.length);
  }

  #schedule(afterMs: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), afterMs);
  }

  async #writeAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let left = this.#waiting.length;
    while (left > 0) {
      this.#group = this.#waiting.splice(0, maxEntriesInGroup);
      left -= this.#group.length;
      if (await this.#writeGroup(this.#group)) continue;
      this.#waiting.unshift(...this.#group);
      this.#group = [];
      this.#dropOldest(this.size - this.#maxEntries);
      this.#schedule(retryMs);
      return;
    }
    if (this.#waiting.length > 0) this.#schedule(delayMs);
  }

  /** True when the group is done with: written, or refused for a fault of its own. */
  async #writeGroup(group: readonly WaitingEntry[]): Promise<boolean> {
    try {
      await this.#write(group.map(({ entry }) => rowOfEntry(entry)));
      for (const { settle } of group) settle(true);
    } catch (thrown) {
      if (isStorageCode(MyelinError.from(thrown).code)) return false;
      this.#dropped += group.length;
      for (const { settle } of group) settle(false);
    }
    this.#group = [];
    return true;
  }

  #dropOldest(count: number): void {
    if (count <= 0) return;
    for (const { settle } of this.#waiting.splice(0, count)) {
      this.#dropped += 1;
      settle(false);
    }
  }
}
