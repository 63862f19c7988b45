import { isJsonObject } from "../json/index.ts";
import { limits } from "./limits.ts";
import type { RulePlan, RuleSource } from "./plan.ts";
import { planRule, type PlanOptions } from "./plan-rule.ts";
import type { RuleProblem } from "./problem.ts";
import { shadowedRules, warningOfShadow } from "./shadowed-rules.ts";

/** The rules of a file, and warnings about them, each at the beginning of its rule. */
export interface PlainRules {
  readonly rules: readonly RulePlan[];
  readonly problems: readonly RuleProblem[];
}

/**
 * Reads a rule file that a program wrote: JSON just as `JSON.stringify` writes it, and nothing wrong with it. YAML's
 * reader takes JSON too, and 40 times as long. What is not like this, a field given twice for one, is left to it.
 * @returns Undefined when the file is to be read as YAML.
 */
export function* readPlainJson(
  text: string,
  options: PlanOptions,
): Generator<void, PlainRules | undefined> {
  if (!text.startsWith("{") || text.length > limits.fileLength) return undefined;
  const rules = rulesOf(text);
  if (rules === undefined || rules.length > limits.rulesPerFile) return undefined;
  const plans: RulePlan[] = [];
  const names = new Set<string>();
  const warnings: { readonly index: number; readonly problem: RuleProblem }[] = [];
  for (const [index, fields] of rules.entries()) {
    // The planner checks each field: what is none of a rule's source is refused there.
    const { plan, problems } = planRule(fields as RuleSource, options);
    if (plan === undefined || names.has(plan.name)) return undefined;
    for (const problem of problems) warnings.push({ index, problem });
    names.add(plan.name);
    plans.push(plan);
    yield;
  }
  for (const shadowed of yield* shadowedRules(plans))
    warnings.push({ index: plans.indexOf(shadowed.plan), problem: warningOfShadow(shadowed) });
  return { rules: plans, problems: placed(warnings, text, rules) };
}

/** The warnings with their places: a program has no lines, so that the beginning of the rule says as much as there is. */
function placed(
  warnings: readonly { readonly index: number; readonly problem: RuleProblem }[],
  text: string,
  rules: readonly unknown[],
): readonly RuleProblem[] {
  if (warnings.length === 0) return [];
  const columns: number[] = [];
  let column = text.indexOf("[") + 2;
  for (const fields of rules) {
    columns.push(column);
    column += JSON.stringify(fields).length + 1;
  }
  return warnings.map(({ index, problem }) => {
    const { length: _, ...rest } = problem;
    return { ...rest, line: 1, column: columns[index] ?? 1 };
  });
}

/** The list of rules, if there is nothing else and all is written as JavaScript writes it. */
function rulesOf(text: string): readonly unknown[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(document) || JSON.stringify(document) !== text.trimEnd()) return undefined;
  const { rules, ...others } = document;
  return Array.isArray(rules) && Object.keys(others).length === 0 ? rules : undefined;
}
