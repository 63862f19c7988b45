import type { Clock, Timer } from "@myelin/core/clock";
import { BoundedPriorityQueue } from "@myelin/core/schedule";
import type { Instruction } from "../instruction/index.ts";

/** Calls back when an instruction's next instant is due, with one timer of the clock for all. */
export class DueTimes {
  readonly #clock: Clock;
  readonly #onDue: (instruction: Instruction, nowUs: number) => void;
  readonly #onTurnEnd: () => void;
  readonly #queue: BoundedPriorityQueue<Instruction>;
  readonly #dueUs = new Map<Instruction, number>();
  #timer: Timer | undefined;
  #timerDueUs = Number.POSITIVE_INFINITY;

  /** `capacity` is the most instructions that are open at once. */
  constructor(
    clock: Clock,
    capacity: number,
    onDue: (instruction: Instruction, nowUs: number) => void,
    onTurnEnd: () => void,
  ) {
    this.#clock = clock;
    this.#queue = new BoundedPriorityQueue(capacity);
    this.#onDue = onDue;
    this.#onTurnEnd = onTurnEnd;
  }

  /** Sets or moves the instant at which the instruction is looked at. */
  set(instruction: Instruction, dueUs: number): void {
    if (this.#dueUs.get(instruction) === dueUs) return;
    this.#queue.remove(instruction);
    this.#dueUs.set(instruction, dueUs);
    this.#queue.push(instruction, -dueUs);
    if (dueUs < this.#timerDueUs) this.#arm(dueUs);
  }

  clear(instruction: Instruction): void {
    if (this.#dueUs.delete(instruction)) this.#queue.remove(instruction);
  }

  /** Calls off everything. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(dueUs: number): void {
    this.#timer?.cancel();
    this.#timerDueUs = dueUs;
    this.#timer = this.#clock.schedule(Math.max(0, dueUs - this.#clock.nowUs()), () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    this.#timerDueUs = Number.POSITIVE_INFINITY;
    const nowUs = this.#clock.nowUs();
    for (;;) {
      const score = this.#queue.peekScore();
      if (score === undefined) break;
      if (-score > nowUs) {
        this.#arm(-score);
        break;
      }
      const instruction = this.#queue.pop();
      if (instruction === undefined) break;
      this.#dueUs.delete(instruction);
      this.#onDue(instruction, nowUs);
    }
    this.#onTurnEnd();
  }
}
