/** The breaker of a rule with a `limit`: more firings than `count` within `perUs` of the node's clock open it. */
export class OracleBreaker {
  isOpen = false;
  #firings: number[] = [];

  /** A firing; true when this one opens the breaker. */
  fire(nowUs: number, count: number, perUs: number): boolean {
    this.#firings.push(nowUs);
    const recent = this.#firings.filter((atUs) => atUs > nowUs - perUs);
    const opens = !this.isOpen && recent.length > count;
    if (opens) this.isOpen = true;
    // As many as the limit allows are remembered: a limit that is raised begins with these.
    this.#firings = this.#firings.slice(-count);
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
