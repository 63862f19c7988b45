import { rulesAfter, type TestRuleChanges } from "@myelin/core/rule-tests";
import type { RulePlan } from "@myelin/core/rules";
import type { RuleVersion } from "../engine/index.ts";

/** The rules that are in force in the course of a test, with their versions counted as a node counts them. */
export class RuleVersions {
  readonly #latest: Map<string, RuleVersion> = new Map();
  /** Every version that was in force, from when on. */
  readonly #all: { readonly atUs: number; readonly plan: RulePlan }[] = [];
  #plans: readonly RulePlan[] = [];

  constructor(rules: readonly RulePlan[]) {
    this.#putInForce(rules, 0);
  }

  get inForce(): readonly RuleVersion[] {
    return this.#plans.flatMap(({ name }) => this.#latest.get(name) ?? []);
  }

  /** What changes at an instant, microseconds from the test's beginning. */
  change(change: TestRuleChanges): void {
    this.#putInForce(rulesAfter(this.#plans, change).rules, change.atUs);
  }

  /** A rule as it was in force at an instant; as it first was where that is later. */
  planAt(rule: string, atUs: number): RulePlan | undefined {
    const own = this.#all.filter(({ plan }) => plan.name === rule);
    return (own.findLast((version) => version.atUs <= atUs) ?? own[0])?.plan;
  }

  #putInForce(plans: readonly RulePlan[], atUs: number): void {
    this.#plans = plans;
    for (const plan of plans) {
      const before = this.#latest.get(plan.name);
      if (before?.plan === plan) continue;
      const version = (before?.version ?? 0) + 1;
      const keepsMeaning = before?.plan.meaning === plan.meaning;
      const meaningVersion = keepsMeaning ? before.meaningVersion : version;
      this.#latest.set(plan.name, { plan, version, meaningVersion });
      this.#all.push({ atUs, plan });
    }
  }
}
