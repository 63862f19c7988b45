import type { Clock, Timer } from "@myelin/core/clock";
import { Heap } from "@myelin/core/schedule";
import type { Instruction } from "../instruction/index.ts";

/** Calls back when an instruction's next instant is due, with one timer of the clock for all. */
export class DueTimes {
  readonly #clock: Clock;
  readonly #onDue: (instruction: Instruction, nowUs: number) => void;
  readonly #onTurnEnd: () => void;
  readonly #heap = new Heap<Instruction>({
    isBefore: (a, b) => a.dueUs < b.dueUs,
    placeOf: (instruction) => instruction.duePlace,
    setPlace: (instruction, place) => {
      instruction.duePlace = place;
    },
  });
  #timer: Timer | undefined;
  #timerDueUs = Number.POSITIVE_INFINITY;
  #isStopped = false;

  /** `onTurnEnd` is called after all that was due at one instant. */
  constructor(
    clock: Clock,
    onDue: (instruction: Instruction, nowUs: number) => void,
    onTurnEnd: () => void,
  ) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#onTurnEnd = onTurnEnd;
  }

  /** Sets or moves the instant at which the instruction is looked at. */
  set(instruction: Instruction, dueUs: number): void {
    if (instruction.duePlace >= 0) {
      if (instruction.dueUs === dueUs) return;
      this.#heap.remove(instruction);
    }
    instruction.dueUs = dueUs;
    this.#heap.push(instruction);
    if (dueUs < this.#timerDueUs) this.#arm(dueUs);
  }

  clear(instruction: Instruction): void {
    this.#heap.remove(instruction);
  }

  /** Calls off everything, for good. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(dueUs: number): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#timerDueUs = dueUs;
    this.#timer = this.#clock.schedule(Math.max(0, dueUs - this.#clock.nowUs()), () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    this.#timerDueUs = Number.POSITIVE_INFINITY;
    const nowUs = this.#clock.nowUs();
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (next.dueUs > nowUs) {
        this.#arm(next.dueUs);
        break;
      }
      this.#heap.remove(next);
      this.#onDue(next, nowUs);
    }
    this.#onTurnEnd();
  }
}
