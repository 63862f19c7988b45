/**
 * Slows down one connection whose agent is ahead of its rates by more than a burst. The agent is told to hold
 * its telemetry, which leaves its acknowledgements and heartbeats alone. One that goes on, for another burst, is not
 * read until it has earned what it sent: its telemetry waits in the network, and loses nothing there.
 *
 * Invariants
 * 1. It ends by itself, with half a burst left, within ten bursts, and then the agent is told so.
 * 2. Nothing that was read is dropped for it.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import type { AgentRates } from "./agent-rates.ts";
import type { PartSession } from "./part-session.ts";

/** An agent can be so many bursts ahead; what it has sent beyond is forgiven, so that no frame silences it for long. */
const mostBursts = 10;

export interface ThrottleOptions {
  readonly clock: Pick<Clock, "nowUs" | "schedule">;
  readonly rates: AgentRates;
  readonly session: PartSession;
  /** The connection is not to be read. */
  readonly onHold: () => void;
  /** The agent may send again, and is read again. */
  readonly onEnd: () => void;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  #timer: Timer;
  #isHolding = false;

  /** `aheadUs` is the time by which the agent is ahead of its rates. */
  constructor(options: ThrottleOptions, aheadUs: number) {
    const { rates, session } = options;
    this.#options = options;
    rates.countExceeded(session.spending);
    session.pauseTelemetry(true);
    this.exceed(aheadUs);
    this.#timer = this.#wait(Math.min(aheadUs, mostBursts * rates.burstUs));
  }

  /** True while the connection is not to be read. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** The agent has sent more. */
  exceed(aheadUs: number): void {
    const { clock, rates, session, onHold } = this.#options;
    const mostUs = mostBursts * rates.burstUs;
    if (aheadUs > mostUs) rates.forgive(session.spending, clock.nowUs() + mostUs);
    if (this.#isHolding || aheadUs <= 2 * rates.burstUs) return;
    this.#isHolding = true;
    rates.held += 1;
    onHold();
  }

  /** The connection is let go of: nobody is to be told. */
  stop(): void {
    this.#timer.cancel();
  }

  #wait(aheadUs: number): Timer {
    const { clock, rates } = this.#options;
    return clock.schedule(Math.ceil(aheadUs - rates.burstUs / 2), () => this.#look());
  }

  #look(): void {
    const { clock, rates, session, onEnd } = this.#options;
    const aheadUs = rates.aheadUs(session.spending, clock.nowUs());
    if (aheadUs > rates.burstUs / 2) {
      this.#timer = this.#wait(aheadUs);
      return;
    }
    session.pauseTelemetry(false);
    onEnd();
  }
}
