import type { AgentId, EpisodeKey, InstructionId, RuleName } from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import type { RulePlan } from "@myelin/core/rules";

/** A rule's decision that an agent needs an instruction. */
export interface Firing {
  readonly id: InstructionId;
  readonly plan: RulePlan;
  readonly ruleVersion: number;
  readonly episode: EpisodeKey;
  readonly slot: number;
  readonly agent: AgentId;
  /** The action's arguments, filled in from the state at this instant. */
  readonly args: JsonObject;
  /** Event time it fired at, microseconds. */
  readonly sampleTimeUs: number;
  /** How many agents the rule fires on now, this one included. */
  readonly impact: number;
  /** The rule is in shadow mode: to be accounted, not sent. */
  readonly isShadow: boolean;
  /** The rule's breaker is open: to be accounted, not sent. */
  readonly isSuppressed: boolean;
}

/** What the engine tells, synchronously. The engine may be called from within. */
export interface EngineHooks {
  /** A rule fired. Firings of one evaluation come by score, then rule name, when all its rules have been evaluated. */
  onFiring(firing: Firing): void;
  /** An episode, which started at `startedAtUs`, ended. */
  onEpisodeEnd?(rule: RuleName, slot: number, atUs: number, startedAtUs: number): void;
  /**
   * Rules have begun or ceased to be pending for agents: the first since `takePendingChanges`. It comes from within an
   * evaluation: nothing of the engine may be called.
   */
  onPendingChange?(): void;
  /** A rule's breaker opened or closed. */
  onBreaker?(rule: RuleName, isOpen: boolean): void;
  /** A firing was counted against its rule's limit. It comes from within an evaluation: nothing of the engine may be called. */
  onCounted?(rule: RuleName): void;
  /**
   * About how often a metric comes from an agent is known now, or has changed much. It gives false when that was not
   * heard, and is told it again then. Nothing of the engine may be called.
   */
  onSamplingInterval?(metric: string, intervalUs: number): boolean;
}
