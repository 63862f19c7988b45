// Ledger entries on their way to the disk.
//
// Invariants
// 1. What is on its way is bounded; the others wait here, and so does what the disk refused.
// 2. Beyond the bound the oldest entries are dropped, counted, and their appenders told.
// 3. Each turn of the loop makes a small group into text, so that it never holds up the loop for long.
import { MyelinError } from "@myelin/core/errors";
import type { LedgerEntry } from "../../ports/store.ts";
import type { LedgerRow } from "./protocol.ts";
import { rowOfEntry } from "./rows.ts";
import { isStorageCode } from "./storage-error.ts";

const maxEntriesInGroup = 64;
const maxGroupsAtOnce = 16;
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
  #onTheirWay = 0;
  #flushed: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(maxEntries: number, write: (rows: readonly LedgerRow[]) => Promise<void>) {
    this.#maxEntries = maxEntries;
    this.#write = write;
  }

  /** Entries that are not written. */
  get size(): number {
    return this.#waiting.length + this.#onTheirWay;
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
      left -= maxEntriesInGroup * maxGroupsAtOnce;
      const refused = await this.#writeGroups();
      if (refused.length === 0) continue;
      this.#waiting.unshift(...refused);
      this.#dropOldest(this.size - this.#maxEntries);
      this.#schedule(retryMs);
      return;
    }
    if (this.#waiting.length > 0) this.#schedule(delayMs);
  }

  /** Sends a group each turn, which the worker puts into one commit; resolves to what the disk refused. */
  async #writeGroups(): Promise<WaitingEntry[]> {
    const attempts: Promise<readonly WaitingEntry[]>[] = [];
    for (;;) {
      const group = this.#waiting.splice(0, maxEntriesInGroup);
      this.#onTheirWay += group.length;
      attempts.push(this.#writeGroup(group));
      if (this.#waiting.length === 0 || attempts.length === maxGroupsAtOnce) break;
      await new Promise(setImmediate);
    }
    return (await Promise.all(attempts)).flat();
  }

  /** Resolves to the group when the disk refused it; one that was refused for a fault of its own is lost. */
  async #writeGroup(group: readonly WaitingEntry[]): Promise<readonly WaitingEntry[]> {
    const error = await this.#send(group).then(
      () => undefined,
      (thrown: unknown) => MyelinError.from(thrown),
    );
    this.#onTheirWay -= group.length;
    if (error !== undefined && isStorageCode(error.code)) return group;
    const isWritten = error === undefined;
    if (!isWritten) this.#dropped += group.length;
    for (const { settle } of group) settle(isWritten);
    return [];
  }

  async #send(group: readonly WaitingEntry[]): Promise<void> {
    await this.#write(group.map(({ entry }) => rowOfEntry(entry)));
  }

  #dropOldest(count: number): void {
    if (count <= 0) return;
    for (const { settle } of this.#waiting.splice(0, count)) {
      this.#dropped += 1;
      settle(false);
    }
  }
}
