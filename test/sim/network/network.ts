import type { Dial } from "@myelin/core/channel";
import { answersIn } from "./answers.ts";
import type { Clock } from "@myelin/core/clock";
import type { Dice } from "../world/dice.ts";
import type { SimProcess } from "../world/process.ts";
import type { Trace } from "../world/trace.ts";
import { Link, type Listener, type SideName } from "./link.ts";

/** Address of the one node there is. */
export const nodeUrl = "sim:node";

/** How slow the network is. */
export interface NetworkProfile {
  /** Least delay of a delivery, in microseconds. */
  readonly leastDelayUs: number;
  /** Mean of what comes on top, exponentially distributed. */
  readonly meanJitterUs: number;
}

/** How a process's connections end with it. */
export type Departure =
  /** What it sent still arrives, as when a process exits. */
  | "close"
  /** What is in flight is lost. */
  | "reset"
  /** Nobody is told, as when a machine loses power. */
  | "silent";

/** All connections of the run. */
export class Network {
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #profile: NetworkProfile;
  readonly #trace: Trace;
  readonly #links = new Set<Link>();
  #listener: Listener | undefined;
  #dialed = 0;
  #isRefusing = false;

  constructor(clock: Clock, dice: Dice, profile: NetworkProfile, trace: Trace) {
    this.#clock = clock;
    this.#dice = dice;
    this.#profile = profile;
    this.#trace = trace;
  }

  /** Connections that have not ended, oldest first. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  linksOf(process: SimProcess, side: SideName): Link[] {
    return this.links.filter((link) => link.processOf(side) === process);
  }

  /** From now on calls to the node's address go to `listener`; undefined when nobody listens. */
  listen(listener: Listener | undefined): void {
    this.#listener = listener;
  }

  /** While true, new connections are refused. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /** The way out of a process. */
  dialer(process: SimProcess): Dial {
    return (_url, handler, { maxFrameBytes }) => {
      const link = new Link({
        name: `${process.name}~${++this.#dialed}`,
        clock: this.#clock,
        agent: process,
        maxFrameBytes,
        delayUs: () => this.#delayUs(),
        onGone: (gone) => this.#links.delete(gone),
      });
      this.#links.add(link);
      return link.open(handler, () => this.#listening());
    };
  }

  /** Ends a link for both sides. */
  cut(link: Link): void {
    this.#trace.note(link.name, "cut");
    link.cut();
  }

  /** Stalls a link for a while. */
  stall(link: Link, durationUs: number): void {
    this.#trace.note(link.name, `stalls for ${(durationUs / 1e6).toFixed(3)} s`);
    link.stall();
    this.#clock.schedule(durationUs, () => link.flow());
  }

  /**
   * A link stalls; then its agent is told that it has ended, and dials again, while what it had sent comes
   * to the node later still.
   */
  overtake(link: Link, stallsUs: number, laterUs: number): void {
    this.#trace.note(link.name, `is overtaken in ${(stallsUs / 1e6).toFixed(3)} s`);
    link.stall();
    this.#clock.schedule(stallsUs, () => {
      link.hangUp();
      this.#clock.schedule(laterUs, () => link.flow());
    });
  }

  /** For a while an agent answers twice: each acknowledgement once more, some time after the first. */
  repeatAnswers(link: Link, lastsUs: number, dice: Dice): void {
    this.#trace.note(link.name, `answers twice for ${(lastsUs / 1e6).toFixed(3)} s`);
    link.onSaid((frame) => {
      const again = answersIn(frame);
      if (again !== undefined)
        this.#clock.schedule(dice.pick([0, dice.between(0, 3e6)]), () => link.say(again));
    });
    this.#clock.schedule(lastsUs, () => link.onSaid(undefined));
  }

  /** One side is never told of anything any more; with `isTold` the other hears that the link has ended. */
  halfOpen(link: Link, deaf: SideName, isTold: boolean): void {
    this.#trace.note(link.name, `half-open: ${deaf} is deaf, ${isTold ? "" : "not "}told`);
    link.deafen(deaf);
    if (isTold) link.cut();
  }

  /** A process is dead: so its connections. */
  depart(process: SimProcess, side: SideName, departure: Departure): void {
    for (const link of this.linksOf(process, side)) {
      if (link.isGone) this.#links.delete(link);
      if (departure === "close") link.closeFrom(side);
      else if (departure === "reset") link.cut();
      else link.stall();
    }
  }

  /** Ends all faults of the network but those that its users have to find out: half-open links. */
  heal(): void {
    this.#isRefusing = false;
    for (const link of this.#links) if (!link.isHalfOpen) link.flow();
  }

  #listening(): Listener | undefined {
    return this.#isRefusing || this.#listener?.process.isAlive !== true
      ? undefined
      : this.#listener;
  }

  #delayUs(): number {
    return Math.ceil(this.#profile.leastDelayUs + this.#dice.wait(this.#profile.meanJitterUs));
  }
}
