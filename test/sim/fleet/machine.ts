import type { SkewedClock, VirtualClock } from "@myelin/core/clock";
import type { Clock } from "@myelin/core/clock";

/** The clocks of the machine a part runs on: they drift, and somebody may set the one on the wall. */
export class Machine {
  readonly #monotonic: SkewedClock;
  readonly #wall: SkewedClock;
  /** What the monotonic clock read when the machine fell asleep. */
  #asleepAtUs: number | undefined;

  constructor(clock: VirtualClock, offsetUs: number, driftPpm: number) {
    this.#monotonic = clock.skewed({ offsetUs, driftPpm });
    this.#wall = clock.skewed({ offsetUs, driftPpm });
  }

  /** Never goes back, and stands still while the machine sleeps. */
  get monotonic(): Clock {
    return this.#monotonic;
  }

  get isAsleep(): boolean {
    return this.#asleepAtUs !== undefined;
  }

  /** Falls asleep. What runs on it must be held still until it wakes. */
  sleep(): void {
    this.#asleepAtUs ??= this.#monotonic.nowUs();
  }

  wake(): void {
    if (this.#asleepAtUs === undefined) return;
    this.#monotonic.step(this.#asleepAtUs - this.#monotonic.nowUs());
    this.#asleepAtUs = undefined;
  }

  wallUs(): number {
    return this.#wall.nowUs();
  }

  /** Sets the wall clock forward, or back when below zero. */
  step(byUs: number): void {
    this.#wall.step(byUs);
  }
}
