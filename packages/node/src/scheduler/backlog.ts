import { BoundedPriorityQueue } from "@myelin/core/schedule";
import type { Instruction } from "../instruction/index.ts";

/**
 * Instructions that wait, highest score first, those by hand before others of the same score. What
 * rules decided is bounded: beyond, the lowest score is shed. What a caller was told is accepted is
 * never shed; it is bounded where it is accepted.
 */
export class Backlog {
  readonly #capacity: number;
  #decided: BoundedPriorityQueue<Instruction> | undefined;
  #accepted: BoundedPriorityQueue<Instruction> | undefined;

  /** `capacity` is the most instructions of rules that wait. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return (this.#decided?.size ?? 0) + (this.#accepted?.size ?? 0);
  }

  /** Adds an instruction; returns what was shed for it, which may be itself. */
  push(instruction: Instruction): Instruction | undefined {
    if (instruction.isByHand) {
      this.#accepted ??= new BoundedPriorityQueue(Number.POSITIVE_INFINITY);
      return this.#accepted.push(instruction, instruction.score, { isProtected: true });
    }
    this.#decided ??= new BoundedPriorityQueue(this.#capacity);
    const shed = this.#decided.push(instruction, instruction.score);
    if (shed !== undefined) shed.shedFor = "agent";
    return shed;
  }

  /** Takes out the first. */
  pop(): Instruction | undefined {
    const acceptedScore = this.#accepted?.peekScore() ?? Number.NEGATIVE_INFINITY;
    const decidedScore = this.#decided?.peekScore();
    const isDecided = decidedScore !== undefined && decidedScore > acceptedScore;
    return isDecided ? this.#decided?.pop() : this.#accepted?.pop();
  }

  /** Takes an instruction out; false when it does not wait here. */
  remove(instruction: Instruction): boolean {
    return (instruction.isByHand ? this.#accepted : this.#decided)?.remove(instruction) ?? false;
  }
}
