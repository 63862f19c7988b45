import type { MomentPart } from "./moments.ts";
import type { Macro } from "./syntax.ts";
import type { ValueType } from "./types.ts";

/** Every function and operator of a checked expression, resolved. */
export type FunctionName =
  | "and"
  | "or"
  | "not"
  | "if"
  | "negate"
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "modulo"
  | "equal"
  | "notEqual"
  | "less"
  | "lessOrEqual"
  | "greater"
  | "greaterOrEqual"
  | "in"
  | "index"
  | "default"
  | "size"
  | "startsWith"
  | "endsWith"
  | "contains"
  | "matches"
  | Conversion
  | MomentPart;

/** A function that bears the name of the type that it gives. */
export type Conversion =
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bool"
  | "bytes"
  | "timestamp"
  | "duration"
  | "type"
  | "dyn";

/** A function over the samples of one metric in a window that ends now. */
export type WindowFunction =
  | "avg_over_time"
  | "min_over_time"
  | "max_over_time"
  | "sum_over_time"
  | "count_over_time"
  | "stddev_over_time"
  | "last_over_time"
  | "quantile_over_time"
  | "rate"
  | "increase"
  | "delta"
  | "deriv"
  | "changes"
  | "resets";

/** What is made of the latest values of agents. */
export type FleetFunction = "avg" | "sum" | "min" | "max" | "count";

/** What an expression reads of an agent's past, or of other agents: a value that the engine keeps. */
export type Reading =
  | {
      readonly op: "window";
      readonly type: "double";
      readonly function: WindowFunction;
      readonly metric: string;
      readonly widthUs: number;
      /** Of `quantile_over_time`, 0 to 1. */
      readonly quantile?: number;
    }
  /** Seconds since the metric's last sample. */
  | { readonly op: "age"; readonly type: "double"; readonly metric: string }
  /** True when the metric has had no sample for as long. */
  | {
      readonly op: "absent";
      readonly type: "bool";
      readonly metric: string;
      readonly afterUs: number;
    }
  /** Events of a type in a window that ends now. */
  | {
      readonly op: "count_events";
      readonly type: "double";
      readonly event: string;
      readonly widthUs: number;
    }
  /** Over all agents, or over those that bear the same value of the label `groupBy`. */
  | {
      readonly op: "fleet";
      readonly type: "double";
      readonly function: FleetFunction;
      readonly metric: string;
      readonly groupBy?: string;
    };

/** What an expression may read of an agent. */
export type AttributeName = "id" | "type" | "tier" | "labels" | "capabilities" | "uptime";

/**
 * A checked expression: typed, resolved, and plain JSON, so that it can be stored and compiled by
 * any back end. Literals of type `int` and `uint` carry their value as decimal text, those of `bytes` a
 * character for each byte, those of `type` its name.
 *
 * An `int` literal beside a `dyn` operand of arithmetic stays `int` here; where that operand proves
 * to be a double at run time, the literal is a double.
 */
export type Expression =
  | {
      readonly op: "literal";
      readonly type: ValueType;
      readonly value: string | number | boolean | null;
    }
  | { readonly op: "metric"; readonly type: "double"; readonly metric: string }
  | { readonly op: "attribute"; readonly type: ValueType; readonly attribute: AttributeName }
  | { readonly op: "twin"; readonly type: ValueType }
  /** A field of the event that is being evaluated; unknown at any other evaluation. */
  | { readonly op: "event"; readonly type: ValueType; readonly field: "type" | "attrs" }
  /** A name that was declared, of an expression that is no rule's. */
  | { readonly op: "binding"; readonly type: ValueType; readonly name: string }
  | Reading
  /** The element a comprehension is at; numbers are unique within the expression. */
  | { readonly op: "variable"; readonly type: ValueType; readonly variable: number }
  | {
      readonly op: "select" | "has";
      readonly type: ValueType;
      readonly operand: Expression;
      readonly field: string;
    }
  | { readonly op: "list"; readonly type: ValueType; readonly elements: readonly Expression[] }
  | {
      readonly op: "map";
      readonly type: ValueType;
      readonly entries: readonly (readonly [Expression, Expression])[];
    }
  | {
      readonly op: "comprehension";
      readonly type: ValueType;
      readonly macro: Macro;
      readonly variable: number;
      readonly range: Expression;
      readonly predicate?: Expression;
      readonly body?: Expression;
    }
  | {
      readonly op: "call";
      readonly type: ValueType;
      readonly function: FunctionName;
      readonly args: readonly Expression[];
    };

/** Whether an expression is a {@link Reading}. */
export function isReading(expression: Expression): expression is Reading {
  const { op } = expression;
  return (
    op === "window" || op === "age" || op === "absent" || op === "count_events" || op === "fleet"
  );
}

/** The parts of an expression. */
export function partsOfExpression(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case "select":
    case "has":
      return [expression.operand];
    case "list":
      return expression.elements;
    case "map":
      return expression.entries.flat();
    case "comprehension":
      return [expression.range, expression.predicate, expression.body].filter(
        (part) => part !== undefined,
      );
    case "call":
      return expression.args;
    default:
      return [];
  }
}
