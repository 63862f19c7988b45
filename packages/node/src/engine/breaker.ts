/** How many firings of a rule are too many: more than `count` within any `perUs`. */
export interface FiringLimit {
  readonly count: number;
  readonly perUs: number;
}

const never = Number.NEGATIVE_INFINITY;

/**
 * The breaker of a rule with a `limit`, on the node's clock.
 *
 * Invariants
 * 1. It opens at the firing that is one too many within (t − per, t]; that firing is already stopped.
 * 2. Open, it counts on: it closes when `per` has passed without a firing, or by hand. Closed by
 *    hand, it counts from zero.
 */
export class RuleBreaker {
  isOpen = false;
  #limit: FiringLimit;
  /** Instants of the latest firings, as many as the largest limit so far has allowed: a ring that grows up to that. */
  #firings: number[] = [];
  #room = 0;
  #oldest = 0;
  #latestUs = Number.NEGATIVE_INFINITY;

  constructor(limit: FiringLimit) {
    this.#limit = limit;
  }

  /** Node's clock at which it closes if nothing fires until then; meaningless while it is closed. */
  get closesAtUs(): number {
    return this.#latestUs + this.#limit.perUs;
  }

  /** Counts a firing; true when this one opened the breaker. `closeIfQuiet` comes before it. */
  record(nowUs: number): boolean {
    const { count, perUs } = this.#limit;
    this.#latestUs = nowUs;
    const kept = this.#firings.length;
    const before =
      kept < count ? never : (this.#firings[(this.#oldest + kept - count) % kept] ?? never);
    const opens = !this.isOpen && nowUs - before < perUs;
    this.#keep(nowUs);
    if (opens) this.isOpen = true;
    return opens;
  }

  /** Closes it when `per` has passed without a firing; true when that closed it. */
  closeIfQuiet(nowUs: number): boolean {
    if (!this.isOpen || nowUs < this.closesAtUs) return false;
    return this.close();
  }

  /** Closes it by hand; true when it was open. */
  close(): boolean {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#firings = [];
    this.#oldest = 0;
    return wasOpen;
  }

  /** Takes another limit over; firings already counted stay counted. */
  changeLimit(limit: FiringLimit): void {
    this.#limit = limit;
  }

  #keep(atUs: number): void {
    const { count } = this.#limit;
    if (count > this.#room) {
      this.#room = count;
      this.#firings = [
        ...this.#firings.slice(this.#oldest),
        ...this.#firings.slice(0, this.#oldest),
      ];
      this.#oldest = 0;
    }
    if (this.#firings.length < this.#room) this.#firings.push(atUs);
    else {
      this.#firings[this.#oldest] = atUs;
      this.#oldest = (this.#oldest + 1) % this.#room;
    }
  }
}
