/**
 * One rule in force: its compiled functions and the state it has for each agent.
 *
 * Invariants
 * 1. The states of an agent are those of RULES, "States of a rule, per agent"; every change of one
 *    goes through `#enter`, so the counts are right and `unless` can read the state before an instant.
 * 2. Cells of free slots are unseen and hold nothing of the agent that had them.
 * 3. A cell's `sinceUs` is the start of its episode while pending and firing.
 * 4. One timer of a slot counts (`timerDueUs`), not later than the end of `keep_firing_for` is due: that only moves on
 *    while an agent has the slot, and another meaning has timers of its own. One that came to be too late is passed over.
 * 5. Whether `where` matches an agent is found out when the rule is first evaluated for it: until then
 *    its state is unseen, and nothing that happens to the agent meanwhile can be told from that.
 * 6. A cell that begins or ceases to be pending is noted, but not one that fires.
 */
import type { RuleName } from "@myelin/core/ids";
import {
  type Bounds,
  boundsToHold,
  FALSE,
  type LinkedRule,
  type RulePlan,
  TRUE,
  type Tri,
  UNKNOWN,
} from "@myelin/core/rules";
import type { AgentTable } from "./agent-table.ts";
import { RuleBreaker } from "./breaker.ts";
import { cellOf, EpisodePages } from "./episode-pages.ts";
import { grownUint8 } from "./growth.ts";
import type { PendingRecord } from "../ports/store.ts";
import type { PendingCells } from "./pending-cells.ts";
import type { RuleTimers } from "./rule-timers.ts";
import { timerInstantUs, timerKind } from "./timer-heap.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/**
 * States of a rule for an agent. Unseen: not evaluated for it yet, or the slot is free. Unmatched: `where`
 * does not match, or the rule is off.
 */
const UNSEEN = 0;
export const UNMATCHED = 1;
export const INACTIVE = 2;
export const PENDING = 3;
export const FIRING = 4;

/** What an evaluation came to: nothing to do, pending, the episode's first instruction, another attempt, the episode's end. */
export type Outcome = "none" | "waits" | "fires" | "retries" | "ends";

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
  /** When it is to be evaluated though nothing comes; undefined when that never is. */
  readonly timers: RuleTimers | undefined;
  /** Where a sample must lie to concern the rule while it is inactive, by metric; none where any may. */
  readonly bounds: ReadonlyMap<string, Bounds>;
  breaker: RuleBreaker | undefined;
  /** When the earliest timer that closes the breaker comes; Infinity while there is none. */
  breakerDueUs: number = Number.POSITIVE_INFINITY;
  /** Its place in the set of rules. */
  position = 0;
  states: Uint8Array;
  #episodes = new EpisodePages();
  /** Agents it fires on now. */
  firingCount = 0;
  #pendingCount = 0;
  /** Instructions decided so far, and those of them that the breaker stopped. */
  firings = 0;
  suppressedFirings = 0;
  readonly #agents: AgentTable;
  readonly #timers: TimerWheel;
  readonly #pendingCells: PendingCells;

  constructor(
    id: number,
    rule: RuleVersion,
    linked: LinkedRule,
    agents: AgentTable,
    timers: TimerWheel,
    pendingCells: PendingCells,
    ruleTimers?: RuleTimers,
  ) {
    this.id = id;
    this.timers = ruleTimers;
    // What has timers is told of every evaluation.
    this.bounds = ruleTimers === undefined ? boundsToHold(rule.plan.condition) : new Map();
    this.name = rule.plan.name;
    this.plan = rule.plan;
    this.version = rule.version;
    this.meaningVersion = rule.meaningVersion;
    this.linked = linked;
    this.#agents = agents;
    this.#timers = timers;
    this.#pendingCells = pendingCells;
    this.states = new Uint8Array(agents.capacity);
    this.#limit(rule.plan);
  }

  /** Puts another version of the same meaning in force: all state stays. */
  replace(rule: RuleVersion, linked: LinkedRule): void {
    this.plan = rule.plan;
    this.version = rule.version;
    this.meaningVersion = rule.meaningVersion;
    this.linked = linked;
    this.#limit(rule.plan);
  }

  /** Takes the place of an earlier meaning, whose episodes have ended: only cooldowns, breaker and counts stay. */
  succeed(former: RuleRuntime): void {
    this.#episodes = former.#episodes;
    this.#episodes.forgetTimers();
    this.breaker = former.breaker;
    this.#limit(this.plan);
    this.firings = former.firings;
    this.suppressedFirings = former.suppressedFirings;
  }

  get isOff(): boolean {
    return this.plan.mode === "off";
  }

  get hasKeepFiring(): boolean {
    return this.plan.keepFiringForUs > 0;
  }

  grow(capacity: number): void {
    if (capacity > this.states.length) this.timers?.grow(capacity);
    if (capacity > this.states.length) this.states = grownUint8(this.states, capacity);
  }

  /** Whether `where` matches an agent that has a slot; found out at the first asking. */
  sees(slot: number): boolean {
    const state = this.states[slot] as number;
    if (state > UNMATCHED) return true;
    if (state === UNMATCHED) return false;
    const matches = this.#matches(slot);
    this.states[slot] = matches ? INACTIVE : UNMATCHED;
    return matches;
  }

  /** Looks anew whether `where` matches; a rule that ceases to match is inactive at once. True when that ended an episode. */
  match(slot: number, atUs: number): boolean {
    const state = this.states[slot] as number;
    if (state === UNSEEN) return false;
    if (this.#matches(slot)) {
      if (state === UNMATCHED) this.#enter(slot, INACTIVE, atUs);
      return false;
    }
    this.#enter(slot, UNMATCHED, atUs);
    return state === FIRING;
  }

  /** Ends whatever the rule was doing for the agent. True when that ended an episode. */
  makeInactive(slot: number, atUs: number): boolean {
    const state = this.states[slot] as number;
    if (state > INACTIVE) this.#enter(slot, INACTIVE, atUs);
    return state === FIRING;
  }

  /** Ends whatever the rule was doing, and knows of no agent whether `where` matches; `onEnd` is told of each episode. */
  makeUnseen(atUs: number, onEnd: (slot: number) => void): void {
    this.end(atUs, onEnd);
    this.states.fill(UNSEEN);
    this.timers?.forgetAll();
  }

  /** Ends whatever the rule was doing; `onEnd` is told of each episode. */
  end(atUs: number, onEnd: (slot: number) => void): void {
    // By their counts, for a look through the states of all agents costs ten microseconds a rule at 10,000 agents.
    for (let left = this.firingCount, slot = 0; left > 0; left -= 1) {
      slot = this.states.indexOf(FIRING, slot);
      this.#enter(slot, INACTIVE, atUs);
      onEnd(slot);
    }
    for (let left = this.#pendingCount, slot = 0; left > 0; left -= 1) {
      slot = this.states.indexOf(PENDING, slot);
      this.#enter(slot, INACTIVE, atUs);
    }
  }

  /** Forgets the agent. True when that ended an episode. */
  release(slot: number, atUs: number): boolean {
    const wasFiring = this.states[slot] === FIRING;
    this.timers?.forget(slot);
    this.#enter(slot, UNSEEN, atUs);
    const page = this.#episodes.find(slot);
    if (page === undefined) return wasFiring;
    const cell = cellOf(slot);
    page.sinceUs[cell] = Number.NaN;
    page.cooldownUntilUs[cell] = never;
    page.emittedStartUs[cell] = Number.NaN;
    page.attempts[cell] = 0;
    page.changedAtUs[cell] = Number.NaN;
    page.isNoted[cell] = 0;
    return wasFiring;
  }

  /** Start of the episode while pending and firing, event time in microseconds. */
  sinceUs(slot: number): number {
    return this.#episodes.find(slot)?.sinceUs[cellOf(slot)] ?? Number.NaN;
  }

  /** Firing again waits for this instant; Infinity while the instruction has not ended. */
  cooldownUntilUs(slot: number): number {
    return this.#episodes.find(slot)?.cooldownUntilUs[cellOf(slot)] ?? never;
  }

  coolDown(slot: number, untilUs: number): void {
    this.#episodes.of(slot).cooldownUntilUs[cellOf(slot)] = untilUs;
  }

  /** Start of the episode of the latest instruction, NaN when there was none. */
  emittedStartUs(slot: number): number {
    return this.#episodes.find(slot)?.emittedStartUs[cellOf(slot)] ?? Number.NaN;
  }

  /** Attempt of the latest instruction; 0 when there was none. */
  attempt(slot: number): number {
    return this.#episodes.find(slot)?.attempts[cellOf(slot)] ?? 0;
  }

  /** The time line of the part that made it pending, then of the episode, while firing. */
  timeLine(slot: number): string {
    return this.#episodes.find(slot)?.timeLines[cellOf(slot)] ?? "";
  }

  setTimeLine(slot: number, name: string): void {
    this.#episodes.of(slot).timeLines[cellOf(slot)] = name;
  }

  /** True while it fires in the episode that started at this instant. */
  isFiring(slot: number, startedAtUs: number): boolean {
    return this.states[slot] === FIRING && this.sinceUs(slot) === startedAtUs;
  }

  /** One evaluation for an agent that `where` matches, `condition` being what `expr` gave. No instruction comes of it unless it `mayFire`. */
  step(slot: number, atUs: number, condition: Tri, mayFire: boolean): Outcome {
    return this.states[slot] === FIRING
      ? this.#stepFiring(slot, atUs, condition, mayFire)
      : this.#stepWaiting(slot, atUs, condition, mayFire);
  }

  /** When the end of `keep_firing_for` is due, as a timer's instant; NaN when it is not. */
  keepFiringEndUs(slot: number): number {
    if (!this.hasKeepFiring || this.states[slot] !== FIRING) return Number.NaN;
    const endingSinceUs = this.#episodes.of(slot).endingSinceUs[cellOf(slot)] as number;
    return timerInstantUs(endingSinceUs + this.plan.keepFiringForUs);
  }

  /** The slot's timer came at `dueUs`: true when the episode is to end, else it is set again if need be. */
  timerCame(slot: number, dueUs: number): boolean {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if (page.timerDueUs[cell] !== dueUs) return false;
    page.timerDueUs[cell] = Number.POSITIVE_INFINITY;
    const endUs = this.keepFiringEndUs(slot);
    if (endUs <= dueUs) return true;
    if (endUs > dueUs) this.#setTimer(slot, endUs);
    return false;
  }

  /** Notes that an instruction was decided: the cooldown runs. One that is not sent counts as ended at once. */
  emitted(slot: number, atUs: number, isHeldBack: boolean, isSuppressed: boolean): void {
    this.firings += 1;
    if (isSuppressed) this.suppressedFirings += 1;
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    page.emittedStartUs[cell] = page.sinceUs[cell] as number;
    page.isLastFailed[cell] = 0;
    const { cooldownUs } = this.plan;
    if (cooldownUs > 0)
      page.cooldownUntilUs[cell] = isHeldBack ? atUs + cooldownUs : Number.POSITIVE_INFINITY;
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
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if (page.emittedStartUs[cell] === startedAtUs && page.attempts[cell] === attempt) {
      page.cooldownUntilUs[cell] = untilUs;
      const isPresentEpisode = this.states[slot] === FIRING && page.sinceUs[cell] === startedAtUs;
      // One that counted as failed may be told to have succeeded later: the last word counts.
      if (isPresentEpisode) page.isLastFailed[cell] = succeeded ? 0 : 1;
    } else if (untilUs > (page.cooldownUntilUs[cell] as number))
      page.cooldownUntilUs[cell] = untilUs;
  }

  /** Makes the rule fire in an episode that began before the node knew of it. */
  reinstate(
    slot: number,
    startedAtUs: number,
    attempt: number,
    timeLine: string,
    atUs: number,
  ): void {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    page.sinceUs[cell] = startedAtUs;
    page.isReinstated[cell] = 0;
    this.#enter(slot, FIRING, atUs);
    page.emittedStartUs[cell] = startedAtUs;
    page.attempts[cell] = attempt;
    page.isLastFailed[cell] = 0;
    page.timeLines[cell] = timeLine;
    page.endingSinceUs[cell] = Number.NaN;
    page.cooldownUntilUs[cell] = this.plan.cooldownUs > 0 ? Number.POSITIVE_INFINITY : never;
  }

  /** Makes the rule pending since before the node's start; false when it is not inactive for the agent, or has fired since. */
  reinstatePending(slot: number, { sinceUs, timeLine }: PendingRecord, atUs: number): boolean {
    if (!this.sees(slot) || this.states[slot] !== INACTIVE) return false;
    if (this.emittedStartUs(slot) >= sinceUs) return false;
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    page.sinceUs[cell] = sinceUs;
    page.timeLines[cell] = timeLine;
    page.isReinstated[cell] = 1;
    this.#enter(slot, PENDING, atUs);
    return true;
  }

  /** Start of what is pending; NaN when nothing is. */
  pendingSinceUs(slot: number): number {
    return this.states[slot] === PENDING ? this.sinceUs(slot) : Number.NaN;
  }

  /** When what is pending has held long enough; NaN when nothing is. */
  pendingEndUs(slot: number): number {
    return this.pendingSinceUs(slot) + this.plan.forUs;
  }

  /** Whether events of a type are for the rule to be evaluated at. */
  readsEvent(type: string): boolean {
    const { readsEvent, countedEvents } = this.plan.inputs;
    return readsEvent || countedEvents.includes(type);
  }

  /** What is pending for the agent, for one who has taken note of the change. */
  takePending(slot: number): PendingRecord | undefined {
    this.#episodes.of(slot).isNoted[cellOf(slot)] = 0;
    if (this.states[slot] !== PENDING) return undefined;
    const { meaningVersion } = this;
    return { meaningVersion, timeLine: this.timeLine(slot), sinceUs: this.sinceUs(slot) };
  }

  /** Notes the latest instruction of an episode that began and ended before the node knew of it; attempt 0 when that is not known. */
  reinstateOver(slot: number, startedAtUs: number, attempt: number): void {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    page.emittedStartUs[cell] = startedAtUs;
    page.attempts[cell] = attempt;
    page.isLastFailed[cell] = 0;
    if (this.plan.cooldownUs > 0 && attempt > 0)
      page.cooldownUntilUs[cell] = Number.POSITIVE_INFINITY;
  }

  /** Ends the present episode, whose instruction was none. */
  withdraw(slot: number, atUs: number): void {
    this.#enter(slot, INACTIVE, atUs);
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    page.emittedStartUs[cell] = Number.NaN;
    page.attempts[cell] = 0;
    page.cooldownUntilUs[cell] = never;
  }

  #matches(slot: number): boolean {
    return !this.isOff && this.linked.where(slot) === TRUE;
  }

  #stepWaiting(slot: number, atUs: number, condition: Tri, mayFire: boolean): Outcome {
    if (condition === TRUE && !(this.unless?.wasFiringBefore(slot, atUs) ?? false)) {
      const page = this.#episodes.of(slot);
      const cell = cellOf(slot);
      const isPending = this.states[slot] === PENDING;
      page.isReinstated[cell] = 0;
      if (!isPending) page.sinceUs[cell] = atUs;
      const earliestUs = Math.max(
        (page.sinceUs[cell] as number) + this.plan.forUs,
        page.cooldownUntilUs[cell] as number,
      );
      if (atUs < earliestUs || !mayFire) {
        this.#enter(slot, PENDING, atUs);
        return isPending ? "none" : "waits";
      }
      this.#enter(slot, FIRING, atUs);
      page.attempts[cell] = 1;
      page.isLastFailed[cell] = 0;
      return "fires";
    }
    if (this.states[slot] === PENDING && !this.#isHeld(slot, atUs, condition))
      this.#enter(slot, INACTIVE, atUs);
    return "none";
  }

  /**
   * Whether what is pending stays so though `expr` is not true: with `missing: hold`; and of what the node's former run
   * left, while its values are not known again, and at what was observed before and comes again.
   */
  #isHeld(slot: number, atUs: number, condition: Tri): boolean {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if (condition === UNKNOWN) return this.plan.missing === "hold" || page.isReinstated[cell] === 1;
    return atUs < (page.sinceUs[cell] as number);
  }

  #stepFiring(slot: number, atUs: number, condition: Tri, mayFire: boolean): Outcome {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    // What was observed before a reinstated episode began, and comes again behind a restart, does not end it.
    if (atUs < (page.sinceUs[cell] as number)) return "none";
    if (this.#endHolds(slot, condition)) {
      if (!this.hasKeepFiring) return this.#end(slot, atUs);
      const endingSinceUs = page.endingSinceUs[cell] as number;
      if (Number.isNaN(endingSinceUs)) {
        page.endingSinceUs[cell] = atUs;
        this.#setTimer(slot, this.keepFiringEndUs(slot));
      } else if (atUs >= endingSinceUs + this.plan.keepFiringForUs) return this.#end(slot, atUs);
    } else page.endingSinceUs[cell] = Number.NaN;
    const attempts = page.attempts[cell] as number;
    const mayRetry = mayFire && page.isLastFailed[cell] === 1 && attempts < this.plan.attempts;
    if (!mayRetry || atUs < (page.cooldownUntilUs[cell] as number)) return "none";
    page.attempts[cell] = attempts + 1;
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
    const page = this.#episodes.find(slot);
    const cell = cellOf(slot);
    if (page !== undefined && page.changedAtUs[cell] === atUs) return page.wasFiring[cell] === 1;
    return this.states[slot] === FIRING;
  }

  #enter(slot: number, state: number, atUs: number): void {
    const previous = this.states[slot] as number;
    if (previous === state) return;
    this.states[slot] = state;
    if (previous > INACTIVE !== state > INACTIVE) this.#count(slot, state > INACTIVE ? 1 : -1);
    if (previous === PENDING) this.#pendingCount -= 1;
    else if (state === PENDING) this.#pendingCount += 1;
    if (previous !== FIRING && state !== FIRING) {
      if (previous === PENDING || state === PENDING) this.#notePending(slot);
      return;
    }
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if (page.changedAtUs[cell] !== atUs) {
      page.wasFiring[cell] = previous === FIRING ? 1 : 0;
      page.changedAtUs[cell] = atUs;
    }
    if (previous === FIRING) {
      this.firingCount -= 1;
      page.timeLines[cell] = undefined;
      page.endingSinceUs[cell] = Number.NaN;
    } else this.firingCount += 1;
  }

  /** Counts the rule among those that are pending or firing for the agent, or no more. */
  #count(slot: number, by: 1 | -1): void {
    const { busyRules } = this.#agents;
    busyRules[slot] = (busyRules[slot] as number) + by;
  }

  #notePending(slot: number): void {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if (page.isNoted[cell] === 1) return;
    page.isNoted[cell] = 1;
    this.#pendingCells.note(this.name, slot);
  }

  #setTimer(slot: number, dueUs: number): void {
    const page = this.#episodes.of(slot);
    const cell = cellOf(slot);
    if ((page.timerDueUs[cell] as number) <= dueUs) return;
    page.timerDueUs[cell] = dueUs;
    this.#timers.push(dueUs, timerKind.keepFiringEnd, this.id, slot);
  }

  #limit({ limit }: RulePlan): void {
    if (limit === undefined) this.breaker = undefined;
    else if (this.breaker === undefined) this.breaker = new RuleBreaker(limit);
    else this.breaker.changeLimit(limit);
  }
}
