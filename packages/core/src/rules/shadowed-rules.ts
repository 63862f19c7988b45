/**
 * Rules that another one of their file makes needless: the same rule under another name, and one that only repeats
 * what the other causes. Nothing is said where that is not sure.
 *
 * Invariants
 * 1. Whenever the repeating rule fires on an agent, the other fires in the same evaluation, or is firing already, and
 *    gave the same instruction:
 *    a. both are evaluated at the same instants, for what changes evaluates both, and they have no timers;
 *    b. the other's condition is true where that of the repeating rule is, and not false where that is unknown;
 *    c. so the other has been pending no shorter, or is firing, and its episode goes on meanwhile;
 *    d. nothing else keeps the other from firing: a cooldown, a limit, a `where` or an `unless` of its own.
 * 2. The repeating rule is not meant to act again when the other does not: it has one attempt, and no episodes that end
 *    sooner by `resolve` or `keep_firing_for`.
 */
import type { RulePlan } from "./plan.ts";
import type { RuleProblem } from "./problem.ts";
import { type Alternatives, alternativesOf, isImplied, neverHolds } from "./ranges.ts";
import { expressionsOf } from "./template.ts";

/** A rule that another one makes needless. */
export interface ShadowedRule {
  readonly plan: RulePlan;
  readonly by: RulePlan;
  /** Whether only their names and descriptions differ. */
  readonly isSame: boolean;
}

/** Most rules with the same instruction that are compared with each other. */
const mostCompared = 100;

/** A rule with what is compared of it. */
interface Compared {
  readonly plan: RulePlan;
  readonly where: string;
  readonly resolve: string;
  readonly condition: string;
  readonly alternatives: Alternatives;
  /** What evaluates the rule. */
  readonly triggers: string;
  /** Whether its instruction says the same whenever it is caused. */
  readonly isConstant: boolean;
}

/** The rules of a list that others of it make needless, a rule at each step. */
export function* shadowedRules(plans: readonly RulePlan[]): Generator<void, ShadowedRule[]> {
  const byInstruction = Map.groupBy(
    plans.filter(({ mode }) => mode !== "off"),
    ({ action, args, mode, priority, slaUs, deadlineUs, timeoutUs }) =>
      JSON.stringify([action, args, mode, priority, slaUs, deadlineUs, timeoutUs]),
  );
  const found: ShadowedRule[] = [];
  for (const group of byInstruction.values()) {
    if (group.length === 1) continue;
    const compared: Compared[] = [];
    for (const plan of group.slice(0, mostCompared)) {
      compared.push(comparedOf(plan));
      yield;
    }
    for (const [index, one] of compared.entries()) {
      const shadow = shadowOf(one, index, compared);
      if (shadow !== undefined) found.push(shadow);
      yield;
    }
  }
  return found;
}

/** The warning about a rule that another one makes needless; its place is for who knows the file. */
export function warningOfShadow({ plan, by, isSame }: ShadowedRule): RuleProblem {
  return {
    severity: "warning",
    rule: plan.name,
    field: "name",
    line: 1,
    column: 1,
    message: isSame
      ? `rule ${by.name} is the same but for its name`
      : `whenever this rule fires, rule ${by.name} fires or is firing already, with the same instruction`,
    hint: isSame
      ? "leave one of them out"
      : "leave one of them out, or let their instructions differ",
  };
}

/** What makes a rule needless, if anything does; of two that make each other needless the later is. */
function shadowOf(
  one: Compared,
  index: number,
  compared: readonly Compared[],
): ShadowedRule | undefined {
  for (const [place, other] of compared.entries()) {
    if (place === index) continue;
    const isSame = isSameRule(one.plan, other.plan);
    if (isSame && place > index) continue;
    if (!isSame && !repeats(one, other)) continue;
    if (!isSame && place > index && repeats(other, one)) continue;
    return { plan: one.plan, by: other.plan, isSame };
  }
  return undefined;
}

function comparedOf(plan: RulePlan): Compared {
  const { where, resolve, condition, args } = plan;
  const { metrics, twinPaths, readsAttributes, countedEvents } = plan.inputs;
  return {
    plan,
    where: where === undefined ? "" : JSON.stringify(where),
    resolve: resolve === undefined ? "" : JSON.stringify(resolve),
    condition: JSON.stringify(condition),
    alternatives: alternativesOf(condition),
    triggers: JSON.stringify([metrics, twinPaths, readsAttributes, countedEvents]),
    isConstant: expressionsOf(args).length === 0,
  };
}

/** Whether two rules with the same instruction differ in name and description only. */
function isSameRule(one: RulePlan, other: RulePlan): boolean {
  return (
    one.meaning === other.meaning &&
    one.unless === other.unless &&
    one.cooldownUs === other.cooldownUs &&
    one.attempts === other.attempts &&
    one.limit?.count === other.limit?.count &&
    one.limit?.perUs === other.limit?.perUs
  );
}

/** Whether one of two rules with the same instruction only repeats what the other causes. */
function repeats(one: Compared, other: Compared): boolean {
  return (
    isFree(other.plan) &&
    isPlain(one) &&
    one.triggers === other.triggers &&
    (other.where === "" || other.where === one.where) &&
    (other.plan.unless === undefined || other.plan.unless === one.plan.unless) &&
    (other.resolve === "" || other.resolve === one.resolve) &&
    other.plan.keepFiringForUs <= one.plan.keepFiringForUs &&
    other.plan.forUs <= one.plan.forUs &&
    lastsOverUnknown(one, other) &&
    (one.condition === other.condition || isImplied(one.alternatives, other.alternatives)) &&
    !neverHolds(one.alternatives)
  );
}

/** Whether a rule fires as soon as its condition has held for long enough. */
function isFree({ cooldownUs, limit, isEventRule, inputs }: RulePlan): boolean {
  return cooldownUs === 0 && limit === undefined && !isEventRule && inputs.timers.length === 0;
}

/** Whether a rule causes one instruction an episode, the same one each time, and nothing but inputs evaluates it. */
function isPlain({ plan, isConstant }: Compared): boolean {
  return isConstant && plan.attempts === 1 && !plan.isEventRule && plan.inputs.timers.length === 0;
}

/** Whether the other is pending or firing still when one has been pending over something unknown. */
function lastsOverUnknown(one: Compared, { plan, resolve }: Compared): boolean {
  if (one.plan.missing === "reset" || plan.forUs === 0) return true;
  return plan.missing === "hold" && resolve === "";
}
