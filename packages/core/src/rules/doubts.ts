/** Warnings about rules that are legal, and surely not what was meant. */
import { formatDuration } from "../clock/index.ts";
import { type Expression, partsOfExpression } from "./expression.ts";
import type { FieldReader } from "./fields.ts";
import type { RulePlan } from "./plan.ts";
import type { RuleProblem } from "./problem.ts";
import { type Alternatives, alternativesOf, isImplied, neverHolds } from "./ranges.ts";
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

/** Most rules with the same instruction that are compared with each other. */
const mostCompared = 100;

/** A rule with what is compared of it. */
interface Compared {
  readonly plan: RulePlan;
  readonly where: string;
  readonly condition: Alternatives;
}

/** The rules that another one of the list makes needless, each with that other: it gives the same instruction wherever they do. */
export function shadowedRules(
  plans: readonly RulePlan[],
): readonly { readonly plan: RulePlan; readonly by: RulePlan }[] {
  const byInstruction = Map.groupBy(
    plans.filter(({ mode, isEventRule }) => mode !== "off" && !isEventRule),
    ({ action, args, mode }) => JSON.stringify([action, args, mode]),
  );
  return [...byInstruction.values()].flatMap((group) => {
    if (group.length === 1) return [];
    const compared = group.slice(0, mostCompared).map((plan): Compared => {
      const { where, condition } = plan;
      const text = where === undefined ? "" : JSON.stringify(where);
      return { plan, where: text, condition: alternativesOf(condition) };
    });
    return compared.flatMap((one, index) => {
      // Of two that mean the same the later is needless.
      const by = compared.find(
        (other, place) => isShadowedBy(one, other) && !(place > index && isShadowedBy(other, one)),
      );
      return by === undefined ? [] : [{ plan: one.plan, by: by.plan }];
    });
  });
}

/** The warning about a rule that another one makes needless; its place is for who knows the file. */
export function warningOfShadow(plan: RulePlan, by: RulePlan): RuleProblem {
  return {
    severity: "warning",
    rule: plan.name,
    field: "name",
    line: 1,
    column: 1,
    message: `rule ${by.name} gives the same instruction wherever this one does`,
    hint: "leave one of them out, or let their instructions differ",
  };
}

function isShadowedBy(one: Compared, other: Compared): boolean {
  return (
    one !== other &&
    (other.where === "" || other.where === one.where) &&
    other.plan.unless === undefined &&
    other.plan.forUs <= one.plan.forUs &&
    isImplied(one.condition, other.condition) &&
    !neverHolds(one.condition)
  );
}
