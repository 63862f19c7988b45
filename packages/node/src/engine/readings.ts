/**
 * What rules read beyond latest values: windows, silences, counts of events, aggregates of fleets and groups.
 *
 * Invariants
 * 1. What no rule in force reads is not kept, and costs nothing; what several read is kept once. Rules that are off read
 *    nothing.
 * 2. A rule is linked to a value that stays; what the value is made of comes and goes with the rules that read it.
 * 3. A window holds what came since the first rule that reads it came into force. Windows that began together share the
 *    samples; one that begins later has a log of its own.
 */
import { parseMetricName } from "@myelin/core/ids";
import {
  type EvaluationContext,
  FALSE,
  type FleetFunction,
  type KeptValue,
  type Reading,
  type RulePlan,
  TRUE,
} from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import { Division, type DivisionShares, FleetMetric, OtherShares } from "./fleet/index.ts";
import type { MetricColumn, MetricColumns, SampleFollower } from "./metric-columns.ts";
import { agesFromUs, type RuleTimers, silentSinceUs } from "./rule-timers.ts";
import { timerInstantUs } from "./timer-heap.ts";
import type { Wakes } from "./wakes.ts";
import {
  AggregateWindow,
  BlockPool,
  QuantileWindow,
  SeriesLog,
  WindowSpan,
  windowReadings,
} from "./windows/index.ts";

type WindowOf = Extract<Reading, { op: "window" }>;
type CountOf = Extract<Reading, { op: "count_events" }>;
type FleetOf = Extract<Reading, { op: "fleet" }>;
/** A reading that something has to be kept for. */
type KeptReading = WindowOf | CountOf | FleetOf;

/** What follows the samples of one metric. */
class Follower implements SampleFollower {
  readonly #logs: readonly SeriesLog[];
  readonly #fleet: FleetMetric | undefined;
  readonly #wakes: Wakes;
  /** The shortest silence that a rule waits for; Infinity when none does. */
  readonly #silenceUs: number;

  constructor(
    logs: readonly SeriesLog[],
    fleet: FleetMetric | undefined,
    wakes: Wakes,
    silenceUs: number,
  ) {
    this.#logs = logs;
    this.#fleet = fleet;
    this.#wakes = wakes;
    this.#silenceUs = silenceUs;
  }

  sample(slot: number, timeUs: number, value: number): void {
    const logs = this.#logs;
    for (let index = 0; index < logs.length; index += 1)
      (logs[index] as SeriesLog).append(slot, timeUs, value);
    this.#fleet?.sample(slot, timeUs, value);
    this.#wakes.by(slot, timerInstantUs(timeUs + this.#silenceUs));
  }

  takeUp(slot: number, timeUs: number, value: number): void {
    this.#fleet?.sample(slot, timeUs, value);
  }
}

/** A value that rules are linked to, and how it is made at present. */
class Kept implements KeptValue {
  readonly reading: KeptReading;
  make: (slot: number) => number;

  constructor(reading: KeptReading) {
    this.reading = reading;
    this.make = unknown;
  }

  value(slot: number): number {
    return this.make(slot);
  }
}

const unknown = (): number => Number.NaN;

/** What readings are made of. */
export interface ReadingsOptions {
  readonly agents: AgentTable;
  readonly columns: MetricColumns;
  readonly wakes: Wakes;
  /** A window with more samples is one of buckets. */
  readonly windowSamples: number;
  /** How old a latest value may be to count in a fleet. */
  readonly staleAfterUs: number;
  /** Whether other lanes have agents of the fleets. */
  readonly hasOtherLanes: boolean;
}

/** The logs of a set of rules: which windows share one, by what is in them and their widths. */
export interface LogLayout {
  readonly id: number;
  readonly of: "metric" | "event";
  readonly name: string;
  readonly widthsUs: readonly number[];
}

/** A log, and the windows that read it by texts that say what they are. */
export interface HeldLog extends LogLayout {
  readonly log: SeriesLog;
  readonly windows: ReadonlyMap<string, AggregateWindow | QuantileWindow>;
}

/** A width over a metric's samples, or over events of a type. */
interface HeldSpan {
  readonly span: WindowSpan;
  readonly of: "metric" | "event";
  readonly name: string;
}

/** What is kept under one set of rules, by texts that say what it is. */
class Holdings {
  readonly spans = new Map<string, HeldSpan>();
  readonly windows = new Map<string, AggregateWindow | QuantileWindow>();
  readonly divisions = new Map<string, Division>();
  readonly fleets = new Map<string, FleetMetric>();

  /** The logs of metrics, or of events, by name. */
  logs(of: "metric" | "event"): Map<string, SeriesLog[]> {
    const all = new Map<string, Set<SeriesLog>>();
    for (const held of this.spans.values()) {
      if (held.of !== of) continue;
      const logs = all.get(held.name) ?? new Set();
      all.set(held.name, logs.add(held.span.log));
    }
    return new Map([...all].map(([name, logs]) => [name, [...logs]]));
  }
}

export class Readings {
  readonly #options: ReadingsOptions;
  readonly #pool = new BlockPool();
  readonly #kept = new Map<string, Kept>();
  #held = new Holdings();
  #logs: readonly SeriesLog[] = [];
  #eventLogs: ReadonlyMap<string, readonly SeriesLog[]> = new Map();
  /** Logs of windows that begin with the set of rules that is being put in force. */
  #newLogs = new Map<string, SeriesLog>();
  /** Numbers of the logs of an earlier run, by what was in them and widths, until rules are put in force. */
  #earlierLogs = new Map<string, number>();
  #nextLogId = 1;
  #revision = 0;
  #followed: ReadonlySet<MetricColumn> = new Set();
  /** What other lanes have told, by division. One may tell before the rules that ask for it are in force here. */
  readonly #others = new Map<string, OtherShares>();
  #context: EvaluationContext | undefined;

  constructor(options: ReadingsOptions) {
    this.#options = options;
  }

  /** The value of a reading, for rules that are linked with this context. */
  kept(reading: Reading, context: EvaluationContext): KeptValue {
    this.#context = context;
    if (reading.op === "age" || reading.op === "absent")
      return this.#silence(reading.metric, reading, context);
    if (reading.op !== "count_events") this.#columnOf(reading.metric);
    const key = keyOf(reading);
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      kept = new Kept(reading);
      this.#kept.set(key, kept);
    }
    return kept;
  }

  /** Changes with every set of rules that is put in force. */
  get revision(): number {
    return this.#revision;
  }

  /** The logs there are. */
  get heldLogs(): readonly HeldLog[] {
    const { spans, windows } = this.#held;
    const spansOf = Map.groupBy(spans.values(), ({ span }) => span.log);
    const windowsOf = Map.groupBy(windows, ([, window]) => window.span.log);
    return this.#logs.flatMap((log) => {
      const own = spansOf.get(log) ?? [];
      const [first] = own;
      if (first === undefined) return [];
      const { of, name } = first;
      const widthsUs = own.map(({ span }) => span.widthUs);
      return [{ log, id: log.id, of, name, widthsUs, windows: new Map(windowsOf.get(log)) }];
    });
  }

  /** Has the windows of the next set of rules share logs as those of an earlier run did, under their numbers. */
  adopt(logs: readonly LogLayout[], nextLogId: number): void {
    this.#nextLogId = nextLogId;
    for (const { id, of, name, widthsUs } of logs)
      for (const widthUs of widthsUs) this.#earlierLogs.set(`${of} ${name} ${widthUs}`, id);
  }

  /** The number that the next log will have. */
  get nextLogId(): number {
    return this.#nextLogId;
  }

  /** The columns of which more than the latest sample is kept. */
  get followed(): ReadonlySet<MetricColumn> {
    return this.#followed;
  }

  /** Keeps what the rules in force read, and no more; `timers` are theirs. */
  retain(plans: readonly RulePlan[], timers: readonly RuleTimers[]): void {
    const wanted = new Set<string>();
    const linked = new Set<string>();
    for (const { inputs, mode } of plans) {
      if (inputs.windows.length + inputs.events.length + inputs.fleets.length === 0) continue;
      const keys = [
        ...inputs.windows.map((each) => keyOf({ op: "window", type: "double", ...each })),
        ...inputs.events.map(({ type, widthUs }) =>
          keyOf({ op: "count_events", type: "double", event: type, widthUs }),
        ),
        ...inputs.fleets.map((each) => keyOf({ op: "fleet", type: "double", ...each })),
      ];
      for (const key of keys) {
        linked.add(key);
        if (mode !== "off") wanted.add(key);
      }
    }
    const before = this.#held;
    this.#held = new Holdings();
    this.#newLogs = new Map();
    for (const [key, kept] of this.#kept) {
      kept.make = unknown;
      if (!linked.has(key)) this.#kept.delete(key);
    }
    this.#makeFleets(wanted, before);
    for (const key of wanted) {
      const kept = this.#kept.get(key);
      if (kept !== undefined) kept.make = this.#makerOf(kept.reading, before);
    }
    this.#earlierLogs.clear();
    this.#drop(before);
    this.#follow(timers);
    this.#revision += 1;
  }

  grow(capacity: number): void {
    for (const log of this.#logs) log.grow(capacity);
    for (const fleet of this.#held.fleets.values()) fleet.grow(capacity);
  }

  /** The agent in the slot leaves; its columns still hold its samples. */
  release(slot: number): void {
    for (const log of this.#logs) log.release(slot);
    for (const fleet of this.#held.fleets.values()) fleet.release(slot);
  }

  /** The agent's labels change within `change`. */
  relabel(slot: number, change: () => void): void {
    for (const fleet of this.#held.fleets.values()) fleet.leaveGroups(slot);
    change();
    for (const fleet of this.#held.fleets.values()) fleet.enterGroups(slot);
  }

  get hasFleets(): boolean {
    return this.#held.fleets.size > 0;
  }

  /** What the other lanes are to be told of fleets and groups: what has changed until `nowUs`. */
  takeFleetShares(nowUs: number): readonly DivisionShares[] {
    for (const fleet of this.#held.fleets.values()) fleet.settle(nowUs);
    return [...this.#held.divisions].flatMap(([key, division]) => division.takeShares(key) ?? []);
  }

  hearFleetShares(lane: string, shares: readonly DivisionShares[]): void {
    for (const share of shares) this.#othersOf(share.division).hear(lane, share);
  }

  retellFleets(): void {
    for (const division of this.#held.divisions.values()) division.retell();
  }

  #othersOf(division: string): OtherShares {
    let others = this.#others.get(division);
    if (others === undefined) {
      others = new OtherShares();
      this.#others.set(division, others);
    }
    return others;
  }

  /** An event of the agent. */
  event(slot: number, type: string, timeUs: number): void {
    for (const log of this.#eventLogs.get(type) ?? []) log.append(slot, timeUs, 0);
  }

  #silence(
    metric: string,
    reading: Extract<Reading, { op: "age" | "absent" }>,
    context: EvaluationContext,
  ): KeptValue {
    const column = this.#columnOf(metric);
    if (reading.op === "age")
      return {
        value: (slot) => (context.nowUs - agesFromUs(column, slot, this.#options.agents)) / 1e6,
      };
    return {
      value: (slot) => {
        const sinceUs = silentSinceUs(column, slot, this.#options.agents);
        return context.nowUs >= sinceUs + reading.afterUs ? TRUE : FALSE;
      },
    };
  }

  #columnOf(metric: string): MetricColumn {
    const { agents, columns } = this.#options;
    const column = columns.declare(parseMetricName(metric));
    columns.makeDense(column, agents.capacity);
    return column;
  }

  #makerOf(reading: KeptReading, before: Holdings): (slot: number) => number {
    const context = this.#context as EvaluationContext;
    if (reading.op === "fleet") return this.#fleetMaker(reading, context);
    if (reading.op === "count_events") {
      const window = this.#countWindow(reading, before);
      return (slot) => (window.gather(slot, context.nowUs) ? (window.cells[0] as number) : 0);
    }
    const window = this.#window(reading, before);
    if (window instanceof QuantileWindow) {
      const { quantile = 0 } = reading;
      return (slot) => window.quantile(slot, context.nowUs, quantile);
    }
    if (reading.function === "quantile_over_time") return unknown;
    const { read } = windowReadings[reading.function];
    return (slot) => (window.gather(slot, context.nowUs) ? read(window.cells, 0) : Number.NaN);
  }

  #fleetMaker(reading: FleetOf, context: EvaluationContext): (slot: number) => number {
    const fleet = this.#held.fleets.get(reading.metric);
    const division = this.#held.divisions.get(divisionKey(reading));
    if (fleet === undefined || division === undefined) return unknown;
    return (slot) => {
      fleet.settle(context.nowUs);
      return division.read(slot, reading.function);
    };
  }

  #window(reading: WindowOf, before: Holdings): AggregateWindow | QuantileWindow {
    const { function: name, metric, widthUs } = reading;
    const span = this.#span("metric", metric, widthUs, before);
    const isQuantile = name === "quantile_over_time";
    const kind = isQuantile ? name : windowReadings[name].aggregate.name;
    return this.#shared(`${kind} ${metric} ${widthUs}`, before, () =>
      isQuantile
        ? new QuantileWindow(span)
        : new AggregateWindow(span, windowReadings[name].aggregate),
    );
  }

  #countWindow({ event, widthUs }: CountOf, before: Holdings): AggregateWindow {
    const span = this.#span("event", event, widthUs, before);
    const { aggregate } = windowReadings.count_over_time;
    return this.#shared(
      `event ${event} ${widthUs}`,
      before,
      () => new AggregateWindow(span, aggregate),
    );
  }

  /** The window that there was, is, or is made. */
  #shared<Window extends AggregateWindow | QuantileWindow>(
    key: string,
    before: Holdings,
    make: () => Window,
  ): Window {
    // A key tells the kind of window.
    const known = (this.#held.windows.get(key) ?? before.windows.get(key)) as Window | undefined;
    const window = known ?? make();
    this.#held.windows.set(key, window);
    return window;
  }

  #span(of: "metric" | "event", name: string, widthUs: number, before: Holdings): WindowSpan {
    const key = `${of} ${name} ${widthUs}`;
    const known = this.#held.spans.get(key) ?? before.spans.get(key);
    const held = known ?? { span: this.#newSpan(key, `${of} ${name}`, widthUs), of, name };
    this.#held.spans.set(key, held);
    return held.span;
  }

  #newSpan(key: string, source: string, widthUs: number): WindowSpan {
    const { agents, windowSamples } = this.#options;
    const earlierId = this.#earlierLogs.get(key);
    const place = earlierId === undefined ? source : `${source} ${earlierId}`;
    let log = this.#newLogs.get(place);
    if (log === undefined) {
      const id = earlierId ?? this.#nextLogId;
      if (earlierId === undefined) this.#nextLogId += 1;
      log = new SeriesLog(this.#pool, windowSamples, agents.capacity, id);
      this.#newLogs.set(place, log);
    }
    return new WindowSpan(log, widthUs);
  }

  /** Fleets with all divisions that are wanted; made anew where what is wanted of one has changed. */
  #makeFleets(wanted: ReadonlySet<string>, before: Holdings): void {
    const { agents, staleAfterUs } = this.#options;
    const functions = new Map<string, { reading: FleetOf; names: Set<FleetFunction> }>();
    for (const key of wanted) {
      const reading = this.#kept.get(key)?.reading;
      if (reading?.op !== "fleet") continue;
      const division = divisionKey(reading);
      const names = functions.get(division)?.names ?? new Set();
      functions.set(division, { reading, names: names.add(reading.function) });
    }
    for (const [key, { reading, names }] of functions) {
      const { metric, groupBy } = reading;
      const fleet =
        this.#held.fleets.get(metric) ??
        before.fleets.get(metric) ??
        new FleetMetric(this.#columnOf(metric), staleAfterUs, agents.capacity);
      this.#held.fleets.set(metric, fleet);
      const present = before.divisions.get(key);
      const isSame = present !== undefined && [...names].every((name) => present.wanted.has(name));
      const division = isSame ? present : this.#division(key, names, groupBy);
      if (!isSame) fleet.add(division);
      this.#held.divisions.set(key, division);
    }
    const held = new Set(this.#held.divisions.values());
    for (const fleet of this.#held.fleets.values()) fleet.retain(held);
    for (const key of before.divisions.keys())
      if (!this.#held.divisions.has(key)) this.#others.delete(key);
  }

  #division(key: string, names: ReadonlySet<FleetFunction>, groupBy: string | undefined): Division {
    const { agents, hasOtherLanes } = this.#options;
    const others = hasOtherLanes ? this.#othersOf(key) : undefined;
    const keyOf = (slot: number): string | undefined => {
      if (groupBy === undefined) return "";
      const labels = agents.attributes[slot]?.labels;
      return labels !== undefined && Object.hasOwn(labels, groupBy) ? labels[groupBy] : undefined;
    };
    return new Division(names, agents.capacity, keyOf, others);
  }

  #drop(before: Holdings): void {
    const { windows, spans } = this.#held;
    for (const [key, window] of before.windows) if (!windows.has(key)) window.drop();
    for (const [key, { span }] of before.spans) if (!spans.has(key)) span.drop();
    const logs = new Set([...spans.values()].map(({ span }) => span.log));
    for (const log of this.#logs) if (!logs.has(log)) log.drop();
    this.#logs = [...logs];
    this.#eventLogs = this.#held.logs("event");
  }

  /** Has the columns tell what is kept of their samples. */
  #follow(timers: readonly RuleTimers[]): void {
    const { fleets } = this.#held;
    const logs = this.#held.logs("metric");
    const columns = [
      ...[...logs.keys(), ...fleets.keys()].map((metric) => this.#columnOf(metric)),
      ...timers.flatMap((each) => each.columns),
    ];
    for (const column of this.#followed) column.follower = undefined;
    this.#followed = new Set(columns);
    for (const column of this.#followed) {
      const silencesUs = timers.map((each) => each.shortestUs(column));
      column.follower = new Follower(
        logs.get(column.name) ?? [],
        fleets.get(column.name),
        this.#options.wakes,
        Math.min(...silencesUs),
      );
    }
  }
}

function keyOf(reading: KeptReading): string {
  switch (reading.op) {
    case "window":
      return `window ${reading.function} ${reading.metric} ${reading.widthUs} ${reading.quantile ?? ""}`;
    case "count_events":
      return `events ${reading.widthUs} ${reading.event}`;
    case "fleet":
      return `fleet ${reading.function} ${divisionKey(reading)}`;
  }
}

function divisionKey({ metric, groupBy }: FleetOf): string {
  return groupBy === undefined ? metric : `${metric} ${groupBy}`;
}
