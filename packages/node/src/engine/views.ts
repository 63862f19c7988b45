import type { MetricName, RuleName } from "@myelin/core/ids";
import type { AgentTable } from "./agent-table.ts";
import type { MetricColumns } from "./metric-columns.ts";
import { FIRING, INACTIVE, PENDING, type RuleRuntime } from "./rule-runtime.ts";

/** A rule over all agents that have a slot. */
export interface RuleStatus {
  readonly version: number;
  readonly meaningVersion: number;
  /** Agents that `where` matches. */
  readonly matching: number;
  readonly pending: number;
  readonly firing: number;
  /** Agents for which firing again has to wait. */
  readonly coolingDown: number;
  readonly isBreakerOpen: boolean;
  /** Instructions decided since the rule came into force, and those of them its breaker stopped. */
  readonly firings: number;
  readonly suppressedFirings: number;
}

/** A rule's state for one agent. */
export interface AgentRuleState {
  readonly rule: RuleName;
  /** False when `where` does not match, or the rule is off. */
  readonly isMatching: boolean;
  readonly state: "inactive" | "pending" | "firing";
  /** Start of the episode, event time in microseconds; while pending or firing. */
  readonly sinceUs?: number;
  /** Number of the episode's latest instruction; while firing. */
  readonly attempt?: number;
  /** Event time until which firing again waits, microseconds; Infinity while the instruction has not ended. */
  readonly cooldownUntilUs?: number;
}

/** The latest sample of a metric of an agent. */
export interface LatestSample {
  readonly metric: MetricName;
  /** NaN: unknown. */
  readonly value: number;
  /** Event time, microseconds. */
  readonly timeUs: number;
}

export function statusOf(rule: RuleRuntime, agents: AgentTable): RuleStatus {
  let matching = 0;
  let pending = 0;
  let coolingDown = 0;
  for (let slot = 0; slot < agents.used; slot += 1) {
    if (!agents.has(slot)) continue;
    if (rule.sees(slot)) matching += 1;
    if (rule.states[slot] === PENDING) pending += 1;
    if (rule.cooldownUntilUs(slot) > (agents.timesUs[slot] as number)) coolingDown += 1;
  }
  return {
    version: rule.version,
    meaningVersion: rule.meaningVersion,
    matching,
    pending,
    firing: rule.firingCount,
    coolingDown,
    isBreakerOpen: rule.breaker?.isOpen ?? false,
    firings: rule.firings,
    suppressedFirings: rule.suppressedFirings,
  };
}

export function stateOf(rule: RuleRuntime, slot: number, agents: AgentTable): AgentRuleState {
  const isMatching = rule.sees(slot);
  const state = rule.states[slot] as number;
  const cooldownUntilUs = rule.cooldownUntilUs(slot);
  return {
    rule: rule.name,
    isMatching,
    state: state === FIRING ? "firing" : state === PENDING ? "pending" : "inactive",
    ...(state > INACTIVE ? { sinceUs: rule.sinceUs(slot) } : {}),
    ...(state === FIRING ? { attempt: rule.attempt(slot) } : {}),
    ...(cooldownUntilUs > (agents.timesUs[slot] as number) ? { cooldownUntilUs } : {}),
  };
}

export function latestOf(slot: number, agents: AgentTable, columns: MetricColumns): LatestSample[] {
  return (agents.series[slot] ?? []).flatMap((index) => {
    const column = columns.all[index];
    const timeUs = column?.timesUs[slot];
    const value = column?.values[slot];
    return column === undefined || timeUs === undefined || value === undefined
      ? []
      : [{ metric: column.name, value, timeUs }];
  });
}
