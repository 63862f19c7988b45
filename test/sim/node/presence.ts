/** When agents have left the node, so that their episodes were over. */
export class Presence {
  readonly #leftAtUs = new Map<string, number[]>();
  #present = new Set<string>();
  #known = new Set<string>();

  /** A run begins. */
  began(): void {
    for (const agent of this.#present) this.#known.add(agent);
    this.#present = new Set();
  }

  joined(agent: string): void {
    this.#present.add(agent);
    this.#known.delete(agent);
  }

  left(agent: string, atUs: number): void {
    this.#present.delete(agent);
    const times = this.#leftAtUs.get(agent) ?? [];
    times.push(atUs);
    this.#leftAtUs.set(agent, times);
  }

  /** The window has passed in which agents may come back after the node's start; gives those that are not. */
  windowPassed(atUs: number): ReadonlySet<string> {
    const away = this.#known;
    for (const agent of away) this.left(agent, atUs);
    this.#known = new Set();
    return away;
  }

  hasLeft(agent: string, fromUs: number, untilUs: number): boolean {
    return this.#leftAtUs.get(agent)?.some((atUs) => atUs >= fromUs && atUs <= untilUs) ?? false;
  }
}
