import type { Clock } from "@myelin/core/clock";

/** How long work is done without letting the loop turn, microseconds. */
const sliceUs = 500;

/** Does work step by step, and lets waiting input have its chance after every half millisecond of it. */
export class Slices {
  readonly #clock: Clock;
  /** Since when the loop has not turned. */
  #sinceUs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceUs = clock.nowUs();
  }

  /** Runs the steps to their end, and gives what they return. */
  async run<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      await this.rest();
    }
  }

  /** Lets the loop turn if the time is used up, by default that of a slice. */
  async rest(afterUs: number = sliceUs): Promise<void> {
    if (this.#clock.nowUs() < this.#sinceUs + afterUs) return;
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    this.#sinceUs = this.#clock.nowUs();
  }
}

/** Runs the steps to their end at once. */
export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}
