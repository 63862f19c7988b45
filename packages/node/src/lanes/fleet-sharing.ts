import type { DivisionShares, Engine } from "../engine/index.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";

/** How old what a lane knows of the others' agents may be, besides the way over the bus. */
const shareEveryUs = 20_000;
const subject = "fleets";

export interface FleetSharingOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly engine: Engine;
  /** The ends of the bus of the other lanes. */
  readonly others: readonly string[];
}

/** Tells the other lanes what this one's agents come to in fleets and groups, while rules read any, and hears the same of them. */
export class FleetSharing {
  readonly #options: FleetSharingOptions;
  #isRunning = false;

  constructor(options: FleetSharingOptions) {
    this.#options = options;
    const { bus, engine } = options;
    bus.serve(subject, (shares, from) =>
      engine.fleets.hearFleetShares(from, shares as readonly DivisionShares[]),
    );
  }

  /** Rules have come into force. */
  rulesChanged(): void {
    if (!this.#isRunning) this.#share();
  }

  #share(): void {
    const { bus, clock, engine, others } = this.#options;
    this.#isRunning = engine.fleets.hasFleets;
    if (!this.#isRunning) return;
    const shares = engine.fleets.takeFleetShares(clock.nowUs());
    if (shares.length > 0) {
      const heard = others.map((other) => bus.publish(other, subject, shares));
      if (heard.includes(false)) engine.fleets.retellFleets();
    }
    clock.schedule(shareEveryUs, () => this.#share());
  }
}
