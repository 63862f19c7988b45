/**
 * What the front of a node knows of its lanes, and how it asks and tells them.
 *
 * Invariants
 * 1. A change of the rules is in force in every lane, or in none: each has prepared it before it is on disk, and
 *    what is prepared cannot fail to come into force but by the end of the lane, which is the end of the node.
 * 2. What was told to all lanes is heard by all when `heard` resolves.
 * 3. Each event of a lane is handed to the front's watch once and in order, or counted there as missed.
 */
import { type Random, randomName } from "@myelin/core/random";
import type { TokenBook } from "../access/index.ts";
import type { Lanes } from "../api/index.ts";
import type { Arc } from "../arc.ts";
import type { LaneTies } from "../arc-options.ts";
import type { TokenRecord } from "../ports/access-records.ts";
import type { Bus } from "../ports/bus.ts";
import type { RuleRecord } from "../ports/store.ts";
import type { Watch } from "../watch/index.ts";
import { LaneAddresses, type LanePlaces } from "./addresses.ts";
import { busNameOf, type LaneDuties, laneNamed, laneOf } from "./duties.ts";

export interface FrontOptions {
  readonly bus: Bus;
  readonly count: number;
  readonly random: Random;
}

/** How often a metric comes in a lane, as it comes over the bus. */
interface Interval {
  readonly metric: string;
  readonly intervalUs: number;
}

/** An event of a lane, as it comes over the bus. */
interface Watched {
  /** How many events there were in the lane, with this one. */
  readonly number: number;
  readonly record: Parameters<Watch["take"]>[0];
}

export class Front implements Lanes {
  readonly count: number;
  readonly ties: LaneTies;
  readonly #options: FrontOptions;
  readonly #addresses = new LaneAddresses();
  readonly #untold = new Set<Promise<unknown>>();
  /** Events of each lane that the front's watch has been handed, or has counted. */
  readonly #seen: number[];
  /** How often metrics come in each lane, microseconds; bounded by the lanes' metrics. */
  readonly #intervals = new Map<string, (number | undefined)[]>();
  #watching: Promise<void> | undefined;
  #watch: Watch | undefined;
  #lastChange = 0;

  constructor(options: FrontOptions) {
    this.#options = options;
    const { count } = options;
    this.count = count;
    this.#seen = Array.from({ length: count }, () => 0);
    this.ties = {
      isFront: true,
      owns: () => false,
      addressOf: (agent, peer) => this.#addresses.of(laneOf(agent, count), peer),
      onEnforcing: (isOn) => this.#tell("enforce", isOn),
      onWatchIdle: () => {
        this.#watching = undefined;
        this.#tell("watch", false);
      },
      samplingIntervalUs: (metric) => this.#intervalUs(metric),
      prepareOthers: (records) => this.#prepare(records),
      // A lane that is gone has nothing to drain.
      drainOthers: async (boundUs) =>
        void (await this.#all("drain", boundUs).catch(() => undefined)),
    };
  }

  /** Hears from the lanes what concerns the front's arc and tokens. */
  attach(arc: Arc, tokens: TokenBook): void {
    const { bus } = this.#options;
    const { watch } = arc;
    this.#watch = watch;
    bus.serve("metric", (name) => arc.noteMetric(name as string));
    bus.serve("interval", (told, from) => {
      const { metric, intervalUs } = told as Interval;
      const ofLanes = this.#intervals.get(metric) ?? [];
      ofLanes[laneNamed(from)] = intervalUs;
      this.#intervals.set(metric, ofLanes);
    });
    bus.serve("used", (use) => {
      const { id, atUs } = use as { readonly id: string; readonly atUs: number };
      tokens.used(id, atUs);
    });
    bus.serve("watched", (told, from) => {
      const { number, record } = told as Watched;
      const lane = laneNamed(from);
      this.#passed(lane, number - 1);
      watch.take(record);
      this.#seen[lane] = number;
    });
    bus.serve("unwatched", (number, from) => this.#passed(laneNamed(from), Number(number)));
  }

  /** A token was made, revoked or has expired. */
  token(record: TokenRecord): void {
    this.#tell("token", record);
  }

  /** The lanes listen. */
  async listening(places: LanePlaces): Promise<void> {
    this.#addresses.set(places);
    await this.#all("places", places);
  }

  homeOf(agent: string): number {
    return laneOf(agent, this.count);
  }

  newName(): string {
    return randomName(this.#options.random, 22);
  }

  addresses(): readonly string[] {
    return this.#addresses.all();
  }

  async call<Name extends keyof LaneDuties>(
    lane: number,
    name: Name,
    argument: Parameters<LaneDuties[Name]>[0],
  ): Promise<ReturnType<LaneDuties[Name]>> {
    const answer = await this.#options.bus.request(busNameOf(lane), name, argument);
    // The lane's duties have these types.
    return answer as ReturnType<LaneDuties[Name]>;
  }

  async heard(): Promise<void> {
    await Promise.allSettled(this.#untold);
  }

  beginWatch(): Promise<void> {
    // Who asks may never watch: a HEAD does not, nor who is gone before the answer.
    this.#watch?.expect();
    if (this.#watching !== undefined) return this.#watching;
    const watching = this.#all("watch", true).then(
      (numbers) => {
        for (const [lane, number] of numbers.entries()) this.#passed(lane, number);
      },
      (error: unknown) => {
        if (this.#watching === watching) this.#watching = undefined;
        throw error;
      },
    );
    this.#watching = watching;
    return watching;
  }

  /** The shortest of the lanes' intervals: what holds too few samples with it does so in every lane. */
  #intervalUs(metric: string): number | undefined {
    const known = (this.#intervals.get(metric) ?? []).filter((each) => each !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** There were so many events in a lane: those that did not come are missed. */
  #passed(lane: number, number: number): void {
    const seen = this.#seen[lane] ?? 0;
    if (number <= seen) return;
    this.#seen[lane] = number;
    this.#watch?.missed(number - seen);
  }

  async #prepare(records: readonly RuleRecord[]): Promise<() => Promise<void>> {
    const number = ++this.#lastChange;
    await this.#all("prepareRules", { number, records });
    return async () => void (await this.#all("putRules", number));
  }

  #tell<Name extends keyof LaneDuties>(
    name: Name,
    argument: Parameters<LaneDuties[Name]>[0],
  ): void {
    const told = this.#all(name, argument).catch(() => undefined);
    this.#untold.add(told);
    void told.then(() => this.#untold.delete(told));
  }

  #all<Name extends keyof LaneDuties>(
    name: Name,
    argument: Parameters<LaneDuties[Name]>[0],
  ): Promise<ReturnType<LaneDuties[Name]>[]> {
    const lanes = Array.from({ length: this.count }, (_, lane) => lane);
    return Promise.all(lanes.map((lane) => this.call(lane, name, argument)));
  }
}
