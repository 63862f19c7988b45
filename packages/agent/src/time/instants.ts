import type { AgentClock } from "./agent-clock.ts";

/** How far instants may run ahead of the clock. */
const mostAheadUs = 1000;

/**
 * Gives each call an instant of its own, in whole microseconds. A node evaluates its rules once for an
 * instant, so of two reports that shared a microsecond only the later would be seen by them. Calls that
 * come faster than the clock counts run ahead of it, a millisecond at most; beyond that they share.
 */
export class Instants {
  readonly #clock: Pick<AgentClock, "nowUs">;
  #lastUs = 0;

  constructor(clock: Pick<AgentClock, "nowUs">) {
    this.#clock = clock;
  }

  /** The instant of this call, microseconds since the Unix epoch. */
  next(): number {
    const nowUs = Math.floor(this.#clock.nowUs());
    const aheadUs = this.#lastUs - nowUs;
    // Far ahead is not our doing: the clock was set back.
    if (aheadUs < 0 || aheadUs > mostAheadUs) this.#lastUs = nowUs;
    else if (aheadUs < mostAheadUs) this.#lastUs++;
    return this.#lastUs;
  }
}
