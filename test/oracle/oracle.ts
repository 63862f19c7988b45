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
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { RuleSource } from "@myelin/core/rules";
import { Agent, type Cell, newCell, Series } from "./agent.ts";
import { Ground } from "./ground.ts";
import {
  defaultOracleSettings,
  type Happening,
  type Input,
  type OracleSettings,
  type Sample,
} from "./history.ts";
import { endInstruction, fire, type Firing } from "./instructions.ts";
import { evaluate } from "./interpret.ts";
import { type OracleRule, readRule } from "./rule.ts";
import { end, makeInactive, step } from "./states.ts";
import { nextMillisecond, type Timer, timersOf } from "./timers.ts";
import { isEqual } from "./values.ts";
import { type PresentEvent, worldOf } from "./world.ts";

export class Oracle {
  late = 0;
  future = 0;
  readonly #ground: Ground;
  /** Counts what came. */
  #number = 0;
  readonly #read = new WeakMap<RuleSource, OracleRule>();

  constructor(settings: Partial<OracleSettings> = {}) {
    this.#ground = new Ground({ ...defaultOracleSettings, ...settings });
  }

  /** What the rules came to so far. */
  get happenings(): readonly Happening[] {
    return this.#ground.happenings;
  }

  /** Takes what happens next. */
  tell(input: Input): void {
    this.#ground.nowUs = input.nowUs;
    this.#number += 1;
    switch (input.kind) {
      case "rules":
        return this.#changeRules(input.rules);
      case "join":
        return this.#join(new Agent(input.attributes, input.nowUs));
      case "leave":
        return this.#leave(this.#ground.agent(input.agent));
      case "session":
        return;
      case "attributes":
        return this.#changeAttributes(this.#ground.agent(input.attributes.id), input.attributes);
      case "twin":
        return this.#changeTwin(this.#ground.agent(input.agent), input.twin, input.atUs);
      case "line": {
        const agent = this.#ground.agent(input.agent);
        agent.lines.set(input.part, agent.line(input.part) + 1);
        agent.newestUs.delete(input.part);
        agent.newestEventUs.delete(input.part);
        return;
      }
      case "frame":
        return this.#takeFrame(this.#ground.agent(input.agent), input.part, input.samples);
      case "event":
        return this.#takeEvent(this.#ground.agent(input.agent), input);
      case "clock":
        return this.#passTime();
      case "ended":
        return endInstruction(this.#ground, input);
      case "enforcing":
        this.#ground.isEnforcing = input.isEnforcing;
        return;
      case "close-breaker":
        if (this.#ground.breakers.get(input.rule)?.close() === true)
          this.#ground.tellBreaker(input.rule, false);
        return;
      case "restart":
        this.#ground.restartedUs = input.nowUs;
    }
  }

  /** The states of the rules in force for an agent, by name. */
  states(agent: string): readonly (readonly [rule: string, state: Cell["state"]])[] {
    return this.#ground.rules.map(
      ({ name }) => [name, this.#ground.agent(agent).cell(name).state] as const,
    );
  }

  // Agents

  #join(agent: Agent): void {
    this.#ground.agents.set(agent.id, agent);
    for (const [rule, { cooldownUntilUs }] of this.#ground.departed.get(agent.id) ?? [])
      agent.cell(rule).cooldownUntilUs = cooldownUntilUs;
    this.#ground.departed.delete(agent.id);
    for (const rule of this.#ground.rules)
      agent.cell(rule.name).isMatching = this.#matches(rule, agent);
  }

  #leave(agent: Agent): void {
    for (const rule of this.#ground.rules) {
      const cell = agent.cell(rule.name);
      // Nobody will tell how its instruction ends.
      cell.cooldownUntilUs = Math.min(cell.cooldownUntilUs, this.#ground.nowUs + rule.cooldownUs);
      if (cell.state === "firing") end(this.#ground, rule, agent, this.#ground.nowUs);
    }
    this.#ground.departed.set(agent.id, agent.cells);
    this.#ground.agents.delete(agent.id);
  }

  #matches({ where, source }: OracleRule, agent: Agent): boolean {
    if (source.mode === "off") return false;
    if (where === undefined) return true;
    return evaluate(where, worldOf(agent, agent.timeUs, undefined, this.#ground.around)) === true;
  }

  #changeAttributes(agent: Agent, attributes: Agent["attributes"]): void {
    if (isEqual({ ...attributes }, { ...agent.attributes })) return;
    const instantUs = this.#moveOn(agent, this.#ground.nowUs);
    agent.attributes = attributes;
    const beginning: OracleRule[] = [];
    for (const rule of this.#ground.rules) {
      const cell = agent.cell(rule.name);
      const isMatching = this.#matches(rule, agent);
      if (!isMatching) makeInactive(this.#ground, rule, agent, instantUs);
      else if (!cell.isMatching) beginning.push(rule);
      cell.isMatching = isMatching;
    }
    const readers = this.#ground.rules.filter(({ reads }) => reads.attributes && !agent.isNew);
    const silent = beginning.filter(({ reads }) => reads.silences.some(isAbsence));
    this.#evaluate(agent, instantUs, [...readers, ...silent]);
  }

  #changeTwin(agent: Agent, twin: JsonObject, atUs: number): void {
    const isPlausible = atUs <= this.#ground.nowUs + this.#ground.settings.futureToleranceUs;
    const instantUs = this.#moveOn(agent, isPlausible ? atUs : this.#ground.nowUs);
    const before = agent.twin;
    agent.twin = twin;
    const readers = this.#ground.rules.filter(({ reads }) =>
      reads.twinPaths.some((path) => !isEqual(fieldAt(before, path), fieldAt(twin, path))),
    );
    this.#evaluate(agent, instantUs, [...readers, ...this.#admit(agent)]);
  }

  /** Rules that read attributes are evaluated at an agent's first input. */
  #admit(agent: Agent): readonly OracleRule[] {
    const { isNew } = agent;
    agent.isNew = false;
    return isNew ? this.#ground.rules.filter(({ reads }) => reads.attributes) : [];
  }

  /** Timers before an instant, and then the agent's time there, or where it is if that is later. */
  #moveOn(agent: Agent, instantUs: number): number {
    this.#runTimersBefore(agent, Math.round(instantUs));
    agent.timeUs = Math.max(agent.timeUs, Math.round(instantUs));
    return agent.timeUs;
  }

  // Samples and events

  #takeFrame(agent: Agent, part: string, samples: readonly Sample[]): void {
    const { futureToleranceUs, latenessUs } = this.#ground.settings;
    const plausible = samples.filter(({ atUs }) => atUs <= this.#ground.nowUs + futureToleranceUs);
    this.future += samples.length - plausible.length;
    if (latenessUs === 0) {
      this.#apply(agent, part, plausible);
      return;
    }
    for (const sample of plausible) {
      agent.held.push({ ...sample, part, arrivedUs: this.#ground.nowUs });
      agent.newestSampleUs = Math.max(agent.newestSampleUs, sample.atUs);
    }
    this.#release(agent);
  }

  /** Applies in order what has been held back long enough. */
  #release(agent: Agent): void {
    const { latenessUs } = this.#ground.settings;
    const isRipe = ({ atUs, arrivedUs }: Agent["held"][number]): boolean =>
      agent.newestSampleUs >= atUs + latenessUs || this.#ground.nowUs >= arrivedUs + latenessUs;
    const ripe = agent.held.filter(isRipe).toSorted((a, b) => a.atUs - b.atUs);
    agent.held = agent.held.filter((sample) => !isRipe(sample));
    // What follows one another of one part is applied as a frame is.
    for (let from = 0; from < ripe.length; ) {
      const { part } = ripe[from] as Agent["held"][number];
      const end = ripe.findIndex((sample, at) => at > from && sample.part !== part);
      const run = ripe.slice(from, end === -1 ? ripe.length : end);
      this.#apply(agent, part, run);
      from += run.length;
    }
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
    const readers = this.#ground.rules.filter(({ reads }) =>
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
    if (atUs > this.#ground.nowUs + this.#ground.settings.futureToleranceUs) {
      this.future += 1;
      return;
    }
    if (atUs < (agent.newestEventUs.get(part) ?? Number.NEGATIVE_INFINITY)) {
      this.late += 1;
      return;
    }
    const placeUs = this.#instantFor(agent, atUs);
    // Each is an episode of its own, so no two are evaluated at one instant, nor one where a timer that came late was.
    const { evaluatedUs } = agent;
    const instantUs = evaluatedUs >= atUs ? Math.max(placeUs, evaluatedUs + 1) : placeUs;
    agent.newestEventUs.set(part, atUs);
    agent.timeUs = Math.max(agent.timeUs, instantUs);
    agent.events.push({ type, atUs, value: 0, number: this.#number });
    const readers = this.#ground.rules.filter(
      ({ reads }) => reads.event || reads.countedEvents.has(type),
    );
    this.#evaluate(agent, instantUs, [...readers, ...this.#admit(agent)], { type, attrs });
  }

  // Timers

  /** Runs the agent's timers that are due before an instant; true when there were any. */
  #runTimersBefore(agent: Agent, instantUs: number): boolean {
    let isAny = false;
    for (;;) {
      const due = timersOf(this.#ground, agent).filter(({ dueUs }) => dueUs < instantUs);
      if (due.length === 0) return isAny;
      this.#runFirst(due);
      isAny = true;
    }
  }

  /** The clock: what is due comes, in order; breakers that were quiet close. */
  #passTime(): void {
    for (const agent of this.#ground.agents.values()) this.#release(agent);
    for (;;) {
      const all = [...this.#ground.agents.values()].flatMap((agent) =>
        timersOf(this.#ground, agent),
      );
      const due = all.filter(({ dueUs }) => dueUs <= this.#ground.nowUs);
      if (due.length === 0) break;
      this.#runFirst(due);
    }
    for (const { name, limit } of this.#ground.rules) {
      const breaker = this.#ground.breakers.get(name);
      if (limit === undefined || breaker === undefined) continue;
      const isDue = nextMillisecond(breaker.closesUs(limit.perUs)) <= this.#ground.nowUs;
      if (isDue && breaker.close()) this.#ground.tellBreaker(name, false);
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
      end(this.#ground, rule, agent, agent.timeUs);
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
    const noted = this.#ground.rules.filter(
      (rule) => rules.includes(rule) && rule.source.mode !== "off",
    );
    if (noted.length === 0) return;
    agent.evaluatedUs = atUs;
    const world = worldOf(agent, atUs, event, this.#ground.around);
    const firings: { readonly firing: Firing; readonly score: number }[] = [];
    for (const rule of noted) {
      const cell = agent.cell(rule.name);
      if (!cell.isMatching) continue;
      cell.evaluatedUs = atUs;
      const condition = evaluate(rule.expr, world);
      const resolves = rule.resolve !== undefined && evaluate(rule.resolve, world) === true;
      if (step(this.#ground, rule, agent, atUs, condition, resolves))
        firings.push(fire(this.#ground, rule, agent, atUs));
      // An event is over right after its own evaluation.
      if (
        rule.isOfEvents &&
        event !== undefined &&
        step(this.#ground, rule, agent, atUs, false, resolves)
      )
        firings.push(fire(this.#ground, rule, agent, atUs));
    }
    firings.sort((a, b) => b.score - a.score || (a.firing.rule < b.firing.rule ? -1 : 1));
    this.#ground.happenings.push(...firings.map(({ firing }) => firing));
  }

  // Rules

  #changeRules(sources: readonly RuleSource[]): void {
    const next = sources
      .map((source) => this.#ruleOf(source))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const afresh = next.filter((rule) => this.#isAfresh(rule));
    const silent = afresh.filter(({ reads }) => reads.silences.some(isAbsence));
    const agents = [...this.#ground.agents.values()];
    // What was due under the rules so far comes before what those to come are evaluated at.
    if (silent.length > 0)
      for (const agent of agents) this.#runTimersBefore(agent, this.#ground.nowUs);
    for (const rule of this.#ground.rules) {
      const successor = next.find(({ name }) => name === rule.name);
      if (successor?.limit === undefined) this.#ground.breakers.delete(rule.name);
      for (const agent of agents) {
        if (successor === undefined || afresh.includes(successor)) this.#startAfresh(rule, agent);
        if (successor === undefined) agent.cells.delete(rule.name);
      }
    }
    this.#ground.rules = next;
    this.#openWindows();
    for (const agent of agents) {
      for (const rule of afresh) agent.cell(rule.name).isMatching = this.#matches(rule, agent);
      if (silent.length === 0) continue;
      // Absence is looked at when a rule with it comes into force.
      agent.timeUs = Math.max(agent.timeUs, this.#ground.nowUs);
      this.#evaluate(agent, agent.timeUs, silent);
    }
  }

  #ruleOf(source: RuleSource): OracleRule {
    const rule = this.#read.get(source) ?? readRule(source);
    this.#read.set(source, rule);
    return rule;
  }

  /** Whether a rule is new, means something else than before, or comes from `off` or goes there. */
  #isAfresh(rule: OracleRule): boolean {
    const present = this.#ground.rules.find(({ name }) => name === rule.name);
    const isOff = rule.source.mode === "off";
    return present?.meaning !== rule.meaning || isOff !== (present.source.mode === "off");
  }

  /** Cooldown and what it hangs on stay. */
  #startAfresh(rule: OracleRule, agent: Agent): void {
    makeInactive(this.#ground, rule, agent, this.#ground.nowUs);
    const { cooldownUntilUs, emittedUs, attempt, changedUs, wasFiring } = agent.cell(rule.name);
    const kept = { cooldownUntilUs, emittedUs, attempt, changedUs, wasFiring };
    agent.cells.set(rule.name, { ...newCell(), ...kept });
  }

  /** A window fills from when the first rule reads it; one that no rule reads is forgotten. */
  #openWindows(): void {
    const active = this.#ground.rules.filter(({ source }) => source.mode !== "off");
    const read = new Set(active.flatMap(({ reads }) => [...reads.windows]));
    for (const window of this.#ground.windowsFrom.keys())
      if (!read.has(window)) this.#ground.windowsFrom.delete(window);
    this.#number += 1;
    for (const window of read)
      if (!this.#ground.windowsFrom.has(window)) this.#ground.windowsFrom.set(window, this.#number);
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
