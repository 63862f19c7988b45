import { type ClockExchange, ClockOffset } from "@myelin/core/clock";

/** The node's clock as the agent can tell it: its own time and the offset learnt from messages that went there and back. */
export class NodeTime {
  readonly #nowUs: () => number;
  #offset = new ClockOffset();
  /** What holds after a step of the agent's clock until the next exchange. */
  #assumedOffsetUs = 0;

  /** `nowUs` is the agent's time. */
  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  /** The node's clock now, microseconds since the Unix epoch. */
  nowUs(): number {
    return this.#nowUs() + this.offsetUs;
  }

  /** Node's clock minus the agent's. */
  get offsetUs(): number {
    return this.#offset.hasExchange ? this.#offset.offsetUs : this.#assumedOffsetUs;
  }

  /** Least round-trip time seen of late; NaN before the first exchange. */
  get rttUs(): number {
    return this.#offset.rttUs;
  }

  /** How far `nowUs()` may be wrong; Infinity before the first exchange. */
  get uncertaintyUs(): number {
    return this.#offset.uncertaintyUs(this.#nowUs());
  }

  addExchange(exchange: ClockExchange): void {
    this.#offset.addExchange(exchange);
  }

  /** Another node's clock is meant from here on. */
  reset(): void {
    this.#offset = new ClockOffset();
    this.#assumedOffsetUs = 0;
  }

  /**
   * The agent's clock has stepped. Back: somebody set it, and the node's time goes on as before.
   * Forward: the machine may have slept while the node's time went on, so until the next exchange
   * that is assumed; a deadline is then rather seen too early than too late.
   */
  stepped(byUs: number): void {
    const offsetUs = this.offsetUs;
    this.#offset = new ClockOffset();
    this.#assumedOffsetUs = byUs < 0 ? offsetUs - byUs : offsetUs;
  }
}
