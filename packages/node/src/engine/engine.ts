/**
 * The engine: keyed state in typed arrays by agent slot, and the rules' state machines over it.
 *
 * Invariants
 * 1. It does no I/O and reads no clock: what it decides is a function of the calls made to it.
 * 2. Applying samples allocates nothing per sample; a firing may allocate. What comes for a free slot
 *    is dropped.
 * 3. One evaluation per instant and call of `apply`; those of instants behind the agent's evaluation
 *    time are made at the agent's, one microsecond after another.
 * 4. Hooks are called when all rules of an evaluation have been evaluated; they may call the engine.
 * 5. An episode belongs to the time line of the part whose input it fired at; what the node itself
 *    observes, attributes included, belongs to the node's own part.
 */
import { MyelinError } from "@myelin/core/errors";
import { parseMetricName, type RuleName } from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import type {
  AgentAttributes,
  EvaluationContext,
  PresentEvent,
  Reading,
  RulePlan,
} from "@myelin/core/rules";
import { AgentTable } from "./agent-table.ts";
import { Applier } from "./applier.ts";
import { type EngineCounters, noCounts } from "./counters.ts";
import { DepartedCooldowns } from "./departed-cooldowns.ts";
import { Evaluator } from "./evaluator.ts";
import type { EngineHooks } from "./firing.ts";
import { Histories, type HistoryRecord, type TakingUp } from "./histories.ts";
import { MetricColumns, noPart } from "./metric-columns.ts";
import { Outbox } from "./outbox.ts";
import { nodePart, partsPerAgent } from "./parts.ts";
import { PastEpisodes } from "./past-episodes.ts";
import { PendingCells, type PendingChange } from "./pending-cells.ts";
import { Readings } from "./readings.ts";
import type { RuleRuntime, RuleVersion } from "./rule-runtime.ts";
import { RuleSet } from "./rule-set.ts";
import { SamplingIntervals } from "./sampling-intervals.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { isSameJson, touchesTwin } from "./twin-change.ts";
import {
  type AgentRuleState,
  type LatestSample,
  latestOf,
  type RuleStatus,
  stateOf,
  statusOf,
} from "./views.ts";
import { Wakes } from "./wakes.ts";

/** What an engine is made of. */
export interface EngineOptions {
  /** Most agents at once. */
  readonly maxAgents: number;
  /** Most metric names; metrics that rules read are not counted against agents. */
  readonly maxMetrics: number;
  /** Most bytes for samples of metrics that no rule reads; default 512 MiB. */
  readonly maxUnreadBytes?: number;
  /** How far ahead of the node's clock a sample may be. */
  readonly futureToleranceUs: number;
  /** A window with more samples passes to buckets; default 1,024. */
  readonly windowSamples?: number;
  /** How old a latest value may be to count in a fleet or a group; default 30 s. */
  readonly staleAfterUs?: number;
  /** Whether other lanes have agents of the fleets: what they come to is taken and heard. Default false. */
  readonly hasOtherLanes?: boolean;
  readonly hooks: EngineHooks;
}

/** How an instruction of a rule ended. */
export interface InstructionEnd {
  /** False when another attempt may follow (`mayTryAgain` of its end). */
  readonly succeeded: boolean;
  /** Node's clock, microseconds. */
  readonly endedAtUs: number;
  readonly attempt: number;
  /** Start of its episode. */
  readonly startedAtUs: number;
}

const defaultMaxUnreadBytes = 512 * 1024 * 1024;
const defaultWindowSamples = 1_024;
const defaultStaleAfterUs = 30_000_000;

export class Engine {
  readonly counters: EngineCounters = noCounts();
  /** What rules read of the past, for the node's next start. */
  readonly histories: Histories;
  /** What began before the node started. */
  readonly pastEpisodes: PastEpisodes;
  /** Fleets and groups that other lanes have agents of. */
  readonly fleets: Pick<
    Readings,
    "hasFleets" | "hearFleetShares" | "retellFleets" | "takeFleetShares"
  >;
  /** How far ahead of the node's clock a sample may be. */
  readonly futureToleranceUs: number;
  readonly #maxMetrics: number;
  readonly #hooks: EngineHooks;
  readonly #agents: AgentTable;
  readonly #columns: MetricColumns;
  readonly #timers = new TimerWheel();
  readonly #wakes: Wakes;
  readonly #readings: Readings;
  readonly #pendingCells: PendingCells;
  readonly #rules: RuleSet;
  readonly #departed: DepartedCooldowns;
  readonly #evaluator: Evaluator;
  readonly #applier: Applier;
  readonly #intervals: SamplingIntervals;
  readonly #context: EvaluationContext;
  /** One observation as columns. */
  readonly #oneMetric = new Int32Array(1);
  readonly #oneValue = new Float64Array(1);
  readonly #oneTime = new Float64Array(1);

  constructor(options: EngineOptions) {
    this.#maxMetrics = options.maxMetrics;
    this.futureToleranceUs = options.futureToleranceUs;
    this.#hooks = options.hooks;
    const agents = new AgentTable(options.maxAgents);
    const columns = new MetricColumns(options.maxUnreadBytes ?? defaultMaxUnreadBytes);
    this.#agents = agents;
    this.#columns = columns;
    const { onSamplingInterval } = options.hooks;
    this.#intervals = new SamplingIntervals(
      columns.all,
      onSamplingInterval && (({ name }, intervalUs) => onSamplingInterval(name, intervalUs)),
    );
    this.#departed = new DepartedCooldowns(options.maxAgents);
    this.#wakes = new Wakes(agents.capacity);
    const wakes = this.#wakes;
    const { windowSamples = defaultWindowSamples, staleAfterUs = defaultStaleAfterUs } = options;
    const { hasOtherLanes = false } = options;
    const kept = { windowSamples, staleAfterUs, hasOtherLanes };
    this.#readings = new Readings({ agents, columns, wakes, ...kept });
    const readings = this.#readings;
    this.fleets = readings;
    this.histories = new Histories(agents, columns, readings, windowSamples);
    const context: EvaluationContext = {
      nowUs: 0,
      column: (name) => {
        const column = columns.declare(parseMetricName(name));
        columns.makeDense(column, agents.capacity);
        return column;
      },
      attributes: (slot) => agents.attributesOf(slot),
      joinedAtUs: (slot) => agents.joinedAtUs[slot] as number,
      twin: (slot) => agents.twins[slot] as JsonObject,
      kept: (reading) => readings.kept(reading, context),
      event: () => this.#evaluator.event,
    };
    this.#context = context;
    this.#pendingCells = new PendingCells(agents, options.hooks.onPendingChange);
    const rules = [agents, columns, this.#timers, this.#pendingCells, readings, context] as const;
    this.#rules = new RuleSet(...rules);
    const { counters, futureToleranceUs } = this;
    const parts = { agents, columns, rules: this.#rules, timers: this.#timers, wakes, counters };
    this.#evaluator = new Evaluator({ ...parts, context, hooks: options.hooks });
    const evaluator = this.#evaluator;
    this.pastEpisodes = new PastEpisodes({
      agents,
      rules: this.#rules,
      evaluator,
      hooks: options.hooks,
    });
    this.#applier = new Applier({ ...parts, readings, evaluator, futureToleranceUs });
  }

  /** Instant of the next timer on the node's clock; Infinity when there is none. */
  get nextDueUs(): number {
    return Math.min(this.#timers.nextDueUs, this.#wakes.nextDueUs);
  }

  /**
   * Gives an agent a slot. No rule is evaluated before its first input, so that episodes can be reinstated first.
   * @throws MyelinError RESOURCE_EXHAUSTED at the bound
   */
  join(attributes: AgentAttributes, atUs: number): number {
    const agents = this.#agents;
    const { capacity } = agents;
    const slot = agents.add(attributes, atUs);
    if (agents.capacity > capacity) {
      this.#columns.growDense(agents.capacity);
      this.#rules.grow(agents.capacity);
      this.#readings.grow(agents.capacity);
      this.#wakes.grow(agents.capacity);
    }
    const cooldowns = this.#departed.take(agents.idOf(slot));
    for (const [rule, untilUs] of cooldowns ?? []) this.#rules.get(rule)?.coolDown(slot, untilUs);
    this.#wakes.joined(slot);
    if (this.#rules.timed.length > 0) this.#evaluator.setWake(slot);
    return slot;
  }

  /** The agent leaves: its episodes end without an instruction, its slot is free. */
  leave(slot: number, atUs: number): void {
    if (!this.#agents.has(slot)) return;
    const agent = this.#agents.idOf(slot);
    const cooldowns = new Map<RuleName, number>();
    const ended: { readonly rule: RuleName; readonly startedAtUs: number }[] = [];
    for (const rule of this.#rules.all) {
      const startedAtUs = rule.sinceUs(slot);
      const untilUs = Math.min(rule.cooldownUntilUs(slot), atUs + rule.plan.cooldownUs);
      // One that is over by now still holds for what was observed before its end and comes later.
      if (untilUs > Number.NEGATIVE_INFINITY) cooldowns.set(rule.name, untilUs);
      if (rule.release(slot, atUs)) ended.push({ rule: rule.name, startedAtUs });
    }
    this.#departed.put(agent, cooldowns);
    this.#wakes.at(slot, Number.POSITIVE_INFINITY);
    this.#readings.release(slot);
    for (const index of this.#agents.series[slot] ?? []) this.#columns.all[index]?.clear(slot);
    this.#agents.remove(slot);
    for (const { rule, startedAtUs } of ended)
      this.#hooks.onEpisodeEnd?.(rule, slot, atUs, startedAtUs);
  }

  /** Changes an agent's attributes; rules that read them are evaluated if they differ. */
  setAttributes(slot: number, attributes: AgentAttributes, atUs: number): void {
    const agents = this.#agents;
    const present = agents.attributes[slot];
    if (present === undefined || isSameAttributes(present, attributes)) return;
    const evaluationUs = this.#evaluator.moveOn(slot, atUs, atUs);
    if (!agents.has(slot)) return;
    const unmatched = this.#rules.timed.filter((rule) => !rule.sees(slot));
    this.#readings.relabel(slot, () => {
      agents.attributes[slot] = attributes;
    });
    const outbox = new Outbox();
    for (const rule of this.#rules.all) if (rule.match(slot, evaluationUs)) outbox.ends(rule);
    if (agents.isNew[slot] === 0)
      for (const rule of this.#rules.attributeReaders) this.#evaluator.note(rule);
    for (const rule of unmatched)
      if (rule.timers?.hasAbsence === true && rule.sees(slot)) this.#evaluator.note(rule);
    if (this.#rules.timed.length > 0) this.#evaluator.setWake(slot);
    this.#evaluator.evaluate(slot, nodePart, evaluationUs, atUs, outbox);
  }

  /**
   * Changes an agent's twin; rules that read a field which has changed are evaluated.
   * @param fields Names of the top-level fields that may have changed; all when undefined.
   * @param atUs When it changed, on the node's clock; what is too far ahead of `nowUs` counts as now.
   */
  setTwin(
    slot: number,
    twin: JsonObject,
    fields: readonly string[] | undefined,
    part: number,
    atUs: number,
    nowUs: number,
  ): void {
    const isPlausible = atUs <= nowUs + this.futureToleranceUs;
    const evaluationUs = this.#evaluator.moveOn(slot, isPlausible ? atUs : nowUs, nowUs);
    if (!this.#agents.has(slot)) return;
    const before = this.#agents.twins[slot] as JsonObject;
    this.#agents.twins[slot] = twin;
    for (const rule of this.#rules.twinReaders) {
      if (touchesTwin(rule.plan.inputs.twinPaths, before, twin, fields)) this.#evaluator.note(rule);
    }
    this.#evaluator.admitNew(slot);
    this.#evaluator.evaluate(slot, part, evaluationUs, nowUs, undefined);
  }

  /**
   * The node-wide index of a metric.
   * @throws MyelinError INVALID_ARGUMENT for what is no metric name, RESOURCE_EXHAUSTED at the bound
   */
  metric(name: string): number {
    const known = this.#columns.get(name);
    if (known !== undefined) return known.index;
    const parsed = parseMetricName(name);
    if (this.#columns.size >= this.#maxMetrics) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `the node knows ${this.#columns.size} metric names, which is the limit maxMetrics`,
      );
    }
    return this.#columns.declare(parsed).index;
  }

  /** Begins a part's time line: a new incarnation, or a step of its clock. The name it has already changes nothing. */
  startTimeLine(slot: number, part: number, name: string): void {
    if (!(part >= 0 && part < partsPerAgent)) {
      throw new MyelinError("RESOURCE_EXHAUSTED", `an agent can have ${partsPerAgent - 1} parts`);
    }
    if (!this.#agents.startLine(slot, part, name)) return;
    for (const index of this.#agents.series[slot] ?? []) {
      const column = this.#columns.all[index];
      if (column?.writers[slot] === part) column.writers[slot] = noPart;
    }
  }

  /**
   * Applies the samples of one frame: the first `count` cells of the columns.
   * @param metrics Indexes from `metric`.
   * @param timesUs Whole microseconds on the node's clock, not decreasing.
   */
  apply(
    slot: number,
    part: number,
    count: number,
    metrics: Int32Array,
    values: Float64Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    if (nowUs >= this.#intervals.dueUs) this.#intervals.look(slot, count, metrics, timesUs, nowUs);
    this.#applier.apply(slot, part, count, metrics, values, timesUs, nowUs);
  }

  /** Applies one sample, such as what the node itself observes of an agent. */
  observe(
    slot: number,
    part: number,
    metric: number,
    value: number,
    atUs: number,
    nowUs: number,
  ): void {
    this.#oneMetric[0] = metric;
    this.#oneValue[0] = value;
    this.#oneTime[0] = Math.round(atUs);
    const metrics = this.#oneMetric;
    this.#applier.apply(slot, part, 1, metrics, this.#oneValue, this.#oneTime, nowUs);
  }

  /**
   * Takes an event that happened at the agent; rules that name or count it are evaluated.
   * @param atUs When it happened, on the node's clock.
   */
  event(slot: number, part: number, event: PresentEvent, atUs: number, nowUs: number): void {
    this.#applier.applyEvent(slot, part, event, Math.round(atUs), nowUs);
  }

  /** Runs the timers that are due at `nowUs` of the node's clock. */
  advance(nowUs: number): void {
    this.#evaluator.runTimers(nowUs);
  }

  /**
   * Puts a whole set of rules in force. A rule that was in force with the same name and meaning version keeps its state.
   * @throws MyelinError INVALID_ARGUMENT for a name given twice; nothing has changed then
   */
  setRules(rules: readonly RuleVersion[], nowUs: number): void {
    const steps = this.prepareRules(rules);
    for (let step = steps.next(); ; step = steps.next())
      if (step.done === true) return step.value(nowUs);
  }

  /**
   * Prepares a whole set of rules, a step at a time, while those in force go on; what it returns puts the set
   * in force at once. Until then no other set may be put in force.
   * @throws MyelinError INVALID_ARGUMENT for a name given twice
   */
  *prepareRules(rules: readonly RuleVersion[]): Generator<void, (nowUs: number) => void> {
    const prepared = yield* this.#rules.prepare(rules);
    return (nowUs) => {
      const agents = this.#agents;
      const isSilent = prepared.rules.some(
        (rule) => hasAbsence(rule.version.plan) && this.#rules.beginsAfresh(rule),
      );
      // What was due under the rules so far comes before what those to come are evaluated at.
      for (const slot of isSilent ? this.#slotsByJoining() : [])
        if (agents.has(slot)) this.#evaluator.runTimersBefore(slot, nowUs, nowUs);
      const ended: { rule: RuleName; slot: number; startedAtUs: number }[] = [];
      const isHeard = this.#hooks.onEpisodeEnd !== undefined;
      const afresh = this.#rules.put(prepared, nowUs, (rule, slot) => {
        if (isHeard) ended.push({ rule: rule.name, slot, startedAtUs: rule.sinceUs(slot) });
      });
      this.#evaluator.rulesChanged();
      for (const { rule, slot, startedAtUs } of ended)
        this.#hooks.onEpisodeEnd?.(rule, slot, nowUs, startedAtUs);
      this.#lookForSilence(afresh, nowUs);
    };
  }

  #slotsByJoining(): readonly number[] {
    const slots = Array.from({ length: this.#agents.used }, (_, slot) => slot);
    return slots.filter((slot) => this.#agents.has(slot)).toSorted(this.#wakes.byJoining);
  }

  /** Rules that read absence are evaluated when they come into force. */
  #lookForSilence(afresh: readonly RuleRuntime[], nowUs: number): void {
    const agents = this.#agents;
    const silent = afresh.filter((rule) => rule.timers?.hasAbsence === true);
    if (!afresh.some((rule) => rule.timers !== undefined)) return;
    for (const slot of this.#slotsByJoining()) {
      if (!agents.has(slot)) continue;
      if (silent.length > 0) {
        const atUs = agents.moveOn(slot, Math.round(nowUs));
        for (const rule of silent) if (!rule.isOff) this.#evaluator.note(rule);
        this.#evaluator.evaluate(slot, nodePart, atUs, nowUs, undefined);
      }
      if (agents.has(slot)) this.#evaluator.setWake(slot);
    }
  }

  /** While it is not enforcing, every rule decides as in shadow mode. */
  setEnforcing(isEnforcing: boolean): void {
    this.#evaluator.isEnforcing = isEnforcing;
  }

  /** The rules whose breakers are open, by name. */
  openBreakers(): readonly RuleName[] {
    return this.#rules.all.flatMap((rule) => (rule.breaker?.isOpen === true ? [rule.name] : []));
  }

  /** Tells that an instruction of a rule ended: the cooldown ends some time after it, and a failure allows another attempt. */
  instructionEnded(rule: RuleName, slot: number, end: InstructionEnd): void {
    if (!this.#agents.has(slot)) return;
    this.#rules.get(rule)?.ended(slot, end.startedAtUs, end.attempt, end.endedAtUs, end.succeeded);
  }

  /** What the cells that have begun or ceased to be pending have come to, each since it was last taken. */
  takePendingChanges(): readonly PendingChange[] {
    return this.#pendingCells.take((name) => this.#rules.get(name));
  }

  /** Until it is called again: rules with one of these actions wait for the agent, as in a cooldown. */
  hold(slot: number, actions: ReadonlySet<string> | undefined): void {
    if (this.#agents.has(slot)) this.#agents.heldActions[slot] = actions;
  }

  /** True while the rule fires on the agent in the episode that started at this instant. */
  isFiring(rule: RuleName, slot: number, startedAtUs: number): boolean {
    return this.#rules.get(rule)?.isFiring(slot, startedAtUs) ?? false;
  }

  /** Tells when this run of the node began after an earlier one: `age` and `absent` count from no earlier. */
  restarted(atUs: number): void {
    this.#agents.restartedUs = atUs;
  }

  /** Takes up what an earlier run of the node kept of the agent's past; see `Histories.takeUp`. */
  takeUpHistory(slot: number, records: readonly HistoryRecord[], how: TakingUp): boolean {
    if (!this.#agents.has(slot) || !this.histories.takeUp(slot, records, how)) return false;
    if (this.#rules.timed.length > 0) this.#evaluator.setWake(slot);
    return true;
  }

  /** Tells that an earlier run of the node has applied a part's samples up to an instant: what is older is late. */
  appliedBefore(slot: number, part: number, untilUs: number): void {
    this.#agents.reach(slot, part, untilUs);
  }

  /** Closes a rule's breaker by hand; false when it was not open. */
  closeBreaker(rule: RuleName): boolean {
    const wasOpen = this.#rules.get(rule)?.breaker?.close() ?? false;
    if (wasOpen) this.#hooks.onBreaker?.(rule, false);
    return wasOpen;
  }

  /** Counts firings of a rule in other lanes, which its limit is over too. */
  countFirings(rule: RuleName, count: number, nowUs: number): void {
    const runtime = this.#rules.get(rule);
    if (runtime !== undefined) this.#evaluator.countFirings(runtime, count, nowUs);
  }

  /** A rule over all agents; undefined when it is not in force. */
  ruleStatus(rule: RuleName): RuleStatus | undefined {
    const runtime = this.#rules.get(rule);
    return runtime === undefined ? undefined : statusOf(runtime, this.#agents);
  }

  /** An agent's reported state. */
  twin(slot: number): JsonObject {
    return this.#agents.twins[slot] as JsonObject;
  }

  /** The agent's evaluation time, microseconds; -Infinity before its first input. */
  evaluationUs(slot: number): number {
    return this.#agents.timesUs[slot] ?? Number.NEGATIVE_INFINITY;
  }

  /** Name of a part's time line. */
  timeLine(slot: number, part: number): string {
    return this.#agents.lineName(slot, part);
  }

  /** Changes whenever another agent gets the slot, or the same one anew. */
  tenancy(slot: number): number {
    return this.#agents.generations[slot] ?? 0;
  }

  /** Every rule's state for an agent, by name. */
  agentStates(slot: number): readonly AgentRuleState[] {
    return this.#rules.all.map((rule) => stateOf(rule, slot, this.#agents));
  }

  /** The latest value of a metric of an agent; NaN when it is unknown, as it is to rules. */
  latestValue(slot: number, metric: string): number {
    return this.#columns.get(metric)?.values[slot] ?? Number.NaN;
  }

  /**
   * What a function that a rule in force reads gave at the agent's evaluation time: of `absent` a Tri, of all others a
   * number, NaN when it is unknown.
   */
  readingValue(slot: number, reading: Reading): number {
    this.#context.nowUs = this.evaluationUs(slot);
    return this.#readings.kept(reading, this.#context).value(slot);
  }

  /** About how often a metric comes from an agent, microseconds; undefined where too little was seen of it. */
  samplingIntervalUs(metric: string): number | undefined {
    const column = this.#columns.get(metric);
    return column === undefined ? undefined : this.#intervals.intervalUs(column.index);
  }

  /** The latest sample of each metric of an agent. */
  latest(slot: number): readonly LatestSample[] {
    return latestOf(slot, this.#agents, this.#columns);
  }
}

function hasAbsence({ inputs }: RulePlan): boolean {
  return inputs.timers.some(({ kind }) => kind === "absent");
}

function isSameAttributes(a: AgentAttributes, b: AgentAttributes): boolean {
  return isSameJson({ ...a }, { ...b });
}
