import type { SkewedClock, VirtualClock } from "@myelin/core/clock";
import type { Clock } from "@myelin/core/clock";

/** The clocks of the machine a part runs on: they drift, and somebody may set the one on the wall. */
export class Machine {
  /** Never goes back. */
  readonly monotonic: Clock;
  readonly #wall: SkewedClock;

  constructor(clock: VirtualClock, offsetUs: number, driftPpm: number) {
    this.monotonic = clock.skewed({ offsetUs, driftPpm });
    this.#wall = clock.skewed({ offsetUs, driftPpm });
  }

  wallUs(): number {
    return this.#wall.nowUs();
  }

  /** Sets the wall clock forward, or back when below zero. */
  step(byUs: number): void {
    this.#wall.step(byUs);
  }
}
