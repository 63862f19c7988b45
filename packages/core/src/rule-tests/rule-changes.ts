import type { JsonObject } from "../json/index.ts";
import {
  didYouMean,
  planRule,
  type RulePlan,
  type RuleProblem,
  type RuleSource,
} from "../rules/index.ts";
import type { TestRuleChange, TestRuleChanges } from "./rule-tests.ts";

/** The rules from a change on, as far as they are right; and what is wrong with it. */
export interface ChangedRules {
  readonly rules: readonly RulePlan[];
  readonly problems: readonly RuleProblem[];
}

/** What a change makes of the rules that are in force before it. Those of which nothing changes are the same objects. */
export function rulesAfter(before: readonly RulePlan[], change: TestRuleChanges): ChangedRules {
  const rules = new Map(before.map((plan) => [String(plan.name), plan]));
  const problems: RuleProblem[] = [];
  for (const one of change.rules) {
    const present = rules.get(one.rule);
    if (present === undefined && (one.fields === undefined || !isWhole(one.fields))) {
      problems.push(unknownRule(one, [...rules.keys()]));
      continue;
    }
    if (one.fields === undefined) {
      rules.delete(one.rule);
      continue;
    }
    const { plan, problems: found } = planRule(merged(one, present?.source));
    for (const problem of found)
      if (problem.severity === "error") problems.push({ ...problem, ...placeOf(one, problem) });
    if (plan !== undefined) rules.set(one.rule, plan);
  }
  return { rules: [...rules.values()], problems };
}

/** Whether there is enough for a rule that was not there before. */
function isWhole(fields: JsonObject): boolean {
  return fields["expr"] !== undefined && fields["action"] !== undefined;
}

function merged({ rule, fields }: TestRuleChange, source: RuleSource | undefined): RuleSource {
  const entries = Object.entries({ name: rule, ...source, ...fields });
  // The planner checks each field: what is none of a rule's source is refused there.
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as unknown as RuleSource;
}

function unknownRule(
  { rule, line, column, length }: TestRuleChange,
  known: readonly string[],
): RuleProblem {
  const hint = didYouMean(rule, known) ?? "a rule that is new then has expr and action";
  const message = `there is no rule ${rule} at that time`;
  return { severity: "error", line, column, length, message, hint };
}

function placeOf(
  change: TestRuleChange,
  { field = "" }: RuleProblem,
): Pick<RuleProblem, "line" | "column" | "length"> {
  const { line, column, length } = change.places.get(field.split(".")[0] ?? "") ?? change;
  return { line, column, length };
}
