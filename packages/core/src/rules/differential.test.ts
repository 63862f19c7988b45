import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "../json/index.ts";
import { FALSE, linkRule, planRule, TRUE, type Tri, UNKNOWN } from "./index.ts";
import { contextOf, evaluate, type Reported } from "./test-support.ts";

/**
 * Random expressions, as text for the compiler and as closures for a naive interpreter that knows
 * nothing of it: values of JavaScript, `undefined` for unknown, every rule of the language spelt out.
 */
interface Sample {
  readonly text: string;
  /** An integer literal gives its bigint; the operator beside it decides whether it is a double. */
  readonly literal?: bigint;
  readonly run: (agent: Reported, element?: unknown) => unknown;
}

const own = (object: object | undefined, key: unknown): unknown =>
  object !== undefined && Object.hasOwn(object, String(key))
    ? Reflect.get(object, String(key))
    : undefined;
const double = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);
const int64 = (value: bigint): bigint | undefined =>
  BigInt.asIntN(64, value) === value ? value : undefined;

/** Applies the one promotion there is. */
function promoted(
  left: Sample,
  right: Sample,
  agent: Reported,
  element: unknown,
): [unknown, unknown] {
  const a = left.run(agent, element);
  const b = right.run(agent, element);
  if (left.literal !== undefined && typeof b === "number") return [Number(a), b];
  if (right.literal !== undefined && typeof a === "number") return [a, Number(b)];
  return [a, b];
}

function arithmetic(operator: string, left: unknown, right: unknown): unknown {
  if (typeof left === "number" && typeof right === "number") {
    if (operator === "+") return double(left + right);
    if (operator === "-") return double(left - right);
    if (operator === "*") return double(left * right);
    return operator === "/" ? double(left / right) : undefined;
  }
  if (typeof left === "bigint" && typeof right === "bigint") {
    if (operator === "+") return int64(left + right);
    if (operator === "-") return int64(left - right);
    if (operator === "*") return int64(left * right);
    if (right === 0n) return undefined;
    return int64(operator === "/" ? left / right : left % right);
  }
  return typeof left === "string" && typeof right === "string" && operator === "+"
    ? left + right
    : undefined;
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint";

function same(left: unknown, right: unknown): boolean {
  if (isNumber(left) && isNumber(right)) return !(left < right) && !(left > right);
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => same(item, right[index]));
  }
  if (
    typeof left === "object" &&
    typeof right === "object" &&
    left &&
    right &&
    !Array.isArray(left) &&
    !Array.isArray(right)
  ) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && same(own(left, key), own(right, key)))
    );
  }
  return left === right;
}

function compare(operator: string, left: unknown, right: unknown): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (operator === "==") return same(left, right);
  if (operator === "!=") return !same(left, right);
  const points = (text: string): number[] =>
    Array.from(text, (character) => character.codePointAt(0) ?? 0);
  let order: number;
  if (isNumber(left) && isNumber(right)) order = left < right ? -1 : left > right ? 1 : 0;
  else if (typeof left === "string" && typeof right === "string") {
    const [a, b] = [points(left), points(right)];
    const at = a.findIndex((point, index) => point !== b[index]);
    order = at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
  } else if (typeof left === "boolean" && typeof right === "boolean")
    order = Number(left) - Number(right);
  else return undefined;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

const and = (truths: readonly unknown[]): unknown =>
  truths.includes(false) ? false : truths.every((truth) => truth === true) ? true : undefined;
const not = (truth: unknown): unknown => (typeof truth === "boolean" ? !truth : undefined);
const or = (truths: readonly unknown[]): unknown => not(and(truths.map(not)));

const word = fc.oneof(
  fc.constantFrom("zone", "rack", "a", "__proto__", "constructor", "\u2028", '"', "${x}"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const quoted = (text: string): string => JSON.stringify(text);

function binary(
  operators: readonly string[],
  apply: (operator: string, left: unknown, right: unknown) => unknown,
) {
  return (left: fc.Arbitrary<Sample>, right: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
    fc.tuple(fc.constantFrom(...operators), left, right).map(
      ([operator, a, b]): Sample => ({
        text: `(${a.text} ${operator} ${b.text})`,
        run: (agent, element) => apply(operator, ...promoted(a, b, agent, element)),
      }),
    );
}

const conditional = (
  test: fc.Arbitrary<Sample>,
  value: fc.Arbitrary<Sample>,
): fc.Arbitrary<Sample> =>
  fc.tuple(test, value, value).map(([c, a, b]) => ({
    text: `(${c.text} ? ${a.text} : ${b.text})`,
    run: (agent, element) => {
      const truth = c.run(agent, element);
      return truth === true
        ? a.run(agent, element)
        : truth === false
          ? b.run(agent, element)
          : undefined;
    },
  }));

const defaulted = (
  value: fc.Arbitrary<Sample>,
  fallback: fc.Arbitrary<Sample>,
): fc.Arbitrary<Sample> =>
  fc.tuple(value, fallback).map(([a, b]) => ({
    text: `default(${a.text}, ${b.text})`,
    run: (agent, element) => a.run(agent, element) ?? b.run(agent, element),
  }));

const wholeLiteral: fc.Arbitrary<Sample> = fc
  .oneof(fc.bigInt(-3n, 3n), fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n))
  .map((literal) => ({ text: String(literal), literal, run: () => literal }));

const { truth } = fc.letrec<Record<"real" | "whole" | "text" | "any" | "truth", Sample>>((tie) => ({
  real: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("m0", "m1", "m2", "m3").map((metric) => ({
      text: metric,
      run: (agent: Reported) => double(agent.metrics?.[metric] ?? Number.NaN),
    })),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((value) => ({
      text:
        Number.isInteger(value) && Math.abs(value) < 1e21
          ? `${Object.is(value, -0) ? "-0" : value}.0`
          : String(value),
      run: () => value,
    })),
    binary(["+", "-", "*", "/"], arithmetic)(tie("real"), fc.oneof(tie("real"), wholeLiteral)),
    binary(["+", "-", "*", "/"], arithmetic)(wholeLiteral, tie("real")),
    conditional(tie("truth"), tie("real")),
    defaulted(tie("real"), tie("real")),
    tie("real").map(
      (a): Sample => ({
        text: `-(${a.text})`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return typeof value === "number" ? -value : undefined;
        },
      }),
    ),
    tie("whole").map(
      (a): Sample => ({
        text: `double(${a.text})`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return value === undefined ? undefined : Number(value);
        },
      }),
    ),
  ),
  whole: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    wholeLiteral,
    binary(["+", "-", "*", "/", "%"], arithmetic)(tie("whole"), tie("whole")),
    conditional(tie("truth"), tie("whole")),
    tie("text").map(
      (a): Sample => ({
        text: `size(${a.text})`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return typeof value === "string" ? BigInt(Array.from(value).length) : undefined;
        },
      }),
    ),
    tie("real").map(
      (a): Sample => ({
        text: `int(${a.text})`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return typeof value === "number" && Math.abs(value) < 2 ** 63
            ? int64(BigInt(Math.trunc(value)))
            : undefined;
        },
      }),
    ),
  ),
  text: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    word.map((value) => ({ text: quoted(value), run: () => value })),
    fc.constantFrom("id", "type").map((field) => ({
      text: `agent.${field}`,
      run: (agent: Reported) => own(agent.attributes, field),
    })),
    word.map((key) => ({
      text: `agent.labels[${quoted(key)}]`,
      run: (agent: Reported) => own(agent.attributes?.labels, key),
    })),
    binary(["+"], arithmetic)(tie("text"), tie("text")),
    conditional(tie("truth"), tie("text")),
    defaulted(tie("text"), tie("text")),
  ),
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    word.map((key) => ({
      text: `twin[${quoted(key)}]`,
      run: (agent: Reported) => own(agent.twin, key),
    })),
    fc
      .constantFrom("a", "b", "zone")
      .map((key) => ({ text: `twin.${key}`, run: (agent: Reported) => own(agent.twin, key) })),
    fc.tuple(tie("any"), fc.constantFrom("a", "b", "__proto__")).map(
      ([a, key]): Sample => ({
        text: `${a.text}.${key}`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return typeof value === "object" && value !== null && !Array.isArray(value)
            ? own(value, key)
            : undefined;
        },
      }),
    ),
    fc.tuple(tie("any"), fc.integer({ min: -1, max: 3 })).map(
      ([a, position]): Sample => ({
        text: `${a.text}[${position}]`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          return Array.isArray(value) ? own(value, position) : undefined;
        },
      }),
    ),
    fc
      .tuple(
        fc.constantFrom("+", "-", "*", "/"),
        tie("any"),
        fc.oneof(tie("any"), wholeLiteral, tie("real")),
      )
      .map(
        ([operator, a, b]): Sample => ({
          text: `(${a.text} ${operator} ${b.text})`,
          run: (agent, element) => {
            const [left, right] = promoted(a, b, agent, element);
            if (Array.isArray(left) && Array.isArray(right) && operator === "+")
              return [...left, ...right];
            return arithmetic(operator, left, right);
          },
        }),
      ),
  ),
  truth: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.boolean().map((value) => ({ text: String(value), run: () => value })),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(
      tie("real"),
      fc.oneof(tie("real"), wholeLiteral),
    ),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(wholeLiteral, tie("real")),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(tie("whole"), tie("whole")),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(tie("text"), tie("text")),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(tie("truth"), tie("truth")),
    binary(["<", "<=", ">", ">=", "==", "!="], compare)(
      tie("any"),
      fc.oneof(tie("any"), tie("real"), tie("text"), wholeLiteral),
    ),
    fc
      .tuple(
        fc.constantFrom("&&", "||"),
        fc.array(fc.oneof(tie("truth"), tie("any")), { minLength: 2, maxLength: 4 }),
      )
      .map(
        ([operator, parts]): Sample => ({
          text: `(${parts.map((part) => part.text).join(` ${operator} `)})`,
          run: (agent, element) => {
            const truths = parts.map((part) => part.run(agent, element));
            return operator === "&&" ? and(truths) : or(truths);
          },
        }),
      ),
    tie("truth").map(
      (a): Sample => ({
        text: `!(${a.text})`,
        run: (agent, element) => not(a.run(agent, element)),
      }),
    ),
    conditional(tie("truth"), tie("truth")),
    defaulted(tie("truth"), tie("truth")),
    word.map((key) => ({
      text: `(${quoted(key)} in agent.labels)`,
      run: (agent: Reported) => Object.hasOwn(agent.attributes?.labels ?? {}, key),
    })),
    tie("any").map(
      (a): Sample => ({
        text: `has(${a.text}.a)`,
        run: (agent, element) => {
          const value = a.run(agent, element);
          if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
          return Object.hasOwn(value, "a");
        },
      }),
    ),
    fc
      .tuple(
        fc.constantFrom("exists", "all"),
        tie("any"),
        fc.constantFrom("<", ">", "==", "!="),
        tie("any"),
      )
      .map(
        ([macro, range, operator, other]): Sample => ({
          text: `${range.text}.${macro}(x, x ${operator} ${other.text})`,
          run: (agent, element) => {
            const value = range.run(agent, element);
            if (typeof value !== "object" || value === null) return undefined;
            const elements: unknown[] = Array.isArray(value) ? value : Object.keys(value);
            const truths = elements.map((item) =>
              compare(operator, item, other.run(agent, element)),
            );
            return macro === "exists" ? or(truths) : and(truths);
          },
        }),
      ),
  ),
}));

const nested: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1, -1, 2),
    word,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc
      .array(fc.tuple(word, tie("value")), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;

const reported: fc.Arbitrary<Reported> = fc.record({
  metrics: fc.dictionary(
    fc.constantFrom("m0", "m1", "m2", "m3"),
    fc.oneof(fc.double(), fc.constantFrom(0, 1, -1)),
  ),
  attributes: fc.record({
    id: word,
    type: word,
    labels: fc
      .array(fc.tuple(word, word), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries)),
  }),
  twin: fc
    .array(fc.tuple(fc.oneof(fc.constantFrom("a", "b", "zone"), word), nested), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries)),
});

const triOf = (truth: unknown): Tri => (truth === true ? TRUE : truth === false ? FALSE : UNKNOWN);

describe("compiled rules", () => {
  test("give what a naive interpreter gives, for any expression and any state", () => {
    fc.assert(
      fc.property(truth, reported, (sample, agent) => {
        const { plan, problems } = planRule({ name: "test", action: "x", expr: sample.text });
        // A generated expression may be deeper or longer than a rule may be.
        fc.pre(problems.every((problem) => !/deeper|longer/.test(problem.message)));
        assert.ok(plan, JSON.stringify(problems));
        const rule = linkRule(JSON.parse(JSON.stringify(plan)), contextOf(agent));
        assert.equal(rule.condition(1), triOf(sample.run(agent)));
      }),
      { numRuns: 1000 },
    );
  });

  test("follow the truth tables of three-valued logic", () => {
    const operands = {
      "m0 > 0": TRUE,
      "m0 < 0": FALSE,
      "m1 > 0": UNKNOWN,
      "twin.t": TRUE,
      "twin.f": FALSE,
      "twin.n": UNKNOWN,
    } as const;
    const agent = { metrics: { m0: 1 }, twin: { t: true, f: false, n: 3 } };
    for (const [a, left] of Object.entries(operands)) {
      assert.equal(evaluate(`!(${a})`, agent), left === UNKNOWN ? UNKNOWN : 1 - left);
      for (const [b, right] of Object.entries(operands)) {
        const both =
          left === FALSE || right === FALSE
            ? FALSE
            : left === TRUE && right === TRUE
              ? TRUE
              : UNKNOWN;
        const either =
          left === TRUE || right === TRUE
            ? TRUE
            : left === FALSE && right === FALSE
              ? FALSE
              : UNKNOWN;
        assert.equal(evaluate(`(${a}) && (${b})`, agent), both, `${a} && ${b}`);
        assert.equal(evaluate(`(${a}) || (${b})`, agent), either, `${a} || ${b}`);
      }
    }
  });
});
