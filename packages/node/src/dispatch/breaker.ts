/** When an agent's breaker opens and tries again. */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failuresToOpen: number;
  /** How long it stays open before one instruction is let through to try. */
  readonly openForUs: number;
}

/** State of a circuit breaker over one part of an agent. */
type BreakerState =
  /** Everything passes; `failures` in a row so far. */
  | { readonly kind: "closed"; readonly failures: number }
  /** Nothing passes until `untilUs`. */
  | { readonly kind: "open"; readonly untilUs: number }
  /** One instruction is on trial; its outcome decides. */
  | { readonly kind: "half-open" };

/** Keeps instructions of rules away from a part that fails them one after another. */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = { kind: "closed", failures: 0 };

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** From when on an open one lets an instruction through to try; undefined while one is on trial, and when closed. */
  get triesAtUs(): number | undefined {
    return this.#state.kind === "open" ? this.#state.untilUs : undefined;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** True when nothing speaks against the part. */
  get isPristine(): boolean {
    return this.#state.kind === "closed" && this.#state.failures === 0;
  }

  /** Asks to let an instruction pass. */
  admits(nowUs: number): boolean {
    if (this.#state.kind === "closed") return true;
    if (this.#state.kind === "half-open" || nowUs < this.#state.untilUs) return false;
    this.#state = { kind: "half-open" };
    return true;
  }

  /** Tells an outcome; true when this opened the breaker. */
  record(succeeded: boolean, nowUs: number): boolean {
    if (succeeded) {
      this.#state = { kind: "closed", failures: 0 };
      return false;
    }
    if (this.#state.kind === "open") return false;
    const failures =
      this.#state.kind === "closed" ? this.#state.failures + 1 : this.#options.failuresToOpen;
    const opens = failures >= this.#options.failuresToOpen;
    this.#state = opens
      ? { kind: "open", untilUs: nowUs + this.#options.openForUs }
      : { kind: "closed", failures };
    return opens;
  }

  /** Closes it by hand; true when it was not closed. */
  close(): boolean {
    const wasOpen = this.#state.kind !== "closed";
    this.#state = { kind: "closed", failures: 0 };
    return wasOpen;
  }

  /** The instruction on trial ended without telling anything about the part. */
  abandonTrial(): void {
    if (this.#state.kind === "half-open")
      this.#state = { kind: "closed", failures: this.#options.failuresToOpen - 1 };
  }
}
