import type { Clock } from "@myelin/core/clock";

/** How long work is done without letting the loop turn, microseconds. */
const sliceUs = 500;

/** Does work step by step, and lets waiting input have its chance after every half millisecond of it. */
export class Slices {
  readonly #clock: Clock;
  #untilUs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#untilUs = clock.nowUs() + sliceUs;
  }

  /** Runs the steps to their end, and gives what they return. */
  async run<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      await this.rest();
    }
  }

  /** Lets the loop turn if the time is used up. */
  async rest(): Promise<void> {
    if (this.#clock.nowUs() < this.#untilUs) return;
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    this.#untilUs = this.#clock.nowUs() + sliceUs;
  }
}

/** Runs the steps to their end at once. */
export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}
