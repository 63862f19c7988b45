/**
 * What can be told of conditions without running them: the ranges in which they leave what they compare with numbers.
 * It understands comparisons with literals, joined by `&&` and `||`; of all else it says nothing.
 */
import type { Expression, FunctionName } from "./expression.ts";

/** From `low` to `high`; an end that is open does not belong to it. */
interface Range {
  readonly low: number;
  readonly isLowOpen: boolean;
  readonly high: number;
  readonly isHighOpen: boolean;
}

/** The ranges of one alternative, by what is compared; `isWhole` when nothing else is asked for. */
interface Alternative {
  readonly ranges: ReadonlyMap<string, Range>;
  readonly isWhole: boolean;
}

const everything: Range = {
  low: Number.NEGATIVE_INFINITY,
  isLowOpen: false,
  high: Number.POSITIVE_INFINITY,
  isHighOpen: false,
};
const mirrored: Readonly<Partial<Record<FunctionName, FunctionName>>> = {
  less: "greater",
  lessOrEqual: "greaterOrEqual",
  greater: "less",
  greaterOrEqual: "lessOrEqual",
  equal: "equal",
};
const mostAlternatives = 16;
/** Begins the text of a metric; that of anything else is JSON. */
const metricMark = "metric ";

/** Alternatives of which one holds where a condition does. */
export type Alternatives = readonly Alternative[];

/** True when a condition can hold in no state. */
export function neverHolds(condition: Alternatives): boolean {
  return condition.length > 0 && condition.every(isImpossible);
}

/** True when the second condition holds wherever the first does. */
export function isImplied(first: Alternatives, second: Alternatives): boolean {
  return first.every((narrow) =>
    second.some(
      ({ ranges, isWhole }) =>
        isWhole &&
        [...ranges].every(([operand, range]) => {
          const inner = narrow.ranges.get(operand);
          return inner !== undefined && isWithin(inner, range);
        }),
    ),
  );
}

/** What can be told of a condition. */
export function alternativesOf(condition: Expression): Alternatives {
  const isOr = condition.op === "call" && condition.function === "or";
  const parts = isOr ? condition.args : [condition];
  return parts.length > mostAlternatives ? [unknown] : parts.map(alternativeOf);
}

/** Between which values a metric must be for a condition to hold, both included; nothing is said where it may be any, or unknown. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** The bounds within which metrics must be for a condition to hold, by metric: outside of them it is false or unknown. */
export function boundsToHold(condition: Expression): ReadonlyMap<string, Bounds> {
  const [first, ...others] = alternativesOf(condition);
  const bounds = new Map<string, Bounds>();
  for (const [operand, { low, high }] of first?.ranges ?? []) {
    const ranges = others.map((other) => other.ranges.get(operand));
    if (!operand.startsWith(metricMark) || ranges.includes(undefined)) continue;
    bounds.set(operand.slice(metricMark.length), {
      low: Math.min(low, ...ranges.map((range) => range?.low ?? low)),
      high: Math.max(high, ...ranges.map((range) => range?.high ?? high)),
    });
  }
  return bounds;
}

const unknown: Alternative = { ranges: new Map(), isWhole: false };

function alternativeOf(condition: Expression): Alternative {
  const isAnd = condition.op === "call" && condition.function === "and";
  const ranges = new Map<string, Range>();
  let isWhole = true;
  for (const part of isAnd ? condition.args : [condition]) {
    const found = comparisonOf(part);
    if (found === undefined) isWhole = false;
    else ranges.set(found.operand, meet(ranges.get(found.operand) ?? everything, found.range));
  }
  return { ranges, isWhole };
}

function isImpossible({ ranges }: Alternative): boolean {
  return [...ranges.values()].some(
    ({ low, isLowOpen, high, isHighOpen }) =>
      low > high || (low === high && (isLowOpen || isHighOpen)),
  );
}

/** What is compared with a number, and the range in which that holds. */
function comparisonOf(part: Expression): { operand: string; range: Range } | undefined {
  if (part.op !== "call" || part.args.length !== 2) return undefined;
  const [left, right] = part.args;
  const [leftNumber, rightNumber] = [numberOf(left), numberOf(right)];
  const isMirrored = leftNumber !== undefined;
  const relation = isMirrored ? mirrored[part.function] : part.function;
  const [operand, bound] = isMirrored ? [right, leftNumber] : [left, rightNumber];
  if (operand === undefined || bound === undefined || numberOf(operand) !== undefined)
    return undefined;
  const range = relation === undefined ? undefined : rangeOf(relation, bound);
  return range && { operand: textOf(operand), range };
}

/** What stands for an operand: the same text for the same operand. */
function textOf(operand: Expression): string {
  return operand.op === "metric" ? metricMark + operand.metric : JSON.stringify(operand);
}

function rangeOf(relation: FunctionName, bound: number): Range | undefined {
  switch (relation) {
    case "less":
      return { ...everything, high: bound, isHighOpen: true };
    case "lessOrEqual":
      return { ...everything, high: bound };
    case "greater":
      return { ...everything, low: bound, isLowOpen: true };
    case "greaterOrEqual":
      return { ...everything, low: bound };
    case "equal":
      return { ...everything, low: bound, high: bound };
    default:
      return undefined;
  }
}

function numberOf(expression: Expression | undefined): number | undefined {
  if (expression?.op === "call" && expression.function === "negate") {
    const positive = numberOf(expression.args[0]);
    return positive === undefined ? undefined : -positive;
  }
  if (expression?.op !== "literal") return undefined;
  const isNumber = expression.type === "double" || expression.type === "int";
  return isNumber ? Number(expression.value) : undefined;
}

function meet(a: Range, b: Range): Range {
  const [below, above] = [a.low > b.low ? a : b, a.high < b.high ? a : b];
  return {
    low: below.low,
    isLowOpen: a.low === b.low ? a.isLowOpen || b.isLowOpen : below.isLowOpen,
    high: above.high,
    isHighOpen: a.high === b.high ? a.isHighOpen || b.isHighOpen : above.isHighOpen,
  };
}

function isWithin(inner: Range, outer: Range): boolean {
  const fitsBelow =
    inner.low > outer.low || (inner.low === outer.low && (inner.isLowOpen || !outer.isLowOpen));
  const fitsAbove =
    inner.high < outer.high ||
    (inner.high === outer.high && (inner.isHighOpen || !outer.isHighOpen));
  return fitsBelow && fitsAbove;
}
