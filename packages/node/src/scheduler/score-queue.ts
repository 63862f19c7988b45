/*
 * What waits in the scheduler, by score and age.
 *
 * Invariants
 * 1. What has a score of `delayBelow` or more leaves first, highest score first; of equal ones what a
 *    caller asked for, then what came first.
 * 2. The rest (minor) is ordered by score and age, which raises it by `1 / ageingUs` a microsecond and
 *    never before what is important.
 * 3. A minor score that is delayed is due when age has raised it to `delayBelow` in its own measure: the
 *    lower the score, the later, and a score of 0 after `maxDelayUs`, or after half of the time that the
 *    instruction has (of its sla, of its deadline) where that is shorter. So none is forgotten, and none
 *    is held up until its deadline.
 * 4. What rules decided is bounded by `capacity`; beyond, the lowest leaves, age counted. What a caller
 *    was told is accepted never does.
 */
import { BoundedPriorityQueue } from "@myelin/core/schedule";
import type { Instruction } from "../instruction/index.ts";

export interface ScoreQueueOptions {
  /** Scores below are minor. */
  readonly delayBelow: number;
  /** Time in which age raises a score by 1 in the order. */
  readonly ageingUs: number;
  /** Longest time until a minor score is due. */
  readonly maxDelayUs: number;
}

/** Puts instructions by hand before others of the same score, and nowhere else. */
const byHandAhead = 1e-9;
/** Of the time that an instruction has a delay may take this share: the rest is for the way to its agent. */
const delayShare = 0.5;
/** At a bound that has sunk, so many leave for each newcomer: the rest leaves with the next ones. */
const mostShedAtOnce = 2;

export class ScoreQueue {
  readonly #options: ScoreQueueOptions;
  readonly #important = new BoundedPriorityQueue<Instruction>(Number.POSITIVE_INFINITY);
  readonly #minor = new BoundedPriorityQueue<Instruction>(Number.POSITIVE_INFINITY);
  /** The minor by the instant at which they are due, from when that was asked for until none waits: mostly nothing is delayed. */
  readonly #dues = new BoundedPriorityQueue<Instruction>(Number.POSITIVE_INFINITY);
  #knowsDues = false;
  /** Instants are counted from here, which keeps the ranks of the minor small and exact. */
  #originUs = 0;

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
    const score = scoreOf(instruction);
    if (this.isMinor(instruction)) {
      if (this.#minor.size === 0) this.#begin(instruction.createdAtUs);
      // All are raised at one rate, so that the order of these ranks is that of the raised scores at any time.
      const rank = score - (instruction.createdAtUs - this.#originUs) / this.#options.ageingUs;
      this.#minor.push(instruction, rank, options);
      if (this.#knowsDues) this.#plan(instruction);
    } else this.#important.push(instruction, score, options);
    const shed: Instruction[] = [];
    while (this.#decidedSize > capacity && shed.length < mostShedAtOnce) {
      const lowest = this.#shedMinor() ?? this.#important.shedLowest();
      if (lowest === undefined) break;
      shed.push(lowest);
    }
    return shed;
  }

  /** Takes out the next; of the minor, while they are delayed, only what is due. */
  pop(nowUs: number, isDelaying: boolean): Instruction | undefined {
    return this.#important.pop() ?? (isDelaying ? this.popDue(nowUs) : this.#popMinor());
  }

  /** Takes out that of the minor which has been due for longest, if any is. */
  popDue(nowUs: number): Instruction | undefined {
    if (this.dueUs > nowUs) return undefined;
    const due = this.#dues.pop();
    if (due !== undefined) this.#minor.remove(due);
    return due;
  }

  /** When the next of the minor is due; Infinity when none waits. */
  get dueUs(): number {
    if (!this.#knowsDues) {
      this.#knowsDues = true;
      for (const instruction of this.#minor.items()) this.#plan(instruction);
    }
    const rank = this.#dues.peekScore();
    return rank === undefined ? Number.POSITIVE_INFINITY : this.#originUs - rank;
  }

  /** Takes an instruction out; false when it does not wait here. */
  remove(instruction: Instruction): boolean {
    this.#dues.remove(instruction);
    return this.#minor.remove(instruction) || this.#important.remove(instruction);
  }

  #begin(nowUs: number): void {
    this.#originUs = nowUs;
    this.#knowsDues = false;
  }

  #popMinor(): Instruction | undefined {
    const first = this.#minor.pop();
    if (first !== undefined) this.#dues.remove(first);
    return first;
  }

  #shedMinor(): Instruction | undefined {
    const lowest = this.#minor.shedLowest();
    if (lowest !== undefined) this.#dues.remove(lowest);
    return lowest;
  }

  /** Notes when a minor instruction is due. */
  #plan(instruction: Instruction): void {
    const { delayBelow, maxDelayUs } = this.#options;
    const { createdAtUs, deadlineUs, slaUs } = instruction;
    const ownUs = Math.min(deadlineUs - createdAtUs, slaUs ?? Number.POSITIVE_INFINITY);
    const delayUs =
      (1 - scoreOf(instruction) / delayBelow) * Math.min(maxDelayUs, delayShare * ownUs);
    this.#dues.push(instruction, this.#originUs - createdAtUs - delayUs, { isProtected: true });
  }

  get #decidedSize(): number {
    const { protectedSize } = this.#minor;
    return this.size - protectedSize - this.#important.protectedSize;
  }
}

function scoreOf({ score, isByHand }: Instruction): number {
  return score + (isByHand ? byHandAhead : 0);
}
