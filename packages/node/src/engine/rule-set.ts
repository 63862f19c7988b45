/**
 * The rules in force, and which of them a change of each thing concerns.
 *
 * Invariants
 * 1. A set is prepared step by step beside the one in force, which goes on unchanged, and then put in
 *    force at once. A set that cannot be linked changes nothing.
 * 2. What a change costs in the turn that puts it in force grows with the rules that changed and the
 *    episodes it ends, not with the agents.
 * 3. Lists of rules are in order of their names.
 * 4. Rules that are off are in no list of readers.
 */
import { MyelinError } from "@myelin/core/errors";
import { parseMetricName, type RuleName } from "@myelin/core/ids";
import {
  type Bounds,
  type EvaluationContext,
  type LinkedRule,
  linkRule,
  type RulePlan,
} from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import type { MetricColumn, MetricColumns } from "./metric-columns.ts";
import type { PendingCells } from "./pending-cells.ts";
import type { Readings } from "./readings.ts";
import { RuleRuntime, type RuleVersion } from "./rule-runtime.ts";
import { RuleTimers } from "./rule-timers.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import { isSameJson } from "./twin-change.ts";

/** Is told of each episode that a change of the rules ends. */
export type OnEnd = (rule: RuleRuntime, slot: number) => void;

/** A rule of a set that is prepared: compiled, and beside its state if that is to be a new one. */
interface PreparedRule {
  readonly version: RuleVersion;
  readonly linked: LinkedRule;
  /** Made for a rule or a meaning that was not in force. */
  readonly runtime: RuleRuntime | undefined;
}

const anywhere = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** Which rules of a set a change of each thing concerns; see the fields of `RuleSet`. */
interface Listing {
  readonly attributeReaders: readonly RuleRuntime[];
  readonly twinReaders: readonly RuleRuntime[];
  readonly eventReaders: readonly RuleRuntime[];
  readonly timed: readonly RuleRuntime[];
  readonly keepers: readonly RuleRuntime[];
  readonly readers: Int32Array;
  readonly readerLows: Float64Array;
  readonly readerHighs: Float64Array;
  /** The columns that have readers, where those of each begin and end, and what concerns any of them. */
  readonly ranges: readonly {
    readonly column: MetricColumn;
    readonly first: number;
    readonly end: number;
    readonly bounds: Bounds;
  }[];
}

/** A rule as it will be in force. */
interface ListedRule {
  readonly rule: RuleRuntime;
  readonly plan: RulePlan;
  readonly position: number;
}

/** A set that waits to be put in force. No other may be put in force between its preparation and that. */
export interface PreparedRules {
  readonly rules: readonly PreparedRule[];
  readonly listing: Listing;
}

export class RuleSet {
  all: readonly RuleRuntime[] = [];
  /** Positions of the rules to be evaluated when a sample comes, metric by metric; a column knows its range. */
  readers: Int32Array = new Int32Array(0);
  /** By reader: a sample below it, or above the other, does not concern a rule that is inactive for its agent. */
  readerLows: Float64Array = new Float64Array(0);
  readerHighs: Float64Array = new Float64Array(0);
  /** By reader: the states of its rule, which lie behind two objects otherwise. */
  readerStates: readonly Uint8Array[] = [];
  /** Rules to be evaluated when an agent's attributes change. */
  attributeReaders: readonly RuleRuntime[] = [];
  /** Rules that read the twin. */
  twinReaders: readonly RuleRuntime[] = [];
  /** Rules that are evaluated at events. */
  eventReaders: readonly RuleRuntime[] = [];
  /** Rules that are evaluated when something has been silent. */
  timed: readonly RuleRuntime[] = [];
  /** Rules with `keep_firing_for`. */
  keepers: readonly RuleRuntime[] = [];
  readonly #byName = new Map<RuleName, RuleRuntime>();
  readonly #byId = new Map<number, RuleRuntime>();
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #timers: TimerWheel;
  readonly #pendingCells: PendingCells;
  readonly #readings: Readings;
  readonly #context: EvaluationContext;
  /** The columns that have readers. */
  #readColumns: MetricColumn[] = [];
  #nextId = 1;

  constructor(
    agents: AgentTable,
    columns: MetricColumns,
    timers: TimerWheel,
    pendingCells: PendingCells,
    readings: Readings,
    context: EvaluationContext,
  ) {
    this.#agents = agents;
    this.#columns = columns;
    this.#timers = timers;
    this.#pendingCells = pendingCells;
    this.#readings = readings;
    this.#context = context;
  }

  get(name: RuleName): RuleRuntime | undefined {
    return this.#byName.get(name);
  }

  byId(id: number): RuleRuntime | undefined {
    return this.#byId.get(id);
  }

  grow(capacity: number): void {
    for (const rule of this.all) rule.grow(capacity);
    this.#listStates();
  }

  /**
   * Compiles a whole set; each step is one rule. Agents may come and go in between.
   * @throws MyelinError INVALID_ARGUMENT for a name given twice
   */
  *prepare(versions: readonly RuleVersion[]): Generator<void, PreparedRules> {
    const ordered = versions.toSorted((a, b) => (a.plan.name < b.plan.name ? -1 : 1));
    const prepared: PreparedRule[] = [];
    for (const [index, version] of ordered.entries()) {
      const { name } = version.plan;
      if (ordered[index + 1]?.plan.name === name)
        throw new MyelinError("INVALID_ARGUMENT", `rule ${name} is given twice`);
      const present = this.#byName.get(name);
      if (present?.plan === version.plan && present.meaningVersion === version.meaningVersion) {
        prepared.push({ version, linked: present.linked, runtime: undefined });
        continue;
      }
      prepared.push(this.#prepareRule(version, present));
      yield;
    }
    return { rules: prepared, listing: this.#list(prepared) };
  }

  /** Puts a prepared set in force, and gives the rules that begin afresh. State stays with a rule of the same name and meaning, cooldowns with the name. */
  put(
    { rules: prepared, listing }: PreparedRules,
    nowUs: number,
    onEnd: OnEnd,
  ): readonly RuleRuntime[] {
    const afresh = prepared.filter((rule) => this.beginsAfresh(rule));
    const names = new Set(prepared.map(({ version }) => version.plan.name));
    for (const rule of this.all) {
      if (names.has(rule.name)) continue;
      rule.end(nowUs, (slot) => onEnd(rule, slot));
      this.#byName.delete(rule.name);
      this.#byId.delete(rule.id);
    }
    this.all = prepared.map((rule) => this.#put(rule, nowUs, onEnd));
    this.#follow(listing);
    this.#timers.retain((owner) => this.#byId.has(owner));
    this.#readings.retain(
      this.all.map(({ plan }) => plan),
      this.timed.flatMap(({ timers }) => timers ?? []),
    );
    this.#listConcerns(listing);
    return afresh.flatMap(({ version }) => this.#byName.get(version.plan.name) ?? []);
  }

  /** Whether a rule of a prepared set has no state when that comes into force. */
  beginsAfresh({ version, runtime }: PreparedRule): boolean {
    const wasOff = this.#byName.get(version.plan.name)?.isOff ?? false;
    return runtime !== undefined || wasOff !== (version.plan.mode === "off");
  }

  #prepareRule(version: RuleVersion, present: RuleRuntime | undefined): PreparedRule {
    const { plan } = version;
    const isSameMeaning = present?.meaningVersion === version.meaningVersion;
    if (isSameMeaning && isSameJson(present.plan.args, plan.args))
      return { version, linked: present.linked, runtime: undefined };
    const linked = linkRule(plan, this.#context);
    this.#compileNow(linked);
    if (isSameMeaning) return { version, linked, runtime: undefined };
    const id = this.#nextId;
    this.#nextId += 1;
    const runtime = new RuleRuntime(
      id,
      version,
      linked,
      this.#agents,
      this.#timers,
      this.#pendingCells,
      this.#timersOf(plan),
    );
    return { version, linked, runtime };
  }

  /**
   * Functions are compiled when they are first called; that is here rather than in the turn of the first sample,
   * where a hundred of them would be milliseconds. They change nothing: at the beginning of time, since windows leave
   * behind what is too old for whom they are asked.
   */
  #compileNow(linked: LinkedRule): void {
    const slot = this.#agents.attributes.findIndex((attributes) => attributes !== undefined);
    if (slot === -1) return;
    const context = this.#context;
    const { nowUs } = context;
    context.nowUs = 0;
    linked.where(slot);
    linked.condition(slot);
    if (linked.hasResolve) linked.resolve(slot);
    context.nowUs = nowUs;
  }

  #timersOf({ inputs }: RulePlan): RuleTimers | undefined {
    if (inputs.timers.length === 0) return undefined;
    const columnOf = (metric: string): MetricColumn => {
      const column = this.#columns.declare(parseMetricName(metric));
      this.#columns.makeDense(column, this.#agents.capacity);
      return column;
    };
    return new RuleTimers(inputs.timers, columnOf, this.#agents.capacity);
  }

  #put({ version, linked, runtime }: PreparedRule, nowUs: number, onEnd: OnEnd): RuleRuntime {
    const present = this.#byName.get(version.plan.name);
    if (runtime === undefined && present !== undefined) {
      const wasOff = present.isOff;
      present.replace(version, linked);
      if (wasOff !== present.isOff) present.makeUnseen(nowUs, (slot) => onEnd(present, slot));
      return present;
    }
    if (runtime === undefined) throw new MyelinError("INTERNAL", "the prepared set has been left");
    runtime.grow(this.#agents.capacity);
    if (present !== undefined) {
      present.end(nowUs, (slot) => onEnd(present, slot));
      this.#byId.delete(present.id);
      runtime.succeed(present);
    }
    this.#byName.set(runtime.name, runtime);
    this.#byId.set(runtime.id, runtime);
    return runtime;
  }

  #follow(listing: Listing): void {
    this.readers = listing.readers;
    this.readerLows = listing.readerLows;
    this.readerHighs = listing.readerHighs;
    this.attributeReaders = listing.attributeReaders;
    this.twinReaders = listing.twinReaders;
    this.eventReaders = listing.eventReaders;
    this.timed = listing.timed;
    this.keepers = listing.keepers;
    for (const column of this.#readColumns) {
      column.firstReader = 0;
      column.endReader = 0;
    }
    this.#readColumns = listing.ranges.map(({ column, first, end }) => {
      column.firstReader = first;
      column.endReader = end;
      return column;
    });
    this.#listStates();
    for (const [position, rule] of this.all.entries()) {
      const { unless } = rule.plan;
      rule.position = position;
      rule.unless = unless === undefined ? undefined : this.#byName.get(unless);
    }
  }

  #listStates(): void {
    this.readerStates = Array.from(
      this.readers,
      (position) => (this.all[position] as RuleRuntime).states,
    );
  }

  /** What concerns any reader of a metric; where more than the latest sample is kept, each does. */
  #listConcerns({ ranges }: Listing): void {
    this.#columns.concernNobody();
    for (const { column, first, end, bounds } of ranges)
      this.#columns.concern(column, bounds, end - first);
    for (const column of this.#readings.followed)
      this.#columns.concern(column, anywhere, column.endReader - column.firstReader);
  }

  #list(prepared: readonly PreparedRule[]): Listing {
    const active = prepared.flatMap(({ version: { plan }, runtime }, position): ListedRule[] => {
      const rule = runtime ?? this.#byName.get(plan.name);
      return rule === undefined || plan.mode === "off" ? [] : [{ rule, plan, position }];
    });
    const those = (is: (listed: ListedRule) => boolean): readonly RuleRuntime[] =>
      active.filter(is).map(({ rule }) => rule);
    return {
      attributeReaders: those(({ plan }) => plan.inputs.readsAttributes),
      twinReaders: those(({ plan }) => plan.inputs.twinPaths.length > 0),
      eventReaders: those(
        ({ plan: { inputs } }) => inputs.readsEvent || inputs.countedEvents.length > 0,
      ),
      timed: those(({ rule }) => rule.timers !== undefined),
      keepers: those(({ plan }) => plan.keepFiringForUs > 0),
      ...this.#listReaders(active),
    };
  }

  #listReaders(
    active: readonly ListedRule[],
  ): Pick<Listing, "readers" | "readerLows" | "readerHighs" | "ranges"> {
    const byMetric = new Map<string, ListedRule[]>();
    for (const listed of active) {
      for (const metric of listed.plan.inputs.metrics) {
        const readers = byMetric.get(metric);
        if (readers === undefined) byMetric.set(metric, [listed]);
        else readers.push(listed);
      }
    }
    const list: number[] = [];
    const lows: number[] = [];
    const highs: number[] = [];
    const ranges: Listing["ranges"][number][] = [];
    for (const [metric, readers] of byMetric) {
      const column = this.#columns.get(metric);
      if (column === undefined) continue;
      const first = list.length;
      const concern = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
      for (const { rule, position } of readers) {
        const { low, high } = rule.bounds.get(metric) ?? anywhere;
        list.push(position);
        lows.push(low);
        highs.push(high);
        concern.low = Math.min(concern.low, low);
        concern.high = Math.max(concern.high, high);
      }
      ranges.push({ column, first, end: list.length, bounds: concern });
    }
    return {
      readers: Int32Array.from(list),
      readerLows: Float64Array.from(lows),
      readerHighs: Float64Array.from(highs),
      ranges,
    };
  }
}
