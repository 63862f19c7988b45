/**
 * Who did what, when, and what became of it: every act on the node, and attempts that were refused.
 *
 * Invariants
 * 1. An act's entry is on disk before its caller is answered, where the disk takes it. A disk that
 *    does not take it stops no act: entries wait in memory, bounded, and are tried again; those that
 *    found no room are counted, and the audit says how many are missing.
 * 2. Refused attempts are cheap to make, so few of them are written: the rest is counted in the next.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { AuditEntry, AuditOutcome } from "../ports/access-records.ts";
import type { Store } from "../ports/store.ts";

export interface AuditOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "appendAudit">;
  readonly onStoreError: (error: MyelinError) => void;
}

/** An act as it is told; the audit adds the time. */
export interface Act {
  readonly actor: string;
  readonly act: string;
  readonly subject: string;
  readonly outcome: AuditOutcome;
  readonly code?: string;
  readonly address: string;
  readonly details?: JsonObject;
}

/** Entries that wait while the disk takes none. */
export const maxWaiting = 1000;
const retryUs = 1e6;
/** Refused attempts that are written in a row, and one more for each of `refusalEveryUs`. */
const refusalBurst = 20;
const refusalEveryUs = 10e6;
const maxSubjectLength = 200;
const maxDetailsLength = 4000;

export class Audit {
  /** Refused attempts that were counted only, and entries that found no room. */
  readonly counters = { suppressed: 0, dropped: 0 };
  readonly #options: AuditOptions;
  #waiting: AuditEntry[] = [];
  #retry: Timer | undefined;
  #untoldSuppressed = 0;
  #untoldDropped = 0;
  #refusals = refusalBurst;
  #refusedAtUs = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Entries that wait to be written. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Writes an act; resolves when it is on disk, or the disk did not take it. Never rejects. */
  record(act: Act): Promise<void> {
    const { clock } = this.#options;
    const details = act.details ?? {};
    this.#keep({
      ...act,
      timeUs: Math.round(clock.nowUs()),
      subject: act.subject.slice(0, maxSubjectLength),
      details: JSON.stringify(details).length <= maxDetailsLength ? details : { isTooLong: true },
    });
    return this.#write();
  }

  /** Writes that somebody was refused, or counts it when there were many. */
  refused(act: Omit<Act, "outcome">): Promise<void> {
    const nowUs = this.#options.clock.nowUs();
    const earned = (nowUs - this.#refusedAtUs) / refusalEveryUs;
    this.#refusals = Math.min(refusalBurst, this.#refusals + Math.max(0, earned));
    this.#refusedAtUs = nowUs;
    if (this.#refusals < 1) {
      this.counters.suppressed++;
      this.#untoldSuppressed++;
      return Promise.resolve();
    }
    this.#refusals--;
    const suppressed = this.#untoldSuppressed;
    this.#untoldSuppressed = 0;
    const details = { ...act.details, ...(suppressed === 0 ? {} : { suppressed }) };
    return this.record({ ...act, outcome: "refused", details });
  }

  /** Writes what waits, and tries no more. */
  async stop(): Promise<void> {
    await this.#write();
    this.#retry?.cancel();
  }

  #keep(entry: AuditEntry): void {
    if (this.#waiting.length < maxWaiting) {
      this.#waiting.push(entry);
      return;
    }
    this.counters.dropped++;
    this.#untoldDropped++;
  }

  async #write(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    const dropped = this.#untoldDropped;
    this.#untoldDropped = 0;
    const gap = dropped === 0 ? [] : [this.#gapOf(dropped)];
    try {
      await this.#options.store.appendAudit([...entries, ...gap]);
    } catch (thrown) {
      this.#options.onStoreError(MyelinError.from(thrown));
      this.#untoldDropped += dropped;
      const later = this.#waiting;
      this.#waiting = [];
      for (const entry of [...entries, ...later]) this.#keep(entry);
      this.#retry ??= this.#options.clock.schedule(retryUs, () => void this.#write());
    }
  }

  #gapOf(dropped: number): AuditEntry {
    return {
      timeUs: Math.round(this.#options.clock.nowUs()),
      actor: "node",
      act: "audit.gap",
      subject: "",
      outcome: "failed",
      address: "",
      details: { dropped },
    };
  }
}
