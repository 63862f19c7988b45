import { type Random, seededRandom } from "@myelin/core/random";

/** Random choices of one kind of thing. Each kind has dice of its own, so that one more kind leaves the others' throws as they are. */
export class Dice {
  /** The source itself, for what takes the port. */
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random.float() < probability;
  }

  /** Uniform from `low` up to `high`. */
  between(low: number, high: number): number {
    return low + this.random.float() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.random.float() * (high - low + 1));
  }

  /** One of the items, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** Exponentially distributed with this mean, for the waits of a Poisson process. */
  wait(mean: number): number {
    return -Math.log(1 - this.random.float()) * mean;
  }
}

/** Dice for one kind of thing in the run of `seed`. */
export function diceOf(seed: number, kind: string): Dice {
  let hash = 0x811c9dc5;
  for (const character of `${seed}/${kind}`)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return new Dice(seededRandom(hash >>> 0));
}
