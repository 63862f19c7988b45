/**
 * Evaluates rules for an agent and tells what came of it.
 *
 * Invariants
 * 1. Rules are first noted, each once, then evaluated together on one state; nothing is told and
 *    nothing of the caller's runs in between.
 * 2. Before inputs of an instant, the agent's timers due before it; at one instant inputs come first.
 */
import { type EpisodeKey, instructionIdOf } from "@myelin/core/ids";
import { type EvaluationContext, TRUE } from "@myelin/core/rules";
import { score } from "@myelin/core/schedule";
import type { AgentTable } from "./agent-table.ts";
import type { EngineCounters } from "./counters.ts";
import type { EngineHooks } from "./firing.ts";
import { Outbox } from "./outbox.ts";
import { INACTIVE, type RuleRuntime, UNMATCHED } from "./rule-runtime.ts";
import type { RuleSet } from "./rule-set.ts";
import { type TimerHeap, timerInstantUs, timerKind } from "./timer-heap.ts";

/** What an evaluator works on. */
export interface EvaluatorOptions {
  readonly agents: AgentTable;
  readonly rules: RuleSet;
  readonly timers: TimerHeap;
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
  readonly #timers: TimerHeap;
  readonly #context: EvaluationContext;
  readonly #counters: EngineCounters;
  readonly #hooks: EngineHooks;

  constructor(options: EvaluatorOptions) {
    this.#agents = options.agents;
    this.#rules = options.rules;
    this.#timers = options.timers;
    this.#context = options.context;
    this.#counters = options.counters;
    this.#hooks = options.hooks;
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
  moveOn(slot: number, atUs: number): number {
    const wholeUs = Math.round(atUs);
    if (this.#timers.nextDueUs < wholeUs) this.runTimersBefore(slot, wholeUs);
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
    const { noted, notedCount } = this;
    const rules = this.#rules.all;
    this.notedCount = 0;
    this.stamp += 1;
    this.#context.nowUs = atUs;
    if (notedCount > 0) this.#agents.evaluatedUs[slot] = atUs;
    this.#counters.evaluations += notedCount;
    let box = outbox;
    const held = this.#agents.heldActions[slot];
    for (let number = 0; number < notedCount; number += 1) {
      const rule = rules[noted[number] as number] as RuleRuntime;
      const state = rule.states[slot] as number;
      if (state <= UNMATCHED && !rule.sees(slot)) continue;
      const condition = rule.linked.condition(slot);
      if (state <= INACTIVE && condition !== TRUE) continue;
      const mayFire = held === undefined || !held.has(rule.plan.action);
      const outcome = rule.step(slot, atUs, condition, mayFire);
      if (outcome === "none") continue;
      if (outcome === "waits") {
        rule.setTimeLine(slot, this.#agents.lineName(slot, part));
        continue;
      }
      box ??= new Outbox();
      if (outcome === "ends") box.ends(rule);
      else this.#fire(rule, slot, part, atUs, nowUs, box);
    }
    box?.deliver(this.#hooks, slot, atUs);
  }

  /** Runs the agent's own timers that are due before `instantUs`, in their order; true when there were any. */
  runTimersBefore(slot: number, instantUs: number): boolean {
    for (let isAny = false; ; isAny = true) {
      let first: RuleRuntime | undefined;
      let firstUs = instantUs;
      for (const rule of this.#rules.keepers) {
        const dueUs = rule.keepFiringEndUs(slot);
        if (!(dueUs < firstUs)) continue;
        first = rule;
        firstUs = dueUs;
      }
      if (first === undefined) return isAny;
      this.#endByTimer(first, slot, firstUs);
    }
  }

  /** Runs all timers that are due at `nowUs`. */
  runTimers(nowUs: number): void {
    for (
      let timer = this.#timers.popDue(nowUs);
      timer !== undefined;
      timer = this.#timers.popDue(nowUs)
    ) {
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
    if (breaker === undefined || !breaker.isOpen || rule.hasBreakerTimer) return;
    rule.hasBreakerTimer = true;
    this.#timers.push(timerInstantUs(breaker.closesAtUs), timerKind.breakerClose, rule.id, 0);
  }

  #breakerTimerCame(rule: RuleRuntime, nowUs: number): void {
    rule.hasBreakerTimer = false;
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
