import type { MyelinError } from "@myelin/core/errors";

/** What Confirmations looks at. */
export interface ConfirmedBuffer {
  /** How many batches were ever pushed. */
  readonly pushed: number;
  /** The oldest batch still held, as counted by `pushed`. */
  readonly oldestOrdinal: number;
}

interface Waiter {
  readonly ordinal: number;
  readonly resolve: () => void;
  readonly reject: (reason: MyelinError) => void;
}

/** Callers who wait until nothing is held any more of what was reported up to their call. */
export class Confirmations {
  readonly #buffer: ConfirmedBuffer;
  #waiters: Waiter[] = [];

  constructor(buffer: ConfirmedBuffer) {
    this.#buffer = buffer;
  }

  /** Resolves when all that is held now has gone. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ordinal: this.#buffer.pushed, resolve, reject });
      this.check();
    });
  }

  /** Something may have gone. */
  check(): void {
    if (this.#waiters.length === 0) return;
    const { oldestOrdinal } = this.#buffer;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.ordinal < oldestOrdinal) waiter.resolve();
      else waiting.push(waiter);
    }
    this.#waiters = waiting;
  }

  /** Nothing will be confirmed any more. */
  fail(reason: MyelinError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
  }
}
