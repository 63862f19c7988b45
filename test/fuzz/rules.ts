/**
 * Campaigns of hostile rules: each is refused with errors that have a place in its text, or has a plan that can be
 * compiled and evaluated, in bounded time and memory. Nothing throws.
 */
import assert from "node:assert/strict";
import {
  compileSelector,
  compileSql,
  type EvaluationContext,
  linkRule,
  parseRuleFile,
  planRule,
  type RulePlan,
  type RuleProblem,
} from "@myelin/core/rules";
import { usedBytes } from "./memory.ts";
import { type RuleText, ruleTextAt } from "./rule-texts.ts";

/** One text may take as long, linking and evaluating it too. */
const mostMs = 1_000;
const textsPerRound = 1_000;

/** A text that broke something. */
export interface RuleFind {
  readonly at: number;
  readonly text: RuleText;
  readonly error: unknown;
}

export interface RuleCampaign {
  readonly find: RuleFind | undefined;
  /** How many were refused, and how many had a plan. */
  readonly refused: number;
  readonly planned: number;
  readonly slowestMs: number;
  /** How much more memory was in use after a round than after the first one. */
  readonly growthBytes: number;
}

/** Tries texts until one breaks something, or all are done. */
export function attackRules(seed: number, iterations: number, from = 0): RuleCampaign {
  let [refused, planned, slowestMs, growthBytes] = [0, 0, 0, 0];
  let firstBytes = Number.POSITIVE_INFINITY;
  for (let at = from; at < from + iterations; at += 1) {
    const text = ruleTextAt(seed, at);
    try {
      const { isPlanned, tookMs } = timed(text);
      slowestMs = Math.max(slowestMs, tookMs);
      if (isPlanned) planned += 1;
      else refused += 1;
      assert.ok(tookMs <= mostMs, `it took ${tookMs.toFixed(0)} ms`);
    } catch (error) {
      return { find: { at, text, error }, refused, planned, slowestMs, growthBytes };
    }
    if ((at + 1) % textsPerRound > 0) continue;
    const nowBytes = usedBytes();
    firstBytes = Math.min(firstBytes, nowBytes);
    growthBytes = Math.max(growthBytes, nowBytes - firstBytes);
  }
  return { find: undefined, refused, planned, slowestMs, growthBytes };
}

/** The least of some times, where the first is long: others may have the processor. */
function timed(text: RuleText): { isPlanned: boolean; tookMs: number } {
  let isPlanned = false;
  let tookMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && tookMs > mostMs; tries += 1) {
    const startedMs = performance.now();
    isPlanned = tryText(text);
    tookMs = Math.min(tookMs, performance.now() - startedMs);
  }
  return { isPlanned, tookMs };
}

/** Checks a text, and runs what came of it; true when it had a plan. @throws AssertionError when it is neither refused nor a plan */
function tryText({ kind, text }: RuleText): boolean {
  const base = { name: "a", action: "stop" };
  switch (kind) {
    case "expr":
      return judge(planRule({ ...base, expr: text }), text);
    case "where": {
      const selector = compileSelector(text);
      if (!selector.ok) assert.ok(selector.problems.length > 0);
      return judge(planRule({ ...base, expr: "true", where: text }), text);
    }
    case "args":
      return judge(planRule({ ...base, expr: "true", args: { a: `\${${text}}` } }), undefined);
    case "file": {
      const { rules, problems } = parseRuleFile(text);
      placed(problems, text);
      const isRefused = problems.some(({ severity }) => severity === "error");
      assert.ok(isRefused || rules.length > 0, "neither a rule nor an error");
      for (const plan of isRefused ? [] : rules) run(plan);
      return !isRefused;
    }
  }
}

function judge(
  { plan, problems }: { plan?: RulePlan; problems: readonly RuleProblem[] },
  text: string | undefined,
): boolean {
  placed(problems, text);
  const isRefused = problems.some(({ severity }) => severity === "error");
  assert.equal(plan === undefined, isRefused, "a plan with an error, or none without one");
  if (plan !== undefined) run(plan);
  return plan !== undefined;
}

/** Every problem has a message, and a place that is in the text. */
function placed(problems: readonly RuleProblem[], text: string | undefined): void {
  const lines = text?.split(/\r\n|\r|\n/);
  for (const { line, column, message } of problems) {
    assert.ok(message.length > 0);
    assert.ok(line >= 1 && column >= 1, `${line}:${column} ${message}`);
    if (lines === undefined) continue;
    assert.ok(line <= lines.length, `line ${line} of ${lines.length}: ${message}`);
    assert.ok(column <= (text ?? "").length + 1, `column ${column}: ${message}`);
  }
}

const attributes = {
  id: `a${"a".repeat(120)}!`,
  type: "worker",
  tier: "edge",
  labels: { zone: "a" },
  capabilities: ["gpu"],
};
const twin = { a: { b: 1 }, list: Array.from({ length: 200 }, (_, index) => index) };
const context: EvaluationContext = {
  nowUs: 1_760_000_000_000_000,
  column: () => ({ values: new Float64Array([1]) }),
  attributes: () => attributes,
  joinedAtUs: () => 0,
  twin: () => twin,
  kept: () => ({ value: () => Number.NaN }),
  event: () => ({ type: "call", attrs: { n: 1 } }),
};

/** A plan survives storage, and what is made of it answers. */
function run(plan: RulePlan): void {
  const stored: RulePlan = JSON.parse(JSON.stringify(plan));
  const linked = linkRule(stored, context);
  for (const tri of [linked.condition(0), linked.where(0), linked.resolve(0)])
    assert.ok([0, 1, 2].includes(tri));
  JSON.stringify(linked.args(0));
  const sql = compileSql(stored);
  assert.ok(sql.ok || sql.refusals.length > 0);
}
