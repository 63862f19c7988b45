/**
 * The reference interpreter of rules: RULES, from "Values" to "Fleet", in plain words. It is told what happens to a
 * node, one {@link Input} after another, and says what the rules come to. It keeps everything that ever came and makes
 * each answer anew from it; it shares nothing with the engine but the parser of expressions.
 *
 * Invariants
 * 1. What it says is a function of the inputs so far.
 * 2. Before the inputs of an instant, the agent's timers due before it; at one instant inputs come first, the ends of
 *    `keep_firing_for` last.
 * 3. All rules of an evaluation see one state.
 */
import { parseDuration } from "@myelin/core/clock";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { RuleSource } from "@myelin/core/rules";
import { score } from "@myelin/core/schedule";
import { Agent, type Cell, newCell, Series } from "./agent.ts";
import { OracleBreaker } from "./breaker.ts";
import {
  defaultOracleSettings,
  type Happening,
  type Input,
  type OracleSettings,
  type Sample,
} from "./history.ts";
import { evaluate } from "./interpret.ts";
import { type OracleRule, readRule } from "./rule.ts";
import { isEqual } from "./values.ts";
import {
  noteSizes,
  type PresentEvent,
  silentSinceUs,
  type Surroundings,
  worldOf,
} from "./world.ts";

type Firing = Extract<Happening, { kind: "fires" }>;

/** Something that is due for an agent. */
interface Timer {
  readonly dueUs: number;
  readonly agent: Agent;
  /** The rules to evaluate; or the one whose episode ends. */
  readonly rule: OracleRule;
  readonly isEnd: boolean;
}

/** Timers come at whole milliseconds. */
const nextMillisecond = (instantUs: number): number => Math.ceil(instantUs / 1_000) * 1_000;

export class Oracle {
  readonly happenings: Happening[] = [];
  late = 0;
  future = 0;
  readonly #settings: OracleSettings;
  #rules: readonly OracleRule[] = [];
  readonly #agents = new Map<string, Agent>();
  readonly #departed = new Map<string, ReadonlyMap<string, Cell>>();
  readonly #breakers = new Map<string, OracleBreaker>();
  readonly #windowsFrom = new Map<string, number>();
  #restartedUs = Number.NEGATIVE_INFINITY;
  #isEnforcing = true;
  /** Counts what came. */
  #number = 0;
  #nowUs = Number.NEGATIVE_INFINITY;

  constructor(settings: Partial<OracleSettings> = {}) {
    this.#settings = { ...defaultOracleSettings, ...settings };
  }

  /** Takes what happens next. */
  tell(input: Input): void {
    this.#nowUs = input.nowUs;
    this.#number += 1;
    switch (input.kind) {
      case "rules":
        return this.#changeRules(input.rules);
      case "join":
        return this.#join(new Agent(input.attributes, input.nowUs));
      case "leave":
        return this.#leave(this.#agent(input.agent));
      case "session":
        return;
      case "attributes":
        return this.#changeAttributes(this.#agent(input.attributes.id), input.attributes);
      case "twin":
        return this.#changeTwin(this.#agent(input.agent), input.twin, input.atUs);
      case "line": {
        const agent = this.#agent(input.agent);
        agent.lines.set(input.part, agent.line(input.part) + 1);
        agent.newestUs.delete(input.part);
        return;
      }
      case "frame":
        return this.#takeFrame(this.#agent(input.agent), input.part, input.samples);
      case "event":
        return this.#takeEvent(this.#agent(input.agent), input);
      case "clock":
        return this.#passTime();
      case "ended":
        return this.#endInstruction(input);
      case "enforcing":
        this.#isEnforcing = input.isEnforcing;
        return;
      case "close-breaker":
        if (this.#breakers.get(input.rule)?.close() === true) this.#tellBreaker(input.rule, false);
        return;
      case "restart":
        this.#restartedUs = input.nowUs;
        return;
    }
  }

  /** The states of the rules in force for an agent, by name. */
  states(agent: string): readonly (readonly [rule: string, state: Cell["state"]])[] {
    return this.#rules.map(({ name }) => [name, this.#agent(agent).cell(name).state] as const);
  }

  #agent(id: string): Agent {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new Error(`there is no agent ${id}`);
    return agent;
  }

  get #around(): Surroundings {
    return {
      agents: this.#agents.values(),
      settings: this.#settings,
      windowsFrom: this.#windowsFrom,
      restartedUs: this.#restartedUs,
    };
  }

  // Agents

  #join(agent: Agent): void {
    this.#agents.set(agent.id, agent);
    for (const [rule, { cooldownUntilUs }] of this.#departed.get(agent.id) ?? [])
      agent.cell(rule).cooldownUntilUs = cooldownUntilUs;
    this.#departed.delete(agent.id);
    for (const rule of this.#rules) agent.cell(rule.name).isMatching = this.#matches(rule, agent);
  }

  #leave(agent: Agent): void {
    for (const rule of this.#rules) {
      const cell = agent.cell(rule.name);
      // Nobody will tell how its instruction ends.
      cell.cooldownUntilUs = Math.min(cell.cooldownUntilUs, this.#nowUs + rule.cooldownUs);
      if (cell.state === "firing") this.#end(rule, agent, this.#nowUs);
    }
    this.#departed.set(agent.id, agent.cells);
    this.#agents.delete(agent.id);
  }

  #matches({ where, source }: OracleRule, agent: Agent): boolean {
    if (source.mode === "off") return false;
    if (where === undefined) return true;
    return evaluate(where, worldOf(agent, agent.timeUs, undefined, this.#around)) === true;
  }

  #changeAttributes(agent: Agent, attributes: Agent["attributes"]): void {
    if (isEqual({ ...attributes }, { ...agent.attributes })) return;
    const instantUs = this.#moveOn(agent, this.#nowUs);
    agent.attributes = attributes;
    const beginning: OracleRule[] = [];
    for (const rule of this.#rules) {
      const cell = agent.cell(rule.name);
      const isMatching = this.#matches(rule, agent);
      if (!isMatching) this.#makeInactive(rule, agent, instantUs);
      else if (!cell.isMatching) beginning.push(rule);
      cell.isMatching = isMatching;
    }
    const readers = this.#rules.filter(({ reads }) => reads.attributes && !agent.isNew);
    const silent = beginning.filter(({ reads }) => reads.silences.some(isAbsence));
    this.#evaluate(agent, instantUs, [...readers, ...silent]);
  }

  #changeTwin(agent: Agent, twin: JsonObject, atUs: number): void {
    const isPlausible = atUs <= this.#nowUs + this.#settings.futureToleranceUs;
    const instantUs = this.#moveOn(agent, isPlausible ? atUs : this.#nowUs);
    const before = agent.twin;
    agent.twin = twin;
    const readers = this.#rules.filter(({ reads }) =>
      reads.twinPaths.some((path) => !isEqual(fieldAt(before, path), fieldAt(twin, path))),
    );
    this.#evaluate(agent, instantUs, [...readers, ...this.#admit(agent)]);
  }

  /** Rules that read attributes are evaluated at an agent's first input. */
  #admit(agent: Agent): readonly OracleRule[] {
    const { isNew } = agent;
    agent.isNew = false;
    return isNew ? this.#rules.filter(({ reads }) => reads.attributes) : [];
  }

  /** Timers before an instant, and then the agent's time there, or where it is if that is later. */
  #moveOn(agent: Agent, instantUs: number): number {
    this.#runTimersBefore(agent, Math.round(instantUs));
    agent.timeUs = Math.max(agent.timeUs, Math.round(instantUs));
    return agent.timeUs;
  }

  // Samples and events

  #takeFrame(agent: Agent, part: string, samples: readonly Sample[]): void {
    const { futureToleranceUs, latenessUs } = this.#settings;
    const plausible = samples.filter(({ atUs }) => atUs <= this.#nowUs + futureToleranceUs);
    this.future += samples.length - plausible.length;
    if (latenessUs === 0) {
      this.#apply(agent, part, plausible);
      return;
    }
    for (const sample of plausible) agent.held.push({ ...sample, part, arrivedUs: this.#nowUs });
    this.#release(agent);
  }

  /** Applies in order what has been held back long enough. */
  #release(agent: Agent): void {
    const { latenessUs } = this.#settings;
    const newestUs = Math.max(agent.timeUs, ...agent.held.map(({ atUs }) => atUs));
    const isRipe = ({ atUs, arrivedUs }: Agent["held"][number]): boolean =>
      newestUs >= atUs + latenessUs || this.#nowUs >= arrivedUs + latenessUs;
    const ripe = agent.held.filter(isRipe).toSorted((a, b) => a.atUs - b.atUs);
    agent.held = agent.held.filter((sample) => !isRipe(sample));
    for (const sample of ripe) this.#apply(agent, sample.part, [sample]);
  }

  #apply(agent: Agent, part: string, samples: readonly Sample[]): void {
    const newestUs = agent.newestUs.get(part) ?? Number.NEGATIVE_INFINITY;
    const inTime = samples.filter(({ atUs }) => atUs >= newestUs);
    this.late += samples.length - inTime.length;
    const instants = new Set(inTime.map(({ atUs }) => atUs).toSorted((a, b) => a - b));
    for (const atUs of instants)
      this.#applyInstant(
        agent,
        part,
        atUs,
        inTime.filter((sample) => sample.atUs === atUs),
      );
  }

  /** The samples of one instant of a frame: they are all there before a rule is evaluated. */
  #applyInstant(agent: Agent, part: string, atUs: number, samples: readonly Sample[]): void {
    const instantUs = this.#instantFor(agent, atUs);
    const changed = new Set<string>();
    for (const { metric, value } of samples) {
      const series = agent.series.get(metric) ?? new Series();
      // Behind another part's sample of the metric it is late, unless that is of a time line that has ended.
      if (atUs < series.atUs && series.line === agent.line(series.part)) {
        this.late += 1;
        continue;
      }
      this.#number += 1;
      series.add({ atUs, value, number: this.#number }, part, agent.line(part));
      agent.series.set(metric, series);
      changed.add(metric);
    }
    if (changed.size === 0) return;
    agent.newestUs.set(part, atUs);
    agent.timeUs = instantUs;
    for (const metric of changed) noteSizes(agent, metric, this.#around);
    const readers = this.#rules.filter(({ reads }) =>
      [...changed].some((metric) => reads.metrics.has(metric)),
    );
    this.#evaluate(agent, instantUs, [...readers, ...this.#admit(agent)]);
  }

  /**
   * When what was observed at `atUs` is evaluated, after the timers before that: then; or, behind the agent's time, at
   * that time, or a microsecond later if rules were evaluated at it already.
   */
  #instantFor(agent: Agent, atUs: number): number {
    const instantUs = (): number => {
      if (atUs >= agent.timeUs) return atUs;
      return agent.evaluatedUs === agent.timeUs ? agent.timeUs + 1 : agent.timeUs;
    };
    while (this.#runTimersBefore(agent, instantUs()));
    return instantUs();
  }

  #takeEvent(agent: Agent, event: Extract<Input, { kind: "event" }>): void {
    const { part, type, attrs, atUs } = event;
    if (atUs > this.#nowUs + this.#settings.futureToleranceUs) {
      this.future += 1;
      return;
    }
    if (atUs < (agent.newestUs.get(part) ?? Number.NEGATIVE_INFINITY)) {
      this.late += 1;
      return;
    }
    // Each is an episode of its own, so no two are evaluated at one instant.
    const freeUs = (): number => Math.max(this.#instantFor(agent, atUs), agent.evaluatedUs + 1);
    const instantUs = agent.evaluatedUs >= atUs ? freeUs() : this.#instantFor(agent, atUs);
    agent.newestUs.set(part, atUs);
    agent.timeUs = Math.max(agent.timeUs, instantUs);
    agent.events.push({ type, atUs, value: 0, number: this.#number });
    const readers = this.#rules.filter(({ reads }) => reads.event || reads.countedEvents.has(type));
    this.#evaluate(agent, instantUs, [...readers, ...this.#admit(agent)], { type, attrs });
  }

  // Timers

  #timersOf(agent: Agent): Timer[] {
    return this.#rules.flatMap((rule) => {
      const cell = agent.cell(rule.name);
      if (!cell.isMatching) return [];
      const evaluations = this.#evaluationsDue(rule, agent, cell)
        .map(nextMillisecond)
        .filter((dueUs) => dueUs > cell.evaluatedUs)
        .map((dueUs): Timer => ({ dueUs, agent, rule, isEnd: false }));
      if (cell.endingSinceUs === undefined) return evaluations;
      const dueUs = nextMillisecond(cell.endingSinceUs + rule.keepUs);
      return [...evaluations, { dueUs, agent, rule, isEnd: true }];
    });
  }

  /** When a rule has to be evaluated though nothing comes. */
  #evaluationsDue({ reads, forUs }: OracleRule, agent: Agent, cell: Cell): readonly number[] {
    const silences = reads.silences.flatMap(({ kind, metric, afterUs }) => {
      if (kind === "age" && !agent.series.has(metric)) return [];
      const sinceUs =
        kind === "absent"
          ? silentSinceUs(agent, metric, this.#around)
          : Math.max(agent.series.get(metric)?.atUs ?? 0, this.#restartedUs);
      return [sinceUs + afterUs];
    });
    const isWaiting = cell.state === "pending" && reads.silences.length > 0;
    return isWaiting ? [...silences, cell.sinceUs + forUs] : silences;
  }

  /** Runs the agent's timers that are due before an instant; true when there were any. */
  #runTimersBefore(agent: Agent, instantUs: number): boolean {
    let isAny = false;
    for (;;) {
      const due = this.#timersOf(agent).filter(({ dueUs }) => dueUs < instantUs);
      if (due.length === 0) return isAny;
      this.#runFirst(due);
      isAny = true;
    }
  }

  /** The clock: what is due comes, in order; breakers that were quiet close. */
  #passTime(): void {
    for (const agent of this.#agents.values()) this.#release(agent);
    for (;;) {
      const all = [...this.#agents.values()].flatMap((agent) => this.#timersOf(agent));
      const due = all.filter(({ dueUs }) => dueUs <= this.#nowUs);
      if (due.length === 0) break;
      this.#runFirst(due);
    }
    for (const { name, limit } of this.#rules) {
      const breaker = this.#breakers.get(name);
      if (limit === undefined || breaker === undefined) continue;
      const isDue = nextMillisecond(breaker.closesUs(limit.perUs)) <= this.#nowUs;
      if (isDue && breaker.close()) this.#tellBreaker(name, false);
    }
  }

  /** Runs what is due first: of one agent and instant all evaluations together, and then the ends. */
  #runFirst(due: readonly Timer[]): void {
    const firstUs = Math.min(...due.map(({ dueUs }) => dueUs));
    const first = due.filter(({ dueUs }) => dueUs === firstUs);
    const chosen = first.find(({ isEnd }) => !isEnd) ?? first[0];
    if (chosen === undefined) return;
    const { agent, rule, isEnd } = chosen;
    agent.timeUs = Math.max(agent.timeUs, firstUs);
    if (isEnd) {
      this.#end(rule, agent, agent.timeUs);
      return;
    }
    const together = first.filter((timer) => timer.agent === agent && !timer.isEnd);
    this.#evaluate(
      agent,
      agent.timeUs,
      together.map((timer) => timer.rule),
    );
  }

  // Evaluation

  #evaluate(agent: Agent, atUs: number, rules: readonly OracleRule[], event?: PresentEvent): void {
    const noted = this.#rules.filter((rule) => rules.includes(rule) && rule.source.mode !== "off");
    if (noted.length === 0) return;
    agent.evaluatedUs = atUs;
    const world = worldOf(agent, atUs, event, this.#around);
    const firings: { readonly firing: Firing; readonly score: number }[] = [];
    for (const rule of noted) {
      const cell = agent.cell(rule.name);
      if (!cell.isMatching) continue;
      cell.evaluatedUs = atUs;
      const condition = evaluate(rule.expr, world);
      const resolves = rule.resolve !== undefined && evaluate(rule.resolve, world) === true;
      if (this.#step(rule, agent, atUs, condition, resolves))
        firings.push(this.#fire(rule, agent, atUs));
      // An event is over right after its own evaluation.
      if (rule.isOfEvents && event !== undefined && this.#step(rule, agent, atUs, false, resolves))
        firings.push(this.#fire(rule, agent, atUs));
    }
    firings.sort((a, b) => b.score - a.score || (a.firing.rule < b.firing.rule ? -1 : 1));
    this.happenings.push(...firings.map(({ firing }) => firing));
  }

  /** One step of a rule's state; true when an instruction is to be given. */
  #step(
    rule: OracleRule,
    agent: Agent,
    atUs: number,
    condition: unknown,
    resolves: boolean,
  ): boolean {
    const cell = agent.cell(rule.name);
    return cell.state === "firing"
      ? this.#stepFiring(rule, agent, cell, atUs, condition, resolves)
      : this.#stepWaiting(rule, agent, cell, atUs, condition);
  }

  #stepWaiting(
    rule: OracleRule,
    agent: Agent,
    cell: Cell,
    atUs: number,
    condition: unknown,
  ): boolean {
    const { unless, missing = "reset" } = rule.source;
    const isKept = unless !== undefined && this.#wasFiring(unless, agent, atUs);
    if (condition !== true || isKept) {
      const isUnknown = condition !== true && condition !== false;
      if (!isUnknown || missing === "reset") cell.state = "inactive";
      return false;
    }
    if (cell.state === "inactive") cell.sinceUs = atUs;
    cell.state = "pending";
    if (atUs < cell.sinceUs + rule.forUs || atUs < cell.cooldownUntilUs) return false;
    this.#enterOrLeaveFiring(cell, "firing", atUs);
    cell.attempt = 1;
    return true;
  }

  #stepFiring(
    rule: OracleRule,
    agent: Agent,
    cell: Cell,
    atUs: number,
    condition: unknown,
    resolves: boolean,
  ): boolean {
    const isOver =
      rule.resolve === undefined ? condition === false : condition !== true && resolves;
    if (isOver) {
      cell.endingSinceUs ??= atUs;
      if (atUs >= cell.endingSinceUs + rule.keepUs) {
        this.#end(rule, agent, atUs);
        return false;
      }
    } else cell.endingSinceUs = undefined;
    const mayTryAgain = cell.hasFailed && cell.attempt < rule.attempts;
    if (!mayTryAgain || atUs < cell.cooldownUntilUs) return false;
    cell.attempt += 1;
    return true;
  }

  /** Whether a rule fired before this instant. */
  #wasFiring(rule: string, agent: Agent, atUs: number): boolean {
    if (!this.#rules.some(({ name }) => name === rule)) return false;
    const cell = agent.cell(rule);
    return cell.changedUs === atUs ? cell.wasFiring : cell.state === "firing";
  }

  #enterOrLeaveFiring(cell: Cell, state: Cell["state"], atUs: number): void {
    if (cell.changedUs !== atUs) {
      cell.wasFiring = cell.state === "firing";
      cell.changedUs = atUs;
    }
    cell.state = state;
    cell.endingSinceUs = undefined;
  }

  #end(rule: OracleRule, agent: Agent, atUs: number): void {
    const cell = agent.cell(rule.name);
    this.#enterOrLeaveFiring(cell, "inactive", atUs);
    const { sinceUs } = cell;
    this.happenings.push({ kind: "ends", rule: rule.name, agent: agent.id, atUs, sinceUs });
  }

  #makeInactive(rule: OracleRule, agent: Agent, atUs: number): void {
    const cell = agent.cell(rule.name);
    if (cell.state === "firing") this.#end(rule, agent, atUs);
    cell.state = "inactive";
  }

  // Instructions

  #fire(rule: OracleRule, agent: Agent, atUs: number): { firing: Firing; score: number } {
    const cell = agent.cell(rule.name);
    const isSuppressed = this.#countFiring(rule);
    const isShadow = rule.source.mode === "shadow" || !this.#isEnforcing;
    cell.emittedUs = cell.sinceUs;
    cell.hasFailed = false;
    if (rule.cooldownUs > 0)
      cell.cooldownUntilUs =
        isShadow || isSuppressed ? atUs + rule.cooldownUs : Number.POSITIVE_INFINITY;
    const { sinceUs, attempt } = cell;
    const impact = [...this.#agents.values()].filter(
      (other) => other.cell(rule.name).state === "firing",
    ).length;
    const { sla } = rule.source;
    const slaUs = sla === undefined ? undefined : parseDuration(sla);
    return {
      firing: {
        kind: "fires",
        rule: rule.name,
        agent: agent.id,
        atUs,
        sinceUs,
        attempt,
        isShadow,
        isSuppressed,
      },
      score: score({ priority: rule.source.priority ?? 5, slaUs, impact }),
    };
  }

  /** Counts a firing; true when the breaker is open. */
  #countFiring({ name, limit }: OracleRule): boolean {
    if (limit === undefined) return false;
    const breaker = this.#breakers.get(name) ?? new OracleBreaker();
    this.#breakers.set(name, breaker);
    if (this.#nowUs >= breaker.closesUs(limit.perUs) && breaker.close())
      this.#tellBreaker(name, false);
    if (breaker.fire(this.#nowUs, limit.count, limit.perUs)) this.#tellBreaker(name, true);
    return breaker.isOpen;
  }

  #tellBreaker(rule: string, isOpen: boolean): void {
    this.happenings.push({ kind: "breaker", rule, isOpen });
  }

  #endInstruction(input: Extract<Input, { kind: "ended" }>): void {
    const rule = this.#rules.find(({ name }) => name === input.rule);
    const agent = this.#agents.get(input.agent);
    if (rule === undefined || agent === undefined) return;
    const cell = agent.cell(rule.name);
    const untilUs = rule.cooldownUs > 0 ? input.nowUs + rule.cooldownUs : Number.NEGATIVE_INFINITY;
    if (cell.emittedUs !== input.sinceUs || cell.attempt !== input.attempt) {
      // One of an earlier episode can only make the cooldown longer.
      cell.cooldownUntilUs = Math.max(cell.cooldownUntilUs, untilUs);
      return;
    }
    cell.cooldownUntilUs = untilUs;
    const isPresent = cell.state === "firing" && cell.sinceUs === input.sinceUs;
    if (isPresent && !input.succeeded) cell.hasFailed = true;
  }

  // Rules

  #changeRules(sources: readonly RuleSource[]): void {
    const next = sources.map(readRule).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const afresh = next.filter((rule) => this.#isAfresh(rule));
    const silent = afresh.filter(({ reads }) => reads.silences.some(isAbsence));
    const agents = [...this.#agents.values()];
    // What was due under the rules so far comes before what those to come are evaluated at.
    if (silent.length > 0) for (const agent of agents) this.#runTimersBefore(agent, this.#nowUs);
    for (const rule of this.#rules) {
      const successor = next.find(({ name }) => name === rule.name);
      if (successor?.limit === undefined) this.#breakers.delete(rule.name);
      for (const agent of agents) {
        if (successor === undefined || afresh.includes(successor)) this.#startAfresh(rule, agent);
        if (successor === undefined) agent.cells.delete(rule.name);
      }
    }
    this.#rules = next;
    this.#openWindows();
    for (const agent of agents) {
      for (const rule of afresh) agent.cell(rule.name).isMatching = this.#matches(rule, agent);
      if (silent.length === 0) continue;
      // Absence is looked at when a rule with it comes into force.
      agent.timeUs = Math.max(agent.timeUs, this.#nowUs);
      this.#evaluate(agent, agent.timeUs, silent);
    }
  }

  /** Whether a rule is new, means something else than before, or comes from `off` or goes there. */
  #isAfresh(rule: OracleRule): boolean {
    const present = this.#rules.find(({ name }) => name === rule.name);
    const isOff = rule.source.mode === "off";
    return present?.meaning !== rule.meaning || isOff !== (present.source.mode === "off");
  }

  /** Cooldown and what it hangs on stay. */
  #startAfresh(rule: OracleRule, agent: Agent): void {
    this.#makeInactive(rule, agent, this.#nowUs);
    const { cooldownUntilUs, emittedUs, attempt, changedUs, wasFiring } = agent.cell(rule.name);
    const kept = { cooldownUntilUs, emittedUs, attempt, changedUs, wasFiring };
    agent.cells.set(rule.name, { ...newCell(), ...kept });
  }

  /** A window fills from when the first rule reads it; one that no rule reads is forgotten. */
  #openWindows(): void {
    const active = this.#rules.filter(({ source }) => source.mode !== "off");
    const read = new Set(active.flatMap(({ reads }) => [...reads.windows]));
    for (const window of this.#windowsFrom.keys()) {
      if (read.has(window)) continue;
      this.#windowsFrom.delete(window);
      for (const agent of this.#agents.values()) agent.bucketed.delete(window);
    }
    this.#number += 1;
    for (const window of read)
      if (!this.#windowsFrom.has(window)) this.#windowsFrom.set(window, this.#number);
  }
}

function isAbsence({ kind }: { readonly kind: string }): boolean {
  return kind === "absent";
}

function fieldAt(twin: JsonObject, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((value, field) => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && Object.hasOwn(value, field) ? (value as JsonObject)[field] : undefined;
  }, twin);
}
