/** Random rules of the part of the language that compiles to SQL, and random histories. */
import type { RuleSource } from "@myelin/core/rules";
import fc from "fast-check";
import type { Sample } from "../history.ts";

/** When histories begin. */
export const originUs = 1_760_000_000_000_000;

const metric = fc.constantFrom("a", "b", "c-d");
const named = metric.map((name) => `metric("${name}")`);
const small = fc.constantFrom("0", "1", "2", "1.5", "-1", "3", "-0.25");
const width = fc.constantFrom("1us", "1s", "2s", "3s", "10s");
const windowed = fc.constantFrom(
  ...["avg_over_time", "sum_over_time", "min_over_time", "max_over_time"],
  ...["count_over_time", "last_over_time"],
);
const numbers = fc.letrec<{ number: string }>((tie) => ({
  number: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 4, arbitrary: named },
    {
      weight: 4,
      arbitrary: fc
        .tuple(windowed, named, width)
        .map(([name, series, long]) => `${name}(${series}, "${long}")`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("number"), fc.constantFrom("+", "-", "*"), fc.oneof(tie("number"), small))
        .map((parts) => `(${parts.join(" ")})`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("number"), fc.constantFrom("2", "-4", "0.5"))
        .map((parts) => `(${parts.join(" / ")})`),
    },
    { weight: 1, arbitrary: tie("number").map((number) => `-${number}`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("number"), fc.oneof(small, tie("number")))
        .map((parts) => `default(${parts.join(", ")})`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("number"), tie("number"), tie("number"))
        .map(([a, b, c]) => `(${a} > 1.0 ? ${b} : ${c})`),
    },
  ),
})).number;
const truths = fc.letrec<{ truth: string }>((tie) => ({
  truth: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    {
      weight: 8,
      arbitrary: fc
        .tuple(numbers, fc.constantFrom("<", "<=", ">", ">=", "==", "!="), fc.oneof(small, numbers))
        .map((parts) => parts.join(" ")),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie("truth"), fc.constantFrom("&&", "||"), tie("truth"))
        .map((parts) => `(${parts.join(" ")})`),
    },
    { weight: 1, arbitrary: tie("truth").map((truth) => `!(${truth})`) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("truth"), tie("truth")).map(([a, b]) => `((${a}) == (${b}))`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie("truth"), fc.constantFrom("true", "false"))
        .map(([a, b]) => `default(${a}, ${b})`),
    },
  ),
})).truth;
const duration = fc.constantFrom("1s", "2s", "1500ms", "1us", "999us");
/** Rules of all that SQL can say. */
export const sqlRules: fc.Arbitrary<RuleSource> = fc
  .record({
    expr: truths,
    where: fc.option(
      fc.constantFrom(
        ...['agent.labels.zone == "x"', 'agent.labels["zone"] != "y\'s"', "has(agent.labels.zone)"],
        ...['agent.id in ["a1", "a3"]', 'agent.type == "worker" && agent.tier != "cloud"'],
      ),
      { nil: undefined, freq: 3 },
    ),
    for: fc.option(duration, { nil: undefined, freq: 2 }),
    keep_firing_for: fc.option(duration, { nil: undefined, freq: 2 }),
    resolve: fc.option(truths, { nil: undefined, freq: 2 }),
    missing: fc.option(fc.constantFrom("reset" as const, "hold" as const), { nil: undefined }),
  })
  .map((fields): RuleSource => {
    const isRefused = fields.missing === "hold" && fields.resolve !== undefined;
    const given = Object.entries(fields).filter(
      ([name, value]) => value !== undefined && !(isRefused && name === "for"),
    );
    return { ...Object.fromEntries(given), expr: fields.expr, name: "r", action: "stop" };
  });
/** Steps of half a second, none at all, of a microsecond, or of much; the timer's milliseconds are met now and then. */
const stepUs = fc.constantFrom(0, 0, 500_000, 500_000, 1_000_000, 1, 999, 20_000_000);
const value = fc.constantFrom(...[0, 0, 1, 1, 2, 2, 3, -1, 0.5], Number.NaN, Infinity, -Infinity);
/** What one agent sends. */
export const sqlHistory: fc.Arbitrary<readonly Sample[]> = fc
  .array(
    fc.tuple(
      stepUs,
      fc.oneof({ weight: 9, arbitrary: metric }, { weight: 1, arbitrary: fc.constant("unread") }),
      value,
    ),
    { maxLength: 40, size: "max" },
  )
  .map((steps): readonly Sample[] => {
    let atUs = originUs;
    return steps.map(([byUs, name, sampled]) => {
      atUs += byUs;
      return { metric: name, value: sampled, atUs };
    });
  });
