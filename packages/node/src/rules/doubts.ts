import type { RuleName } from "@myelin/core/ids";
import type { RulePlan, RuleProblem } from "@myelin/core/rules";

/** What the node knows that a rule may refer to. */
export interface Known {
  hasRule(name: RuleName): boolean;
  /** True for a metric that an agent has reported, or the node observes itself. */
  knowsMetric(name: string): boolean;
}

/** Warnings about rules that are right in themselves and refer to what the node does not know; a misspelt name, perhaps. Each step is one rule. */
export function* doubtsAbout(
  plans: readonly RulePlan[],
  text: string,
  known: Known,
): Generator<void, RuleProblem[]> {
  const doubts: RuleProblem[] = [];
  for (const plan of plans) {
    const warn = (field: string, word: string, message: string, hint: string): RuleProblem => ({
      severity: "warning",
      rule: plan.name,
      field,
      ...placeOf(text, plan.name, word),
      length: word.length,
      message,
      hint,
    });
    const { unless } = plan;
    const strangers = plan.inputs.metrics.filter((name) => !known.knowsMetric(name));
    const found = [
      ...(unless === undefined || known.hasRule(unless)
        ? []
        : [warn("unless", unless, `there is no rule ${unless}`, "it counts as never firing")]),
      ...strangers.map((name) =>
        warn(
          "expr",
          name,
          `no agent has reported the metric ${name} yet`,
          "it is unknown until one does",
        ),
      ),
    ];
    doubts.push(...found);
    if (found.length > 0) yield;
  }
  return doubts;
}

/** Where a word first stands behind the name of its rule, as a reader would look for it. */
function placeOf(text: string, rule: string, word: string): { line: number; column: number } {
  const from = Math.max(0, wordIndex(text, rule, 0));
  const before = text.slice(0, Math.max(from, wordIndex(text, word, from))).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Index of a word that is no part of a longer one, from `start` on; -1 when there is none. */
function wordIndex(text: string, word: string, start: number): number {
  const isPart = (character: string | undefined): boolean =>
    character !== undefined && /[\w.-]/.test(character);
  let at = text.indexOf(word, start);
  while (at >= 0 && (isPart(text[at - 1]) || isPart(text[at + word.length])))
    at = text.indexOf(word, at + 1);
  return at;
}
