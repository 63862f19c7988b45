/**
 * What an expression gives, walking its syntax: three-valued logic, with undefined as unknown. Written from RULES,
 * for clarity; nothing of it is the engine's.
 */
import { parseDuration } from "@myelin/core/clock";
import type { LiteralSyntax, Syntax } from "@myelin/core/rules";
import {
  arithmetic,
  at,
  convert,
  elementsOf,
  entriesOf,
  isEqual,
  isIn,
  isOrdered,
  known,
  sizeOf,
  type Value,
} from "./values.ts";

type Call = Extract<Syntax, { kind: "call" }>;
type MacroSyntax = Extract<Syntax, { kind: "macro" }>;

/** What an expression can ask of the world, at the instant of an evaluation. */
export interface World {
  latest(metric: string): number | undefined;
  attribute(name: string): Value;
  twin(): Value;
  /** The event that is being evaluated. */
  event(): { readonly type: string; readonly attrs: Value } | undefined;
  window(name: string, metric: string, widthUs: number, quantile: number): number | undefined;
  /** Seconds since the last sample. */
  age(metric: string): number | undefined;
  isAbsent(metric: string, afterUs: number): boolean;
  countEvents(type: string, widthUs: number): number;
  fleet(name: string, metric: string, label: string | undefined): number | undefined;
}

/** What macros have named, by name. */
type Variables = ReadonlyMap<string, Value>;

/** Evaluates an expression; undefined is unknown. */
export function evaluate(syntax: Syntax, world: World, variables: Variables = new Map()): Value {
  const inner = (part: Syntax): Value => evaluate(part, world, variables);
  switch (syntax.kind) {
    case "literal":
      return literal(syntax);
    case "name":
      return name(syntax.name, world, variables);
    case "select":
      return select(syntax, world, variables);
    case "has": {
      if (rootOf(syntax.operand, variables) === "agent") return true;
      if (rootOf(syntax.operand, variables) === "event")
        return world.event() === undefined ? undefined : true;
      const entries = entriesOf(inner(syntax.operand));
      return entries?.some(([key]) => key === syntax.field);
    }
    case "operator":
      return operator(syntax.operator, syntax.operands, inner);
    case "list": {
      const elements = syntax.elements.map(inner);
      return elements.includes(undefined) ? undefined : elements;
    }
    case "map":
      return mapOf(syntax.entries.map(([key, value]) => [inner(key), inner(value)]));
    case "macro":
      return macro(syntax, world, variables);
    case "call":
      return call(syntax, world, inner);
  }
}

function literal(syntax: LiteralSyntax): Value {
  return syntax.type === "uint" ? { unsigned: syntax.value } : syntax.value;
}

/** `agent` or `event` where a name is that root and not a variable. */
function rootOf(syntax: Syntax, variables: Variables): string | undefined {
  const isRoot =
    syntax.kind === "name" &&
    (syntax.name === "agent" || syntax.name === "event") &&
    !variables.has(syntax.name);
  return isRoot ? syntax.name : undefined;
}

function name(text: string, world: World, variables: Variables): Value {
  if (variables.has(text)) return variables.get(text);
  return text === "twin" ? world.twin() : world.latest(text);
}

function select(
  { operand, field }: Extract<Syntax, { kind: "select" }>,
  world: World,
  variables: Variables,
): Value {
  const root = rootOf(operand, variables);
  if (root === "agent") return world.attribute(field);
  if (root === "event") return at(world.event(), field);
  return at(evaluate(operand, world, variables), field);
}

function operator(
  sign: string,
  operands: readonly Syntax[],
  inner: (part: Syntax) => Value,
): Value {
  const [left, right, third] = operands;
  if (left === undefined) return undefined;
  switch (sign) {
    case "&&":
      return all(operands.map(inner));
    case "||":
      return negation(all(operands.map((operand) => negation(inner(operand)))));
    case "!":
      return negation(inner(left));
    case "neg": {
      const value = inner(left);
      return typeof value === "number" ? -value : arithmetic("-", 0n, value);
    }
    case "?:": {
      const condition = inner(left);
      if (right === undefined || third === undefined || typeof condition !== "boolean")
        return undefined;
      return inner(condition ? right : third);
    }
    default:
      return right === undefined ? undefined : binary(sign, left, right, inner);
  }
}

/** An integer literal beside a double is a double. */
function binary(sign: string, left: Syntax, right: Syntax, inner: (part: Syntax) => Value): Value {
  let [a, b] = [inner(left), inner(right)];
  if (isIntLiteral(left) && typeof b === "number") a = Number(a);
  if (isIntLiteral(right) && typeof a === "number") b = Number(b);
  if (a === undefined || b === undefined) return undefined;
  switch (sign) {
    case "==":
      return isEqual(a, b);
    case "!=":
      return !isEqual(a, b);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return isOrdered(sign, a, b);
    case "in":
      return isIn(a, b);
    case "[]":
      return at(a, b);
    default:
      return arithmetic(sign, a, b);
  }
}

function isIntLiteral(syntax: Syntax): boolean {
  return syntax.kind === "literal" && syntax.type === "int";
}

/** False when one is false; else unknown when one is unknown. What is no bool is unknown. */
function all(truths: readonly Value[]): Value {
  if (truths.includes(false)) return false;
  return truths.every((truth) => truth === true) ? true : undefined;
}

function negation(truth: Value): Value {
  return typeof truth === "boolean" ? !truth : undefined;
}

function mapOf(pairs: readonly (readonly [Value, Value])[]): Value {
  const map = new Map<Value, Value>();
  for (const [key, value] of pairs) {
    const isTwice = [...map.keys()].some((other) => isEqual(other, key));
    if (key === undefined || value === undefined || isTwice) return undefined;
    map.set(key, value);
  }
  return map;
}

function macro(syntax: MacroSyntax, world: World, variables: Variables): Value {
  const range = elementsOf(evaluate(syntax.range, world, variables));
  if (range === undefined) return undefined;
  const give = (part: Syntax, element: Value): Value =>
    evaluate(part, world, new Map([...variables, [syntax.variable, element]]));
  const { predicate, body } = syntax;
  const truths = range.map((element) =>
    predicate === undefined ? true : give(predicate, element),
  );
  const chosen = range.filter((_, index) => truths[index] === true);
  const isDecided = truths.every((truth) => typeof truth === "boolean");
  switch (syntax.macro) {
    case "all":
      return all(truths);
    case "exists":
      return negation(all(truths.map(negation)));
    case "exists_one":
      return isDecided ? chosen.length === 1 : undefined;
    case "filter":
      return isDecided ? chosen : undefined;
    case "map": {
      if (body === undefined || !isDecided) return undefined;
      const made = chosen.map((element) => give(body, element));
      return made.includes(undefined) ? undefined : made;
    }
  }
}

/** The metric that an argument names. */
export function metricNameOf(syntax: Syntax | undefined): string {
  if (syntax?.kind === "name") return syntax.name;
  return syntax?.kind === "call" ? textOf(syntax.args[0]) : "";
}

/** The text of a literal. */
export function textOf(syntax: Syntax | undefined): string {
  return syntax?.kind === "literal" && syntax.type === "string" ? syntax.value : "";
}

/** Microseconds of a window that is written as a text. */
export function widthOf(syntax: Syntax | undefined): number {
  return parseDuration(textOf(syntax));
}

function call(syntax: Call, world: World, inner: (part: Syntax) => Value): Value {
  const { name: called, target } = syntax;
  const args = target === undefined ? syntax.args : [target, ...syntax.args];
  const [first, second, third] = args;
  if (/_over_time$|^(rate|increase|delta|deriv|changes|resets)$/.test(called)) {
    const isQuantile = called === "quantile_over_time";
    const quantile = isQuantile && first?.kind === "literal" ? Number(first.value) : Number.NaN;
    const [metric, window] = isQuantile ? [second, third] : [first, second];
    return world.window(called, metricNameOf(metric), widthOf(window), quantile);
  }
  if (called.startsWith("fleet_"))
    return world.fleet(called.slice("fleet_".length), metricNameOf(first), undefined);
  if (called.startsWith("group_"))
    return world.fleet(called.slice("group_".length), metricNameOf(first), textOf(second));
  switch (called) {
    case "metric":
      return world.latest(textOf(first));
    case "age":
      return world.age(metricNameOf(first));
    case "absent":
      return world.isAbsent(metricNameOf(first), widthOf(second));
    case "count_events":
      return world.countEvents(textOf(first), widthOf(second));
    case "default":
      return first === undefined || second === undefined
        ? undefined
        : (inner(first) ?? fallback(first, second, inner));
    default:
      return standard(called, args.map(inner));
  }
}

/** An integer literal stands for a double, unless what it stands in for is an integer. */
function fallback(value: Syntax, otherwise: Syntax, inner: (part: Syntax) => Value): Value {
  const given = inner(otherwise);
  return isIntLiteral(otherwise) && !isInteger(value) ? Number(given) : given;
}

function isInteger(syntax: Syntax): boolean {
  if (syntax.kind === "call") return syntax.name === "size" || syntax.name === "int";
  if (syntax.kind !== "operator") return isIntLiteral(syntax);
  return (
    ["+", "-", "*", "/", "%", "neg"].includes(syntax.operator) && syntax.operands.every(isInteger)
  );
}

/** Functions of standard CEL. */
function standard(called: string, values: readonly Value[]): Value {
  const [value, part] = values;
  if (value === undefined) return undefined;
  if (called === "size") return sizeOf(value);
  if (called === "dyn") return value;
  if (values.length === 1) return convert(called, value);
  if (typeof value !== "string" || typeof part !== "string") return undefined;
  switch (called) {
    case "startsWith":
      return value.startsWith(part);
    case "endsWith":
      return value.endsWith(part);
    case "contains":
      return value.includes(part);
    case "matches":
      return new RegExp(part, "u").test(value);
    default:
      throw new Error(`the oracle has no function ${called}`);
  }
}

/** A sample's value as expressions see it. */
export function sampleValue(value: number | undefined): number | undefined {
  return value === undefined || known(value) === undefined ? undefined : value;
}
