import type { EpisodeKey, RuleName } from "@myelin/core/ids";
import type { PendingRecord } from "../ports/store.ts";
import type { AgentTable } from "./agent-table.ts";
import type { Evaluator } from "./evaluator.ts";
import type { EngineHooks } from "./firing.ts";
import type { RuleSet } from "./rule-set.ts";

/** What is known of an episode that is reinstated. */
export interface Reinstatement {
  /** How the instruction ended; absent while that is not known. */
  readonly end?: { readonly succeeded: boolean; readonly endedAtUs: number };
  /** True when the episode has ended already; with attempt 0 when of its instructions nothing is known. */
  readonly isOver?: boolean;
}

export interface PastEpisodesOptions {
  readonly agents: AgentTable;
  readonly rules: RuleSet;
  readonly evaluator: Pick<Evaluator, "setWake">;
  readonly hooks: Pick<EngineHooks, "onEpisodeEnd">;
}

/** Most instructions of one episode that a rule can ask for. */
const maxAttempts = 10;

/** What began in an earlier run of the node: told to the rules before an agent's first input, so that no episode acts twice. */
export class PastEpisodes {
  readonly #agents: AgentTable;
  readonly #rules: RuleSet;
  readonly #evaluator: PastEpisodesOptions["evaluator"];
  readonly #hooks: PastEpisodesOptions["hooks"];

  constructor({ agents, rules, evaluator, hooks }: PastEpisodesOptions) {
    this.#agents = agents;
    this.#rules = rules;
    this.#evaluator = evaluator;
    this.#hooks = hooks;
  }

  /**
   * Tells of an episode that began before the node started, and of which an agent has an instruction or had one: the
   * rule fires on in it, without another instruction, or knows that it is over. Call it before the agent's first input.
   * @returns True when the episode, or a later one, is the rule's; false when it was passed over, because the
   * rule is not in force in that meaning or not for this agent, or the episode is none. Its cooldown counts all the same.
   */
  reinstate(slot: number, episode: EpisodeKey, how: Reinstatement = {}): boolean {
    const rule = this.#rules.get(episode.rule);
    const { startedAtUs, attempt } = episode;
    const { isOver = false, end } = how;
    const isPlausible =
      Number.isSafeInteger(startedAtUs) && attempt >= (isOver ? 0 : 1) && attempt <= maxAttempts;
    if (rule === undefined || !this.#agents.has(slot) || !isPlausible) return false;
    const isRules = rule.meaningVersion === episode.meaningVersion && rule.sees(slot);
    const emittedUs = rule.emittedStartUs(slot);
    const isKnown =
      emittedUs > startedAtUs || (emittedUs === startedAtUs && rule.attempt(slot) >= attempt);
    if (isRules && !isKnown) {
      const isKnownOver =
        (emittedUs === startedAtUs && !rule.isFiring(slot, startedAtUs)) ||
        rule.pendingSinceUs(slot) > startedAtUs;
      if (isOver || isKnownOver) rule.reinstateOver(slot, startedAtUs, attempt);
      else {
        const atUs = this.#agents.timesUs[slot] as number;
        rule.reinstate(slot, startedAtUs, attempt, episode.timeLine, atUs);
      }
    }
    if (end !== undefined) rule.ended(slot, startedAtUs, attempt, end.endedAtUs, end.succeeded);
    return isRules;
  }

  /**
   * Tells that a rule was pending for the agent before the node started. Call it before the agent's first input, and
   * behind `reinstate`.
   * @returns False when it is not pending now: the rule is not in force in that meaning, or not for this agent, or acted since.
   */
  reinstatePending(slot: number, rule: RuleName, pending: PendingRecord): boolean {
    const runtime = this.#rules.get(rule);
    if (runtime?.meaningVersion !== pending.meaningVersion || !this.#agents.has(slot)) return false;
    const isPending = runtime.reinstatePending(slot, pending, this.#agents.timesUs[slot] as number);
    if (isPending && runtime.timers !== undefined) this.#evaluator.setWake(slot);
    return isPending;
  }

  /** The rule is not pending any more since that instant: what was reinstated may have acted. */
  endPending(slot: number, rule: RuleName, sinceUs: number): void {
    const runtime = this.#rules.get(rule);
    if (runtime?.pendingSinceUs(slot) === sinceUs)
      runtime.makeInactive(slot, this.#agents.timesUs[slot] as number);
  }

  /** Takes an episode back that was reinstated, and of which no instruction came to the agent: the rule is inactive. */
  withdraw(rule: RuleName, slot: number, startedAtUs: number): void {
    const runtime = this.#rules.get(rule);
    if (runtime?.isFiring(slot, startedAtUs) !== true) return;
    const atUs = this.#agents.timesUs[slot] as number;
    runtime.withdraw(slot, atUs);
    this.#hooks.onEpisodeEnd?.(rule, slot, atUs, startedAtUs);
  }
}
