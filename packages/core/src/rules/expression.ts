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
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bool"
  | "dyn";

/** What an expression may read of an agent. */
export type AttributeName = "id" | "type" | "tier" | "labels" | "capabilities" | "uptime";

/**
 * A checked expression: typed, resolved, and plain JSON, so that it can be stored and compiled by
 * any back end. Literals of type `int` and `uint` carry their value as decimal text.
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
