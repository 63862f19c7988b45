import assert from "node:assert/strict";
import type { JsonObject } from "../json/index.ts";
import {
  type AgentAttributes,
  type Column,
  type EvaluationContext,
  type LinkedRule,
  linkRule,
  planRule,
  type RulePlan,
  type RuleProblem,
  type RuleSource,
  type Tri,
} from "./index.ts";

/** What one agent of a test has reported. */
export interface Reported {
  readonly metrics?: Readonly<Record<string, number>>;
  readonly attributes?: Partial<AgentAttributes>;
  readonly twin?: JsonObject;
  readonly nowUs?: number;
  readonly joinedAtUs?: number;
}

/** An engine's state with a single agent, at slot 1. */
export function contextOf(reported: Reported = {}): EvaluationContext {
  const columns = new Map<string, Column>();
  const attributes: AgentAttributes = {
    id: "w1",
    type: "worker",
    tier: "edge",
    labels: { zone: "a" },
    capabilities: ["vision", "audio"],
    ...reported.attributes,
  };
  return {
    nowUs: reported.nowUs ?? 0,
    column(metric) {
      const value = Object.hasOwn(reported.metrics ?? {}, metric)
        ? reported.metrics?.[metric]
        : undefined;
      const column = columns.get(metric) ?? {
        values: new Float64Array([Number.NaN, value ?? Number.NaN]),
      };
      columns.set(metric, column);
      return column;
    },
    attributes: () => attributes,
    joinedAtUs: () => reported.joinedAtUs ?? 0,
    twin: () => reported.twin ?? {},
  };
}

/** The plan of a rule with some fields; it must have no errors. */
export function planOf(fields: Partial<RuleSource>): RulePlan {
  const { plan, problems } = planRule({ name: "test", action: "restart", expr: "true", ...fields });
  assert.deepEqual(errorsOf(problems), []);
  assert.ok(plan);
  return plan;
}

function errorsOf(problems: readonly RuleProblem[]): readonly RuleProblem[] {
  return problems.filter(({ severity }) => severity === "error");
}

export function linked(fields: Partial<RuleSource>, reported?: Reported): LinkedRule {
  // Through JSON and back: a plan must survive storage.
  const plan: RulePlan = JSON.parse(JSON.stringify(planOf(fields)));
  return linkRule(plan, contextOf(reported));
}

/** What an expression gives for the agent. */
export function evaluate(expr: string, reported?: Reported): Tri {
  return linked({ expr }, reported).condition(1);
}

/** What `${expression}` becomes. */
export function textOf(expression: string, reported?: Reported): unknown {
  return linked({ args: { text: `\${${expression}}` } }, reported).args(1)["text"];
}

export function problemsOf(
  fields: Partial<RuleSource> & Record<string, unknown>,
): readonly RuleProblem[] {
  const { plan, problems } = planRule({ name: "test", action: "restart", expr: "true", ...fields });
  assert.equal(plan, undefined);
  return problems;
}

/** The one problem of an expression, as `line:column message: hint`. */
export function problemOf(expr: string): string {
  const [problem, ...others] = problemsOf({ expr });
  assert.ok(problem);
  assert.deepEqual(others, []);
  const hint = problem.hint === undefined ? "" : `: ${problem.hint}`;
  return `${problem.line}:${problem.column} ${problem.message}${hint}`;
}
