import { didYouMean, type RulePlan, type RuleProblem } from "../rules/index.ts";
import { rulesAfter } from "./rule-changes.ts";
import type { FilePlace, RuleTest } from "./rule-tests.ts";

/** What is wrong with the names of rules and agents in tests, and with changes of rules, told the rules that there are. */
export function checkTests(
  tests: readonly RuleTest[],
  rules: readonly RulePlan[],
): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  for (const test of tests) {
    const ruleNames = rules.map(({ name }): string => name);
    let present = rules;
    for (const change of test.ruleChanges) {
      const after = rulesAfter(present, change);
      present = after.rules;
      problems.push(...after.problems);
      ruleNames.push(...change.rules.map(({ rule }) => rule));
    }
    const agents = test.agents.map(({ attributes }) => attributes.id);
    const check = (
      what: string,
      name: string | undefined,
      known: readonly string[],
      { line, column, length }: FilePlace,
    ): void => {
      if (name === undefined || known.includes(name)) return;
      const message = `there is no ${what} ${name}`;
      const hint = didYouMean(name, known) ?? `there are ${known.slice(0, 20).join(", ")}`;
      problems.push({ severity: "error", line, column, length, message, hint });
    };
    const checkBoth = (
      item: FilePlace & { readonly rule?: string | undefined; readonly agent: string | undefined },
    ): void => {
      check("rule", item.rule, ruleNames, item);
      check("agent", item.agent, agents, item);
    };
    for (const item of [...test.events, ...test.changes, ...test.outcomes]) checkBoth(item);
    for (const expectation of test.expectations) {
      checkBoth(expectation);
      for (const { agent, line, column, length } of expectation.states)
        check("agent", agent, agents, { line, column, length });
      for (const item of expectation.instructions ?? []) checkBoth(item);
    }
  }
  return problems;
}
