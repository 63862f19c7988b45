/**
 * One rule in force: its compiled functions and the state it has for each agent.
 *
 * Invariants
 * 1. The states of an agent are those of RULES, "States of a rule, per agent"; every change of one
 *    goes through `#enter`, so the counts are right and `unless` can read the state before an instant.
 * 2. Cells of free slots are unmatched and hold nothing of the agent that had them.
 * 3. A cell's `sinceUs` is the start of its episode while pending and firing.
 * 4. At most one timer of a slot is in the heap (its flag in `#hasTimer`), not later than the end of
 *    `keep_firing_for` is due: that only moves on, and another meaning has timers of its own.
 */
import type { RuleName } from "@myelin/core/ids";
import { FALSE, type LinkedRule, type RulePlan, TRUE, type Tri, UNKNOWN } from "@myelin/core/rules";
import { grownFloat64, grownUint8 } from "./growth.ts";
import { RuleBreaker } from "./breaker.ts";
import { type TimerHeap, timerInstantUs, timerKind } from "./timer-heap.ts";

/** States of a rule for an agent. Unmatched: `where` does not match, the rule is off, or the slot is free. */
export const UNMATCHED = 0;
export const INACTIVE = 1;
export const PENDING = 2;
export const FIRING = 3;

/** What an evaluation came to: nothing to do, the episode's first instruction, another attempt, the episode's end. */
export type Outcome = "none" | "fires" | "retries" | "ends";

/** A rule as it is to be in force. */
export interface RuleVersion {
  readonly plan: RulePlan;
  /** Counts the versions of the rule. */
  readonly version: number;
  /** Counts the changes of its meaning. */
  readonly meaningVersion: number;
}

const never = Number.NEGATIVE_INFINITY;

export class RuleRuntime {
  /** Owner of its timers; never used again for another rule or meaning. */
  id: number;
  readonly name: RuleName;
  plan: RulePlan;
  version: number;
  meaningVersion: number;
  linked: LinkedRule;
  /** The rule that `unless` names, if it is in force. */
  unless: RuleRuntime | undefined;
  breaker: RuleBreaker | undefined;
  /** True while the timer that closes the breaker is in the heap. */
  hasBreakerTimer = false;
  /** Its place in the set of rules. */
  position = 0;
  states: Uint8Array;
  sinceUs: Float64Array;
  /** Firing again waits for this instant; Infinity while the instruction has not ended. */
  cooldownUntilUs: Float64Array;
  /** Start of the episode of the latest instruction, NaN when there was none; and its attempt. */
  emittedStartUs: Float64Array;
  attempts: Uint8Array;
  /** 1 when the latest instruction of the present episode ended without success. */
  isLastFailed: Uint8Array;
  /** The time line of the episode, while firing. */
  readonly timeLines: (string | undefined)[] = [];
  /** Since when the end condition has held, NaN when it does not; empty without `keep_firing_for`. */
  #endingSinceUs: Float64Array = new Float64Array(0);
  #hasTimer: Uint8Array = new Uint8Array(0);
  /** State before the instant of the latest change, and that instant; empty unless another rule's `unless` names this. */
  #before: Uint8Array = new Uint8Array(0);
  #changedAtUs: Float64Array = new Float64Array(0);
  #isWatched = false;
  /** Agents it fires on now. */
  firingCount = 0;
  /** Instructions decided so far, and those of them that the breaker stopped. */
  firings = 0;
  suppressedFirings = 0;
  readonly #timers: TimerHeap;

  constructor(
    id: number,
    rule: RuleVersion,
    linked: LinkedRule,
    timers: TimerHeap,
    capacity: number,
  ) {
    this.id = id;
    this.name = rule.plan.name;
    this.plan = rule.plan;
    this.version = rule.version;
    this.meaningVersion = rule.meaningVersion;
    this.linked = linked;
    this.#timers = timers;
    this.states = new Uint8Array(capacity);
    this.sinceUs = new Float64Array(capacity).fill(Number.NaN);
    this.cooldownUntilUs = new Float64Array(capacity).fill(never);
    this.emittedStartUs = new Float64Array(capacity).fill(Number.NaN);
    this.attempts = new Uint8Array(capacity);
    this.isLastFailed = new Uint8Array(capacity);
    this.#takeOver(rule.plan, capacity);
  }

  /** Puts another version of the same meaning in force: all state stays. */
  replace(rule: RuleVersion, linked: LinkedRule): void {
    this.plan = rule.plan;
    this.version = rule.version;
    this.meaningVersion = rule.meaningVersion;
    this.linked = linked;
    this.#takeOver(rule.plan, this.states.length);
  }

  /** Puts another meaning in force; only cooldowns stay. Episodes have been ended by `makeInactive`. */
  restart(id: number, rule: RuleVersion, linked: LinkedRule): void {
    this.id = id;
    this.#hasTimer.fill(0);
    this.hasBreakerTimer = false;
    this.replace(rule, linked);
  }

  get isOff(): boolean {
    return this.plan.mode === "off";
  }

  get hasKeepFiring(): boolean {
    return this.plan.keepFiringForUs > 0;
  }

  grow(capacity: number): void {
    this.states = grownUint8(this.states, capacity);
    this.sinceUs = grownFloat64(this.sinceUs, capacity, Number.NaN);
    this.cooldownUntilUs = grownFloat64(this.cooldownUntilUs, capacity, never);
    this.emittedStartUs = grownFloat64(this.emittedStartUs, capacity, Number.NaN);
    this.attempts = grownUint8(this.attempts, capacity);
    this.isLastFailed = grownUint8(this.isLastFailed, capacity);
    this.#growOptional(capacity);
  }

  /** From now on another rule's `unless` may ask for the state before an instant. */
  watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#growOptional(this.states.length);
  }

  /** Looks whether `where` matches; a rule that ceases to match is inactive at once. True when that ended an episode. */
  match(slot: number, atUs: number): boolean {
    const matches = !this.isOff && this.linked.where(slot) === TRUE;
    const state = this.states[slot];
    if (matches) {
      if (state === UNMATCHED) this.#enter(slot, INACTIVE, atUs);
      return false;
    }
    this.#enter(slot, UNMATCHED, atUs);
    return state === FIRING;
  }

  /** Ends whatever the rule was doing for the agent. True when that ended an episode. */
  makeInactive(slot: number, atUs: number): boolean {
    const wasFiring = this.states[slot] === FIRING;
    if (this.states[slot] !== UNMATCHED) this.#enter(slot, INACTIVE, atUs);
    return wasFiring;
  }

  /** Forgets the agent. True when that ended an episode. */
  release(slot: number, atUs: number): boolean {
    const wasFiring = this.states[slot] === FIRING;
    this.#enter(slot, UNMATCHED, atUs);
    this.sinceUs[slot] = Number.NaN;
    this.cooldownUntilUs[slot] = never;
    this.emittedStartUs[slot] = Number.NaN;
    this.attempts[slot] = 0;
    if (this.#isWatched) this.#changedAtUs[slot] = Number.NaN;
    return wasFiring;
  }

  /** One evaluation for an agent that `where` matches, `condition` being what `expr` gave. */
  step(slot: number, atUs: number, condition: Tri): Outcome {
    return this.states[slot] === FIRING
      ? this.#stepFiring(slot, atUs, condition)
      : this.#stepWaiting(slot, atUs, condition);
  }

  /** When the end of `keep_firing_for` is due, as a timer's instant; NaN when it is not. */
  keepFiringEndUs(slot: number): number {
    if (this.states[slot] !== FIRING || !this.hasKeepFiring) return Number.NaN;
    return timerInstantUs((this.#endingSinceUs[slot] as number) + this.plan.keepFiringForUs);
  }

  /** The slot's timer came at `dueUs`: true when the episode is to end, else it is set again if need be. */
  timerCame(slot: number, dueUs: number): boolean {
    this.#hasTimer[slot] = 0;
    const endUs = this.keepFiringEndUs(slot);
    if (endUs <= dueUs) return true;
    if (endUs > dueUs) this.#setTimer(slot, endUs);
    return false;
  }

  /** Notes that an instruction was decided: the cooldown runs. One that is not sent counts as ended at once. */
  emitted(slot: number, atUs: number, isHeldBack: boolean, isSuppressed: boolean): void {
    this.firings += 1;
    if (isSuppressed) this.suppressedFirings += 1;
    this.emittedStartUs[slot] = this.sinceUs[slot] as number;
    this.isLastFailed[slot] = 0;
    const { cooldownUs } = this.plan;
    if (cooldownUs > 0)
      this.cooldownUntilUs[slot] = isHeldBack ? atUs + cooldownUs : Number.POSITIVE_INFINITY;
  }

  /** Notes that an instruction ended. One of an earlier episode can only make the cooldown longer. */
  ended(
    slot: number,
    startedAtUs: number,
    attempt: number,
    endedAtUs: number,
    succeeded: boolean,
  ): void {
    const untilUs = this.plan.cooldownUs > 0 ? endedAtUs + this.plan.cooldownUs : never;
    const presentUs = this.cooldownUntilUs[slot] as number;
    if (this.emittedStartUs[slot] === startedAtUs && this.attempts[slot] === attempt) {
      this.cooldownUntilUs[slot] = untilUs;
      const isPresentEpisode = this.states[slot] === FIRING && this.sinceUs[slot] === startedAtUs;
      if (isPresentEpisode && !succeeded) this.isLastFailed[slot] = 1;
    } else if (untilUs > presentUs) this.cooldownUntilUs[slot] = untilUs;
  }

  /** Makes the rule fire in an episode that began before the node knew of it. */
  reinstate(
    slot: number,
    startedAtUs: number,
    attempt: number,
    timeLine: string,
    atUs: number,
  ): void {
    this.sinceUs[slot] = startedAtUs;
    this.#enter(slot, FIRING, atUs);
    this.emittedStartUs[slot] = startedAtUs;
    this.attempts[slot] = attempt;
    this.isLastFailed[slot] = 0;
    this.timeLines[slot] = timeLine;
    if (this.hasKeepFiring) this.#endingSinceUs[slot] = Number.NaN;
    this.cooldownUntilUs[slot] = this.plan.cooldownUs > 0 ? Number.POSITIVE_INFINITY : never;
  }

  #stepWaiting(slot: number, atUs: number, condition: Tri): Outcome {
    if (condition === TRUE && !(this.unless?.wasFiringBefore(slot, atUs) ?? false)) {
      if (this.states[slot] === INACTIVE) {
        this.sinceUs[slot] = atUs;
        this.#enter(slot, PENDING, atUs);
      }
      const earliestUs = Math.max(
        (this.sinceUs[slot] as number) + this.plan.forUs,
        this.cooldownUntilUs[slot] as number,
      );
      if (atUs < earliestUs) return "none";
      this.#enter(slot, FIRING, atUs);
      this.attempts[slot] = 1;
      this.isLastFailed[slot] = 0;
      return "fires";
    }
    if (condition === UNKNOWN && this.plan.missing === "hold") return "none";
    if (this.states[slot] === PENDING) this.#enter(slot, INACTIVE, atUs);
    return "none";
  }

  #stepFiring(slot: number, atUs: number, condition: Tri): Outcome {
    if (this.#endHolds(slot, condition)) {
      if (!this.hasKeepFiring) return this.#end(slot, atUs);
      const endingSinceUs = this.#endingSinceUs[slot] as number;
      if (Number.isNaN(endingSinceUs)) {
        this.#endingSinceUs[slot] = atUs;
        if (this.#hasTimer[slot] === 0) this.#setTimer(slot, this.keepFiringEndUs(slot));
      } else if (atUs >= endingSinceUs + this.plan.keepFiringForUs) return this.#end(slot, atUs);
    } else if (this.hasKeepFiring) this.#endingSinceUs[slot] = Number.NaN;
    const mayRetry =
      this.isLastFailed[slot] === 1 && (this.attempts[slot] as number) < this.plan.attempts;
    if (!mayRetry || atUs < (this.cooldownUntilUs[slot] as number)) return "none";
    this.attempts[slot] = (this.attempts[slot] as number) + 1;
    return "retries";
  }

  /** Whether that which ends the episode holds now; unknown ends nothing. */
  #endHolds(slot: number, condition: Tri): boolean {
    if (condition === TRUE) return false;
    return this.linked.hasResolve ? this.linked.resolve(slot) === TRUE : condition === FALSE;
  }

  #end(slot: number, atUs: number): Outcome {
    this.#enter(slot, INACTIVE, atUs);
    return "ends";
  }

  /** Whether it fired on the agent before the instant `atUs`, whatever this instant has changed so far. */
  wasFiringBefore(slot: number, atUs: number): boolean {
    return (this.#changedAtUs[slot] === atUs ? this.#before[slot] : this.states[slot]) === FIRING;
  }

  #enter(slot: number, state: number, atUs: number): void {
    const previous = this.states[slot] as number;
    if (previous === state) return;
    if (this.#isWatched && this.#changedAtUs[slot] !== atUs) {
      this.#before[slot] = previous;
      this.#changedAtUs[slot] = atUs;
    }
    this.states[slot] = state;
    if (previous === FIRING) {
      this.firingCount -= 1;
      this.timeLines[slot] = undefined;
      if (this.hasKeepFiring) this.#endingSinceUs[slot] = Number.NaN;
    }
    if (state === FIRING) this.firingCount += 1;
  }

  #setTimer(slot: number, dueUs: number): void {
    this.#hasTimer[slot] = 1;
    this.#timers.push(dueUs, timerKind.keepFiringEnd, this.id, slot);
  }

  #takeOver(plan: RulePlan, capacity: number): void {
    if (plan.limit === undefined) this.breaker = undefined;
    else if (this.breaker === undefined) this.breaker = new RuleBreaker(plan.limit);
    else this.breaker.changeLimit(plan.limit);
    this.#growOptional(capacity);
  }

  /** Makes room in the arrays that only some rules need. */
  #growOptional(capacity: number): void {
    if (this.hasKeepFiring && this.#endingSinceUs.length < capacity) {
      this.#endingSinceUs = grownFloat64(this.#endingSinceUs, capacity, Number.NaN);
      this.#hasTimer = grownUint8(this.#hasTimer, capacity);
    }
    if (this.#isWatched && this.#changedAtUs.length < capacity) {
      this.#changedAtUs = grownFloat64(this.#changedAtUs, capacity, Number.NaN);
      this.#before = grownUint8(this.#before, capacity);
    }
  }
}
