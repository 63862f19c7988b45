import type { InstructionId } from "@myelin/core/ids";

/** The latest ids that were added; at the bound the oldest leaves. */
export class RecentIds {
  readonly #ids = new Set<InstructionId>();
  /** In the order of adding, going round: the oldest of a set is found slowly, once many have left it. */
  readonly #ring: InstructionId[] = [];
  readonly #capacity: number;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(id: InstructionId): boolean {
    return this.#ids.has(id);
  }

  delete(id: InstructionId): void {
    this.#ids.delete(id);
  }

  add(id: InstructionId): void {
    if (this.#ids.has(id)) return;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#ids.delete(oldest);
    this.#ids.add(id);
    this.#ring[this.#next] = id;
    this.#next = (this.#next + 1) % this.#capacity;
  }
}
