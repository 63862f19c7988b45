/** The breaker of a rule with a `limit`: more firings than `count` within `perUs` of the node's clock open it. */
export class OracleBreaker {
  isOpen = false;
  #firings: number[] = [];
  #largest = 0;

  /** A firing; true when this one opens the breaker. */
  fire(nowUs: number, count: number, perUs: number): boolean {
    this.#firings.push(nowUs);
    const recent = this.#firings.filter((atUs) => atUs > nowUs - perUs);
    const opens = !this.isOpen && recent.length > count;
    if (opens) this.isOpen = true;
    // As many as any limit so far has allowed are remembered: one that is raised begins with these.
    this.#largest = Math.max(this.#largest, count);
    this.#firings = this.#firings.slice(-this.#largest);
    return opens;
  }

  /** When it closes if nothing fires until then. */
  closesUs(perUs: number): number {
    return this.isOpen ? (this.#firings.at(-1) ?? 0) + perUs : Number.POSITIVE_INFINITY;
  }

  /** Closed, by hand or because nothing fired, it counts from zero. True when it was open. */
  close(): boolean {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#firings = [];
    return wasOpen;
  }
}
