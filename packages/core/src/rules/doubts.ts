/** Warnings about rules that are legal, and surely not what was meant. */
import { formatDuration } from "../clock/index.ts";
import { type Expression, partsOfExpression } from "./expression.ts";
import type { FieldReader } from "./fields.ts";
import type { RulePlan } from "./plan.ts";
import { alternativesOf, isImplied, neverHolds } from "./ranges.ts";
import { expressionsOf } from "./template.ts";

/** How often a metric comes, microseconds; undefined where that is not known. */
export type SamplingInterval = (metric: string) => number | undefined;

/** Warns of what is doubtful about one rule by itself. */
export function warnOfRule(
  plan: RulePlan,
  reader: FieldReader,
  intervalUsOf: SamplingInterval | undefined,
): void {
  const { condition, resolve, inputs } = plan;
  const alternatives = alternativesOf(condition);
  if (neverHolds(alternatives))
    reader.warn("expr", "expr can never hold", "look at its comparisons: no value passes them all");
  const endings = resolve === undefined ? undefined : alternativesOf(resolve);
  if (endings !== undefined && (neverHolds(endings) || isImplied(endings, alternatives)))
    reader.warn(
      "resolve",
      "resolve can never end an episode: it is looked at only where expr is not true",
      "let it hold where expr does not, as in expr: x > 0.9 and resolve: x < 0.7",
    );
  const conditions = resolve === undefined ? [condition] : [condition, resolve];
  if (conditions.some(hasIdleAge))
    reader.warn(
      "expr",
      "age is compared with no literal, so nothing evaluates the rule as time passes",
      "write age(m) > 5 by itself, joined to the rest by && or ||",
    );
  const readsEvent = expressionsOf(plan.args).some((text) => contains(text, "event"));
  if (readsEvent && !plan.isEventRule)
    reader.warn(
      "args",
      "args read the event, and expr names none: they yield unknown",
      "name the event in expr, as in event.type == …",
    );
  for (const { metric, widthUs } of inputs.windows) {
    const intervalUs = intervalUsOf?.(metric);
    if (intervalUs === undefined || widthUs >= shortWindow * intervalUs) continue;
    const aboutUs = Number(intervalUs.toPrecision(2));
    const held = widthUs > aboutUs ? "two samples at the most" : "one sample or none";
    reader.warn(
      "expr",
      `a window of ${formatDuration(widthUs)} over ${metric}, which comes about every ${formatDuration(aboutUs)}, holds ${held}`,
      `write ${formatDuration(4 * aboutUs)} or more`,
    );
  }
}

/** A window shorter than so many intervals is warned of: less than two, for intervals are observed and never quite even. */
const shortWindow = 1.9;

function contains(expression: Expression, op: Expression["op"]): boolean {
  return expression.op === op || partsOfExpression(expression).some((part) => contains(part, op));
}

const comparisons: readonly string[] = [
  "equal",
  "notEqual",
  "less",
  "lessOrEqual",
  "greater",
  "greaterOrEqual",
];

/** Whether there is an `age` that has no timer: one that stands beside no literal. */
function hasIdleAge(expression: Expression): boolean {
  if (expression.op === "age") return true;
  const isTimed =
    expression.op === "call" &&
    comparisons.includes(expression.function) &&
    expression.args.some(({ op }) => op === "age") &&
    expression.args.some(({ op }) => op === "literal");
  return !isTimed && partsOfExpression(expression).some(hasIdleAge);
}
