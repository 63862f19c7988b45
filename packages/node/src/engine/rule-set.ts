/**
 * The rules in force, and which of them a change of each thing concerns.
 *
 * Invariants
 * 1. A set that cannot be linked changes nothing.
 * 2. Lists of rules are in order of their names.
 * 3. Rules that are off are in no list of readers.
 */
import { MyelinError } from "@myelin/core/errors";
import type { RuleName } from "@myelin/core/ids";
import { type EvaluationContext, type LinkedRule, linkRule } from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import type { MetricColumns } from "./metric-columns.ts";
import { RuleRuntime, type RuleVersion } from "./rule-runtime.ts";
import type { TimerHeap } from "./timer-heap.ts";

/** Is told of each episode that a change of the rules ends. */
export type OnEnd = (rule: RuleRuntime, slot: number) => void;

export class RuleSet {
  all: readonly RuleRuntime[] = [];
  /** Positions of the rules to be evaluated when a sample comes, metric by metric; a column knows its range. */
  readers: Int32Array = new Int32Array(0);
  /** Rules to be evaluated when an agent's attributes change. */
  attributeReaders: readonly RuleRuntime[] = [];
  /** Rules that read the twin. */
  twinReaders: readonly RuleRuntime[] = [];
  /** Rules with `keep_firing_for`. */
  keepers: readonly RuleRuntime[] = [];
  readonly #byName = new Map<RuleName, RuleRuntime>();
  readonly #byId = new Map<number, RuleRuntime>();
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #timers: TimerHeap;
  readonly #context: EvaluationContext;
  #nextId = 1;

  constructor(
    agents: AgentTable,
    columns: MetricColumns,
    timers: TimerHeap,
    context: EvaluationContext,
  ) {
    this.#agents = agents;
    this.#columns = columns;
    this.#timers = timers;
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
  }

  /**
   * Puts a whole set in force. State stays with a rule of the same name and meaning, cooldowns with the name.
   * @throws MyelinError INVALID_ARGUMENT for a name given twice
   */
  replace(versions: readonly RuleVersion[], nowUs: number, onEnd: OnEnd): void {
    const ordered = versions.toSorted((a, b) => (a.plan.name < b.plan.name ? -1 : 1));
    const linked = ordered.map((version, index) => {
      const { name } = version.plan;
      if (ordered[index + 1]?.plan.name === name)
        throw new MyelinError("INVALID_ARGUMENT", `rule ${name} is given twice`);
      return this.#link(version);
    });
    const names = new Set(ordered.map(({ plan }) => plan.name));
    for (const rule of this.all) if (!names.has(rule.name)) this.#remove(rule, nowUs, onEnd);
    this.all = ordered.map((version, index) =>
      this.#put(version, linked[index] as LinkedRule, nowUs, onEnd),
    );
    this.#readers();
    this.#timers.retain((owner) => this.#byId.has(owner));
  }

  #link({ plan }: RuleVersion): LinkedRule {
    const present = this.#byName.get(plan.name);
    return present?.plan === plan ? present.linked : linkRule(plan, this.#context);
  }

  #put(version: RuleVersion, linked: LinkedRule, nowUs: number, onEnd: OnEnd): RuleRuntime {
    const present = this.#byName.get(version.plan.name);
    if (present === undefined) {
      const rule = new RuleRuntime(
        this.#nextId,
        version,
        linked,
        this.#timers,
        this.#agents.capacity,
      );
      this.#nextId += 1;
      this.#byName.set(rule.name, rule);
      this.#byId.set(rule.id, rule);
      this.#match(rule, nowUs, onEnd);
      return rule;
    }
    const isSameMeaning = present.meaningVersion === version.meaningVersion;
    const wasOff = present.isOff;
    if (isSameMeaning) present.replace(version, linked);
    else {
      this.#end(present, nowUs, onEnd);
      this.#byId.delete(present.id);
      present.restart(this.#nextId, version, linked);
      this.#nextId += 1;
      this.#byId.set(present.id, present);
    }
    if (!isSameMeaning || wasOff !== present.isOff) this.#match(present, nowUs, onEnd);
    return present;
  }

  #remove(rule: RuleRuntime, nowUs: number, onEnd: OnEnd): void {
    this.#end(rule, nowUs, onEnd);
    this.#byName.delete(rule.name);
    this.#byId.delete(rule.id);
  }

  #end(rule: RuleRuntime, nowUs: number, onEnd: OnEnd): void {
    for (let slot = 0; slot < this.#agents.used; slot += 1)
      if (rule.makeInactive(slot, nowUs)) onEnd(rule, slot);
  }

  #match(rule: RuleRuntime, nowUs: number, onEnd: OnEnd): void {
    for (let slot = 0; slot < this.#agents.used; slot += 1) {
      if (this.#agents.has(slot) && rule.match(slot, nowUs)) onEnd(rule, slot);
    }
  }

  #readers(): void {
    const active = this.all.filter((rule) => !rule.isOff);
    this.attributeReaders = active.filter(({ plan }) => plan.inputs.readsAttributes);
    this.twinReaders = active.filter(({ plan }) => plan.inputs.twinPaths.length > 0);
    this.keepers = active.filter((rule) => rule.hasKeepFiring);
    for (const [position, rule] of this.all.entries()) rule.position = position;
    this.#listReaders(active);
    for (const rule of this.all) {
      rule.unless = rule.plan.unless === undefined ? undefined : this.#byName.get(rule.plan.unless);
      rule.unless?.watch();
    }
  }

  #listReaders(active: readonly RuleRuntime[]): void {
    const byMetric = new Map<string, number[]>();
    for (const { plan, position } of active) {
      for (const metric of plan.inputs.metrics) {
        const positions = byMetric.get(metric);
        if (positions === undefined) byMetric.set(metric, [position]);
        else positions.push(position);
      }
    }
    const list: number[] = [];
    for (const column of this.#columns.all) {
      column.firstReader = list.length;
      list.push(...(byMetric.get(column.name) ?? []));
      column.endReader = list.length;
    }
    this.readers = Int32Array.from(list);
  }
}
