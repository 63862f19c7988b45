import type { Random } from "@myelin/core/random";

/** Dice for one input. */
export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor(this.#random.float() * bound);
  }

  pick<Item>(items: readonly Item[]): Item {
    // Invariant: the lists that inputs are made of are never empty.
    return items[this.below(items.length)] as Item;
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.#random.bytes(count));
  }
}
