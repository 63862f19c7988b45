/*
 * The agent's time: a clock that never goes back, held to the wall clock.
 *
 * Invariants:
 * 1. Within a time line the time never goes back and never leaps.
 * 2. When the wall clock leaves it by more than `stepUs` (the machine slept, somebody set the clock),
 *    the time follows in one step and a new time line begins. It is looked for by `check` only.
 */
import type { Clock, Timer } from "@myelin/core/clock";

/** How far the wall clock may leave the monotonic one before that counts as a step. */
const stepUs = 1e6;

/** What an agent's clock is made of. */
export interface AgentClockOptions {
  /** Never goes back. */
  readonly clock: Clock;
  /** The wall clock, microseconds since the Unix epoch; `clock` alone counts when it is undefined. */
  readonly wallUs: (() => number) | undefined;
  /** Names the first time line; later ones get a number behind it. */
  readonly name: string;
}

/** The time that an agent stamps its samples with, and the time line it belongs to. */
export class AgentClock {
  readonly #clock: Clock;
  readonly #wallUs: (() => number) | undefined;
  readonly #name: string;
  #correctionUs = 0;
  #steps = 0;

  constructor(options: AgentClockOptions) {
    this.#clock = options.clock;
    this.#wallUs = options.wallUs;
    this.#name = options.name;
    // Below a step the two clocks agree, and the monotonic one is the finer.
    const divergenceUs = this.#divergenceUs();
    if (Math.abs(divergenceUs) > stepUs) this.#correctionUs = divergenceUs;
  }

  /** Microseconds since the Unix epoch, with fractions. */
  nowUs(): number {
    return this.#clock.nowUs() + this.#correctionUs;
  }

  /** A time without steps, for measuring spans; its origin means nothing. */
  monotonicUs(): number {
    return this.#clock.nowUs();
  }

  /** Names the time line that `nowUs` is in. */
  get timeLine(): string {
    return `${this.#name}-${this.#steps}`;
  }

  /** True when the clock was set back and that step was not taken yet. */
  get isSetBack(): boolean {
    return this.#divergenceUs() < -stepUs;
  }

  /** Looks for a step of the clock, takes it, and returns how far it went (forward above zero); 0 without one. */
  check(): number {
    const divergenceUs = this.#divergenceUs();
    if (Math.abs(divergenceUs) <= stepUs) return 0;
    this.#correctionUs += divergenceUs;
    this.#steps++;
    return divergenceUs;
  }

  /** Calls `callback` once, `delayUs` from now; steps do not matter. */
  schedule(delayUs: number, callback: () => void): Timer {
    return this.#clock.schedule(delayUs, callback);
  }

  /** Calls `callback` in a later turn of the loop. */
  defer(callback: () => void): void {
    this.#clock.defer(callback);
  }

  #divergenceUs(): number {
    return this.#wallUs === undefined ? 0 : this.#wallUs() - this.nowUs();
  }
}
