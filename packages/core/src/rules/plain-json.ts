import { shadowedRules } from "./doubts.ts";
import { isJsonObject } from "../json/index.ts";
import { limits } from "./limits.ts";
import type { RulePlan } from "./plan.ts";
import { planRule, type PlanOptions } from "./plan-rule.ts";
import type { RuleSource } from "./plan.ts";

/**
 * Reads a rule file that a program wrote: JSON just as `JSON.stringify` writes it, and nothing wrong with it. YAML's
 * reader takes JSON too, and 40 times as long. What is not like this, a field given twice for one, is left to it.
 * @returns Undefined when the file is to be read as YAML.
 */
export function* readPlainJson(
  text: string,
  options: PlanOptions,
): Generator<void, readonly RulePlan[] | undefined> {
  if (!text.startsWith("{") || text.length > limits.fileLength) return undefined;
  const rules = rulesOf(text);
  if (rules === undefined || rules.length > limits.rulesPerFile) return undefined;
  const plans: RulePlan[] = [];
  const names = new Set<string>();
  for (const fields of rules) {
    // The planner checks each field: what is none of a rule's source is refused there.
    const { plan, problems } = planRule(fields as RuleSource, options);
    if (plan === undefined || problems.length > 0 || names.has(plan.name)) return undefined;
    names.add(plan.name);
    plans.push(plan);
    yield;
  }
  return shadowedRules(plans).length === 0 ? plans : undefined;
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
