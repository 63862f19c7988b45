/**
 * What a lane does for the others of its node, over the bus.
 *
 * Invariants
 * 1. What the front was answered is done here: a rule in force, a token that admits nobody any more.
 * 2. The front hears of each event while it watches, or how many it did not hear of, also when no other follows.
 * 3. Firings counted against limits are told to the other lanes at the end of the turn in which they were counted.
 */
import type { RuleName } from "@myelin/core/ids";
import { MyelinError } from "@myelin/core/errors";
import type { TokenBook } from "../access/index.ts";
import type { LaneCalls } from "../api/index.ts";
import type { Arc } from "../arc.ts";
import type { LaneTies } from "../arc-options.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { LaneAddresses } from "./addresses.ts";
import { FleetSharing } from "./fleet-sharing.ts";
import { busNameOf, frontName, type LaneDuties, laneOf } from "./duties.ts";

/** How often a lane tries to tell the front of events that found no room. */
const untoldAgainUs = 100_000;

interface LanePlace {
  readonly lane: number;
  readonly count: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly addresses: LaneAddresses;
}

/** What joins the arc of a lane to the others. */
export function laneTies({ lane, count, bus, clock, addresses }: LanePlace): LaneTies {
  const others = otherLanes(lane, count);
  let counted = new Map<RuleName, number>();
  const tell = (): void => {
    const firings = counted;
    counted = new Map();
    for (const other of others) bus.publish(other, "counted", firings);
  };
  return {
    isFront: false,
    owns: (agent) => laneOf(agent, count) === lane,
    addressOf: (agent, peer) => addresses.of(laneOf(agent, count), peer),
    onCounted: (rule) => {
      if (counted.size === 0) clock.defer(tell);
      counted.set(rule, (counted.get(rule) ?? 0) + 1);
    },
    onMetric: (name) => void bus.publish(frontName, "metric", name),
    onSamplingInterval: (metric, intervalUs) =>
      bus.publish(frontName, "interval", { metric, intervalUs }),
  };
}

/** The ends of the bus of the lanes beside one. */
function otherLanes(lane: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => busNameOf(at)).filter((_, at) => at !== lane);
}

export interface LaneServiceOptions {
  readonly lane: number;
  readonly count: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly arc: Arc;
  readonly tokens: TokenBook;
  readonly addresses: LaneAddresses;
  /** What the API asks of the lane. */
  readonly api: { [Name in keyof LaneCalls]: (argument: never) => unknown };
}

type Served = {
  [Name in keyof LaneDuties]: (argument: Parameters<LaneDuties[Name]>[0]) => unknown;
};

/** Serves the front and the other lanes from now on. */
export class LaneService {
  readonly #options: LaneServiceOptions;
  readonly #fleets: FleetSharing;
  /** True while the front has yet to hear of events that found no room on the bus. */
  #isUntold = false;
  #prepared: { readonly number: number; readonly put: () => void } | undefined;

  constructor(options: LaneServiceOptions) {
    this.#options = options;
    const { arc, bus, clock, tokens, addresses, api, lane, count } = options;
    const others = otherLanes(lane, count);
    this.#fleets = new FleetSharing({ bus, clock, engine: arc.engine, others });
    const duties: Omit<Served, keyof LaneCalls> = {
      prepareRules: async ({ number, records }) => {
        this.#prepared = undefined;
        this.#prepared = { number, put: await arc.rules.follow(records) };
      },
      putRules: (number) => this.#putRules(number),
      enforce: (isOn) => arc.enforcement.follow(isOn),
      token: (record) => tokens.follow(record),
      watch: (isOn) => this.#watch(isOn),
      places: (places) => addresses.set(places),
      drain: (boundUs) => arc.drain(boundUs),
    };
    for (const [name, duty] of Object.entries({ ...api, ...duties }))
      bus.serve(name, (argument) => duty(argument as never));
    bus.serve("counted", (firings) => {
      const nowUs = clock.nowUs();
      for (const [rule, count] of firings as ReadonlyMap<RuleName, number>)
        arc.engine.countFirings(rule, count, nowUs);
      arc.sessions.endTurn();
    });
  }

  /** The rules that were kept are in force. */
  started(): void {
    this.#fleets.rulesChanged();
  }

  #putRules(number: number): void {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    if (prepared?.number !== number)
      throw new MyelinError("INTERNAL", `change ${number} of the rules was not prepared`);
    prepared.put();
    this.#fleets.rulesChanged();
  }

  #watch(isOn: boolean): number {
    const { arc, bus } = this.#options;
    const { watch } = arc;
    if (!isOn) return watch.forward(undefined);
    return watch.forward((record) => {
      const { number } = watch.cursor;
      if (!bus.publish(frontName, "watched", { number, record })) this.#tellUnwatched();
    });
  }

  /** Tells the front how many events there were, as soon as it takes that, for no other event may follow. */
  #tellUnwatched(): void {
    const { arc, bus, clock } = this.#options;
    if (this.#isUntold) return;
    this.#isUntold = true;
    clock.schedule(untoldAgainUs, () => {
      this.#isUntold = false;
      if (!bus.publish(frontName, "unwatched", arc.watch.cursor.number)) this.#tellUnwatched();
    });
  }
}
