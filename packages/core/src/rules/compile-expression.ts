import { checkExpression } from "./check.ts";
import type { Scope } from "./checking.ts";
import { compile, type EvaluationContext } from "./link.ts";
import { parseExpression } from "./parse.ts";
import { pieceLength, placeOf, type RuleProblem } from "./problem.ts";
import type { ValueType } from "./types.ts";
import { Duration, MapValue, Timestamp, Uint, type Value } from "./values.ts";

/** The names that an expression may read, and their types; `dyn` where that is known only when it runs. */
export type Declarations = Readonly<Record<string, ValueType>>;

/**
 * Values of names. A double is a number, an int a bigint (or a whole number, where the name is declared int), a uint a
 * {@link Uint}; bytes are a Uint8Array, instants a {@link Timestamp} or a Date, durations a {@link Duration}; a list is
 * an array; a map is a plain object or a Map. What is undefined, or not there, is unknown.
 */
export type Bindings = Readonly<Record<string, unknown>>;

/** An expression that can be evaluated, or why it cannot. */
export type CompiledExpression =
  | {
      readonly ok: true;
      /** Its static type. */
      readonly type: ValueType;
      /** Evaluates it. Answers as {@link Bindings} says, maps as Map; undefined is unknown. */
      evaluate(bindings?: Bindings): unknown;
    }
  | { readonly ok: false; readonly problems: readonly RuleProblem[] };

/**
 * Compiles one expression that stands alone: it reads declared names, and nothing of an agent or a node.
 *
 * @example
 * const compiled = compileExpression("used / total > 0.9", { used: "double", total: "double" });
 * if (compiled.ok) compiled.evaluate({ used: 95, total: 100 }); // true
 */
export function compileExpression(
  source: string,
  declarations: Declarations = {},
): CompiledExpression {
  const problems: RuleProblem[] = [];
  const report = (offset: number, message: string, hint?: string): void => {
    const mend = hint === undefined ? {} : { hint };
    const place = { ...placeOf(source, offset), length: pieceLength(source, offset) };
    problems.push({ severity: "error", ...place, message, ...mend });
  };
  const declared = new Map(Object.entries(declarations));
  const scope: Scope = { readable: "declared", declared };
  const syntax = parseExpression(source, report);
  const expression = syntax && checkExpression(syntax, scope, report);
  if (expression === undefined) return { ok: false, problems };
  let present: Bindings = {};
  const context: EvaluationContext = {
    nowUs: 0,
    column: () => ({ values: new Float64Array() }),
    attributes: () => ({ id: "", type: "", tier: "", labels: {}, capabilities: [] }),
    joinedAtUs: () => 0,
    twin: () => ({}),
    binding: (name) =>
      Object.hasOwn(present, name) ? inward(present[name], declared.get(name) ?? "dyn") : undefined,
  };
  const [evaluate] = compile([{ expression, form: "value" }], context);
  return {
    ok: true,
    type: expression.type,
    evaluate(bindings = {}) {
      present = bindings;
      return outward(evaluate?.(0));
    },
  };
}

/** A value as expressions have it; unknown where it is not of its declared type. */
function inward(value: unknown, type: ValueType): Value {
  if (value instanceof Date) return new Timestamp(BigInt(value.getTime()) * 1_000_000n);
  if (Array.isArray(value)) {
    const item = typeof type === "object" && "list" in type ? type.list : "dyn";
    return isOf(type, "list") ? value.map((element) => inward(element, item)) : undefined;
  }
  if (value instanceof Map || isPlainObject(value)) {
    return isOf(type, "map") ? inwardMap(value, type) : undefined;
  }
  if (typeof value === "number") {
    if (type === "int") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
    if (type === "uint")
      return Number.isSafeInteger(value) && value >= 0 ? new Uint(BigInt(value)) : undefined;
    return type === "double" || type === "dyn" ? value : undefined;
  }
  return type === "dyn" || type === scalarTypeOf(value) ? value : undefined;
}

function isOf(type: ValueType, kind: "list" | "map"): boolean {
  return type === "dyn" || (typeof type === "object" && "list" in type === (kind === "list"));
}

function inwardMap(map: ReadonlyMap<unknown, unknown> | object, type: ValueType): Value {
  const [keyType, valueType]: readonly ValueType[] =
    typeof type === "object" && "key" in type ? [type.key, type.value] : ["dyn", "dyn"];
  const entries = map instanceof Map ? [...map] : Object.entries(map);
  return MapValue.of(
    entries.map(([key, value]): [Value, Value] => [
      inward(key, keyType ?? "dyn"),
      inward(value, valueType ?? "dyn"),
    ]),
  );
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function scalarTypeOf(value: unknown): ValueType | undefined {
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? "int" : undefined;
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (value === null) return "null";
  if (value instanceof Uint) return "uint";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Timestamp) return "timestamp";
  return value instanceof Duration ? "duration" : undefined;
}

/** A value as programs have it. */
function outward(value: Value): unknown {
  if (Array.isArray(value)) return value.map(outward);
  if (!(value instanceof MapValue)) return value;
  return new Map([...value.entries.values()].map(([key, item]) => [outward(key), outward(item)]));
}
