/**
 * Takes what earlier lives of the node have accounted into the figures, from the newest entry back.
 *
 * Invariants
 * 1. Nothing waits for it, and it is bounded: by the entries it reads, and by how many of them a turn
 *    of the loop has to take.
 * 2. It asks for the newest entries before anything of this life is appended, and reads on behind
 *    them: nothing of this life is read.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { LedgerPage, Store } from "../ports/store.ts";
import type { Ledger } from "./ledger.ts";

/** Most entries that are read; older ones are in the ledger, and not in the figures. */
const maxRestored = 100_000;
/** Entries of a page, which take about half a millisecond of the loop, and the pause between two pages. */
const pageEntries = 25;
const pauseUs = 20_000;

export interface RestorationOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, "queryLedger">;
  readonly ledger: Pick<Ledger, "restore">;
  /** The store could not be read: the figures are without what is older. */
  readonly onStoreError: (error: MyelinError) => void;
}

export class Restoration {
  readonly #options: RestorationOptions;
  #restored = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: RestorationOptions) {
    this.#options = options;
  }

  /** Begins; to be called before anything is appended to the ledger. */
  start(): void {
    this.#read(undefined);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #read(cursor: string | undefined): void {
    const { store, onStoreError } = this.#options;
    const query = { limit: pageEntries, newestFirst: true } as const;
    store
      .queryLedger(cursor === undefined ? query : { ...query, cursor })
      .then((page) => this.#take(page))
      .catch((error: unknown) => {
        if (!this.#isStopped) onStoreError(MyelinError.from(error));
      });
  }

  #take({ entries, cursor }: LedgerPage): void {
    if (this.#isStopped) return;
    for (const entry of entries) this.#options.ledger.restore(entry);
    this.#restored += entries.length;
    if (cursor === undefined || this.#restored >= maxRestored) return;
    this.#timer = this.#options.clock.schedule(pauseUs, () => this.#read(cursor));
  }
}
