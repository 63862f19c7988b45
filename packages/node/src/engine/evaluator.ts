/**
 * Evaluates rules for an agent and tells what came of it.
 *
 * Invariants
 * 1. Rules are first noted, each once, then evaluated together on one state; nothing is told and
 *    nothing of the caller's runs in between.
 * 2. Before inputs of an instant, the agent's timers due before it; at one instant inputs come first.
 */
import { type EpisodeKey, instructionIdOf } from "@myelin/core/ids";
import { type EvaluationContext, FALSE, type PresentEvent, TRUE } from "@myelin/core/rules";
import { score } from "@myelin/core/schedule";
import type { AgentTable } from "./agent-table.ts";
import type { EngineCounters } from "./counters.ts";
import type { EngineHooks } from "./firing.ts";
import { Outbox } from "./outbox.ts";
import { nodePart } from "./parts.ts";
import { INACTIVE, type Outcome, type RuleRuntime, UNMATCHED } from "./rule-runtime.ts";
import type { RuleSet } from "./rule-set.ts";
import { timerInstantUs, timerKind } from "./timer-heap.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import type { Wakes } from "./wakes.ts";

/** What an evaluator works on. */
export interface EvaluatorOptions {
  readonly agents: AgentTable;
  readonly rules: RuleSet;
  readonly timers: TimerWheel;
  readonly wakes: Wakes;
  readonly context: EvaluationContext;
  readonly counters: EngineCounters;
  readonly hooks: EngineHooks;
}

export class Evaluator {
  /** Positions of the rules noted for the evaluation to come: the first `notedCount`. Numbers, since a list of objects costs a write barrier each time. */
  noted: Int32Array = new Int32Array(0);
  notedCount = 0;
  /** By position, the evaluation that a rule was last noted for. */
  stamps: Float64Array = new Float64Array(0);
  /** Number of the evaluation to come. */
  stamp = 1;
  /** False while every rule is to decide as in shadow mode. */
  isEnforcing = true;
  readonly #agents: AgentTable;
  readonly #rules: RuleSet;
  readonly #timers: TimerWheel;
  readonly #wakes: Wakes;
  #event: PresentEvent | undefined;
  readonly #context: EvaluationContext;
  readonly #counters: EngineCounters;
  readonly #hooks: EngineHooks;

  constructor(options: EvaluatorOptions) {
    this.#agents = options.agents;
    this.#rules = options.rules;
    this.#timers = options.timers;
    this.#wakes = options.wakes;
    this.#context = options.context;
    this.#counters = options.counters;
    this.#hooks = options.hooks;
  }

  /** The event that is being evaluated; undefined at any other evaluation. */
  get event(): PresentEvent | undefined {
    return this.#event;
  }

  /** The set of rules has changed. */
  rulesChanged(): void {
    this.noted = new Int32Array(this.#rules.all.length);
    this.stamps = new Float64Array(this.#rules.all.length);
    for (const rule of this.#rules.all) this.#timeBreaker(rule);
  }

  /** Notes a rule for the evaluation to come. */
  note(rule: RuleRuntime): void {
    const { position } = rule;
    if (this.stamps[position] === this.stamp) return;
    this.stamps[position] = this.stamp;
    this.noted[this.notedCount] = position;
    this.notedCount += 1;
  }

  /** At an agent's first evaluation its attributes are new: the rules that read them are noted. */
  admitNew(slot: number): void {
    if (this.#agents.isNew[slot] === 0) return;
    this.#agents.isNew[slot] = 0;
    for (const rule of this.#rules.attributeReaders) this.note(rule);
  }

  /** Moves the agent's evaluation time on to `atUs`, rounded, if that is later, with the timers before it; gives the time. */
  moveOn(slot: number, atUs: number, nowUs: number): number {
    const wholeUs = Math.round(atUs);
    this.runTimersBefore(slot, wholeUs, nowUs);
    return this.#agents.moveOn(slot, wholeUs);
  }

  /** Evaluates the rules noted at one instant of the agent. `outbox` holds what else there is to tell. */
  evaluate(
    slot: number,
    part: number,
    atUs: number,
    nowUs: number,
    outbox: Outbox | undefined,
  ): void {
    this.#decide(slot, part, atUs, nowUs, outbox)?.deliver(this.#hooks, slot, atUs);
  }

  /** Evaluates the rules noted, and gives what there is to tell. */
  #decide(
    slot: number,
    part: number,
    atUs: number,
    nowUs: number,
    outbox: Outbox | undefined,
  ): Outbox | undefined {
    const { noted, notedCount } = this;
    const rules = this.#rules.all;
    this.notedCount = 0;
    this.stamp += 1;
    this.#context.nowUs = atUs;
    if (notedCount > 0) this.#agents.evaluatedUs[slot] = atUs;
    this.#counters.evaluations += notedCount;
    let box = outbox;
    const held = this.#agents.heldActions[slot];
    const isTimed = this.#rules.timed.length > 0;
    const isEvent = this.#event !== undefined;
    for (let number = 0; number < notedCount; number += 1) {
      const rule = rules[noted[number] as number] as RuleRuntime;
      const state = rule.states[slot] as number;
      if (state <= UNMATCHED && !rule.sees(slot)) continue;
      if (isTimed) rule.timers?.evaluated(slot, atUs);
      const condition = rule.linked.condition(slot);
      if (state <= INACTIVE && condition !== TRUE) continue;
      const mayFire = held === undefined || !held.has(rule.plan.action);
      const outcome = rule.step(slot, atUs, condition, mayFire);
      if (outcome !== "none") box = this.#note(outcome, rule, slot, part, atUs, nowUs, box);
      if (!isEvent || !rule.plan.isEventRule) continue;
      // An event is over right after its own evaluation.
      const after = rule.step(slot, atUs, FALSE, mayFire);
      if (after !== "none") box = this.#note(after, rule, slot, part, atUs, nowUs, box);
    }
    return box;
  }

  /** Evaluates the rules noted at an event of the agent. */
  evaluateEvent(
    slot: number,
    part: number,
    event: PresentEvent,
    atUs: number,
    nowUs: number,
  ): void {
    this.#event = event;
    const told = this.#decide(slot, part, atUs, nowUs, undefined);
    this.#event = undefined;
    told?.deliver(this.#hooks, slot, atUs);
  }

  /** What came of one step of a rule. */
  #note(
    outcome: Exclude<Outcome, "none">,
    rule: RuleRuntime,
    slot: number,
    part: number,
    atUs: number,
    nowUs: number,
    outbox: Outbox | undefined,
  ): Outbox | undefined {
    if (outcome === "waits") {
      rule.setTimeLine(slot, this.#agents.lineName(slot, part));
      if (rule.timers !== undefined) this.#wakes.by(slot, timerInstantUs(rule.pendingEndUs(slot)));
      return outbox;
    }
    const box = outbox ?? new Outbox();
    if (outcome === "ends") box.ends(rule);
    else this.#fire(rule, slot, part, atUs, nowUs, box);
    return box;
  }

  /** Has the agent looked at when the next of its rules is to be evaluated though nothing comes; gives when. */
  setWake(slot: number): number {
    let nextUs = Number.POSITIVE_INFINITY;
    for (const rule of this.#rules.timed) {
      const dueUs = this.#nextUs(rule, slot);
      if (dueUs < nextUs) nextUs = dueUs;
    }
    this.#wakes.at(slot, nextUs);
    return nextUs;
  }

  #nextUs(rule: RuleRuntime, slot: number): number {
    const { timers } = rule;
    if (timers === undefined || !rule.sees(slot)) return Number.POSITIVE_INFINITY;
    return timers.nextUs(slot, this.#agents, rule.pendingEndUs(slot));
  }

  /** Evaluates the agent's rules that are to be at `dueUs`, though nothing comes. */
  #wake(slot: number, dueUs: number, nowUs: number): void {
    for (const rule of this.#rules.timed) if (this.#nextUs(rule, slot) === dueUs) this.note(rule);
    const atUs = this.#agents.moveOn(slot, dueUs);
    const told = this.#decide(slot, nodePart, atUs, nowUs, undefined);
    this.setWake(slot);
    told?.deliver(this.#hooks, slot, atUs);
  }

  /** Whether something of an agent may be due before an instant: a timer of any agent, or its own wake. */
  isDueBefore(slot: number, instantUs: number): boolean {
    return this.#timers.nextDueUs < instantUs || (this.#wakes.duesUs[slot] as number) < instantUs;
  }

  /** Runs the agent's own timers that are due before `instantUs`, in their order; true when there were any. */
  runTimersBefore(slot: number, instantUs: number, nowUs: number): boolean {
    const generation = this.#agents.generations[slot];
    for (let isAny = false; ; isAny = true) {
      if (this.#agents.generations[slot] !== generation) return true;
      const isWoken = (this.#wakes.duesUs[slot] as number) < instantUs;
      const wakeUs = isWoken ? this.setWake(slot) : instantUs;
      if (!(wakeUs < instantUs) && !(this.#timers.nextDueUs < instantUs)) return isAny;
      let first: RuleRuntime | undefined;
      let firstUs = instantUs;
      for (const rule of this.#rules.keepers) {
        const dueUs = rule.keepFiringEndUs(slot);
        if (!(dueUs < firstUs)) continue;
        first = rule;
        firstUs = dueUs;
      }
      if (wakeUs <= firstUs && wakeUs < instantUs) this.#wake(slot, wakeUs, nowUs);
      else if (first === undefined) return isAny;
      else this.#endByTimer(first, slot, firstUs);
    }
  }

  /** Runs all timers that are due at `nowUs`. */
  runTimers(nowUs: number): void {
    for (;;) {
      const wakes = this.#wakes;
      if (wakes.nextDueUs <= nowUs && wakes.nextDueUs <= this.#timers.nextDueUs) {
        const slot = wakes.nextSlot;
        const dueUs = wakes.nextDueUs;
        if (this.setWake(slot) === dueUs) this.#wake(slot, dueUs, nowUs);
        continue;
      }
      const timer = this.#timers.popDue(nowUs);
      if (timer === undefined) return;
      const rule = this.#rules.byId(timer.owner);
      if (rule === undefined) continue;
      if (timer.kind === timerKind.breakerClose) this.#breakerTimerCame(rule, nowUs);
      else if (rule.timerCame(timer.slot, timer.dueUs))
        this.#endByTimer(rule, timer.slot, timer.dueUs);
    }
  }

  /** Sets the timer that closes a rule's open breaker, unless it is set. */
  #timeBreaker(rule: RuleRuntime): void {
    const { breaker } = rule;
    if (breaker === undefined || !breaker.isOpen) return;
    const dueUs = timerInstantUs(breaker.closesAtUs);
    // Another limit may have it close sooner; the later timer finds nothing to do then.
    if (rule.breakerDueUs <= dueUs) return;
    rule.breakerDueUs = dueUs;
    this.#timers.push(dueUs, timerKind.breakerClose, rule.id, 0);
  }

  #breakerTimerCame(rule: RuleRuntime, nowUs: number): void {
    rule.breakerDueUs = Number.POSITIVE_INFINITY;
    const { breaker } = rule;
    // A firing since the timer was set has put the closing off; that waits for a whole millisecond of its own.
    const isDue = breaker !== undefined && timerInstantUs(breaker.closesAtUs) <= nowUs;
    if (isDue && breaker.closeIfQuiet(nowUs)) this.#hooks.onBreaker?.(rule.name, false);
    this.#timeBreaker(rule);
  }

  #endByTimer(rule: RuleRuntime, slot: number, dueUs: number): void {
    const atUs = this.#agents.moveOn(slot, dueUs);
    rule.makeInactive(slot, atUs);
    this.#hooks.onEpisodeEnd?.(rule.name, slot, atUs, rule.sinceUs(slot));
  }

  #fire(
    rule: RuleRuntime,
    slot: number,
    part: number,
    atUs: number,
    nowUs: number,
    outbox: Outbox,
  ): void {
    const { plan } = rule;
    const isShadow = plan.mode === "shadow" || !this.isEnforcing;
    const isSuppressed = this.#countFiring(rule, nowUs, outbox);
    this.#counters.firings += 1;
    rule.emitted(slot, atUs, isShadow || isSuppressed, isSuppressed);
    const attempt = rule.attempt(slot);
    if (attempt === 1) rule.setTimeLine(slot, this.#agents.lineName(slot, part));
    const agent = this.#agents.idOf(slot);
    const episode: EpisodeKey = {
      rule: rule.name,
      meaningVersion: rule.meaningVersion,
      agent,
      timeLine: rule.timeLine(slot),
      startedAtUs: rule.sinceUs(slot),
      attempt,
    };
    const impact = rule.firingCount;
    const firing = {
      id: instructionIdOf(episode),
      plan,
      ruleVersion: rule.version,
      episode,
      slot,
      agent,
      args: rule.linked.args(slot),
      sampleTimeUs: atUs,
      impact,
      isShadow,
      isSuppressed,
    };
    outbox.fires(rule, firing, score({ priority: plan.priority, slaUs: plan.slaUs, impact }));
  }

  /** Counts a firing against the rule's limit; true when its breaker stops it. */
  #countFiring(rule: RuleRuntime, nowUs: number, outbox: Outbox): boolean {
    const { breaker } = rule;
    if (breaker === undefined) return false;
    if (breaker.closeIfQuiet(nowUs)) outbox.breaker(rule, false);
    if (breaker.record(nowUs)) {
      outbox.breaker(rule, true);
      this.#timeBreaker(rule);
    }
    this.#hooks.onCounted?.(rule.name);
    return breaker.isOpen;
  }

  /** Counts firings of a rule in other lanes against its limit. */
  countFirings(rule: RuleRuntime, count: number, nowUs: number): void {
    const { breaker } = rule;
    if (breaker === undefined) return;
    if (breaker.closeIfQuiet(nowUs)) this.#hooks.onBreaker?.(rule.name, false);
    for (let at = 0; at < count; at += 1) {
      if (!breaker.record(nowUs)) continue;
      this.#hooks.onBreaker?.(rule.name, true);
      this.#timeBreaker(rule);
    }
  }
}
