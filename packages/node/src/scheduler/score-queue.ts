/**
 * What waits in the scheduler, by score and age.
 *
 * Invariants
 * 1. What has a score of `delayBelow` or more leaves first, highest score first; of equal ones what a
 *    caller asked for, then what came first.
 * 2. The rest (minor) is raised by its age, `1 / ageingUs` a microsecond, up to `delayBelow` and no
 *    further: age never puts it before what is important, and it is never forgotten.
 * 3. What rules decided is bounded by `capacity`; beyond, the lowest leaves, age counted. What a caller
 *    was told is accepted never does.
 */
import { BoundedPriorityQueue } from "@myelin/core/schedule";
import type { Instruction } from "../instruction/index.ts";

export interface ScoreQueueOptions {
  /** Scores below are minor. */
  readonly delayBelow: number;
  /** Time in which age raises a score by 1. */
  readonly ageingUs: number;
}

/** Puts instructions by hand before others of the same score, and nowhere else. */
const byHandAhead = 1e-9;
/** At a bound that has sunk, so many leave for each newcomer: the rest leaves with the next ones. */
const mostShedAtOnce = 2;

export class ScoreQueue {
  readonly #options: ScoreQueueOptions;
  readonly #important = new BoundedPriorityQueue<Instruction>(Number.POSITIVE_INFINITY);
  readonly #minor = new BoundedPriorityQueue<Instruction>(Number.POSITIVE_INFINITY);
  /** Ages are counted from here, which keeps the ranks of the minor small and exact. */
  #originUs: number | undefined;

  constructor(options: ScoreQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#important.size + this.#minor.size;
  }

  /** How many wait with a score that may be delayed. */
  get minorSize(): number {
    return this.#minor.size;
  }

  isMinor(instruction: Instruction): boolean {
    return instruction.score < this.#options.delayBelow;
  }

  /** Adds an instruction; returns what was shed to keep `capacity`, which may be itself. */
  push(instruction: Instruction, capacity: number): readonly Instruction[] {
    const options = { isProtected: instruction.isByHand };
    const score = instruction.score + (instruction.isByHand ? byHandAhead : 0);
    if (this.isMinor(instruction)) {
      // All are raised at one rate, so that the order of these ranks is that of the raised scores at any time.
      this.#originUs ??= instruction.createdAtUs;
      const rank = score - (instruction.createdAtUs - this.#originUs) / this.#options.ageingUs;
      this.#minor.push(instruction, rank, options);
    } else this.#important.push(instruction, score, options);
    const shed: Instruction[] = [];
    while (this.#decidedSize > capacity && shed.length < mostShedAtOnce) {
      const lowest = this.#minor.shedLowest() ?? this.#important.shedLowest();
      if (lowest === undefined) break;
      shed.push(lowest);
    }
    return shed;
  }

  /** Takes out the next; of the minor, while they are delayed, only what age has raised enough. */
  pop(nowUs: number, isDelaying: boolean): Instruction | undefined {
    return this.#important.pop() ?? (isDelaying ? this.popAged(nowUs) : this.#minor.pop());
  }

  /** Takes out the first of the minor if age has raised it as far as age can. */
  popAged(nowUs: number): Instruction | undefined {
    return this.dueUs <= nowUs ? this.#minor.pop() : undefined;
  }

  /** When age will have raised the first of the minor as far as it can; Infinity when none waits. */
  get dueUs(): number {
    const rank = this.#minor.peekScore();
    if (rank === undefined) return Number.POSITIVE_INFINITY;
    return (this.#originUs ?? 0) + (this.#options.delayBelow - rank) * this.#options.ageingUs;
  }

  /** Takes an instruction out; false when it does not wait here. */
  remove(instruction: Instruction): boolean {
    return this.#minor.remove(instruction) || this.#important.remove(instruction);
  }

  get #decidedSize(): number {
    const { protectedSize } = this.#minor;
    return this.size - protectedSize - this.#important.protectedSize;
  }
}
