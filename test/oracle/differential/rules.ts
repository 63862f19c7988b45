/** Random rules: plain ones of all that the language has, with few and small values, so that they often meet. */
import type { RuleSource } from "@myelin/core/rules";
import fc from "fast-check";
import type { Feature } from "./features.ts";

const metrics: readonly string[] = ["a", "b", "c"];
export const metricNames: fc.Arbitrary<string> = fc.constantFrom(...metrics, "unread");
const metric = fc.constantFrom(...metrics);
const small = fc.constantFrom("0", "1", "2", "1.5", "-1", "3");
const width = fc.constantFrom("1s", "2s", "3s", "10s");
const comparison = fc.constantFrom("<", "<=", ">", ">=", "==", "!=");

const windowNames: readonly string[] = [
  "avg_over_time",
  "min_over_time",
  "max_over_time",
  "sum_over_time",
  "count_over_time",
  "stddev_over_time",
  "last_over_time",
  "rate",
  "increase",
  "delta",
  "deriv",
  "changes",
  "resets",
];

/** Numbers that the latest values give. */
const numbers: readonly fc.Arbitrary<string>[] = [
  metric,
  fc
    .tuple(metric, fc.constantFrom("+", "-", "*", "/"), metric)
    .map((parts) => `(${parts.join(" ")})`),
  fc
    .tuple(metric, fc.constantFrom("+", "-", "*", "/"), small)
    .map((parts) => `(${parts.join(" ")})`),
  fc.tuple(metric, small).map(([name, other]) => `default(${name}, ${other})`),
  fc.constantFrom(
    "twin.n",
    "twin.deep.n",
    "default(twin.n, 1)",
    "double(size(agent.capabilities))",
  ),
  fc.tuple(metric, metric).map(([name, other]) => `(${name} > 1 ? ${other} : -${name})`),
  metric.map((name) => `metric("${name}")`),
];

const windows: readonly fc.Arbitrary<string>[] = [
  fc
    .tuple(fc.constantFrom(...windowNames), metric, width)
    .map(([name, series, long]) => `${name}(${series}, "${long}")`),
  fc
    .tuple(fc.constantFrom("0", "0.25", "0.5", "1"), metric, width)
    .map(([rank, series, long]) => `quantile_over_time(${rank}, ${series}, "${long}")`),
];

const fleets: readonly fc.Arbitrary<string>[] = [
  fc
    .tuple(fc.constantFrom("avg", "sum", "min", "max", "count"), metric)
    .map(([name, series]) => `fleet_${name}(${series})`),
  fc
    .tuple(fc.constantFrom("avg", "sum", "min", "max", "count"), metric)
    .map(([name, series]) => `group_${name}(${series}, "zone")`),
];

const counts: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("call", "error"), width)
  .map(([type, long]) => `count_events("${type}", "${long}")`);

const plainTruths: readonly fc.Arbitrary<string>[] = [
  fc.constantFrom(
    "twin.on",
    "has(twin.n)",
    "has(twin.deep.n)",
    'agent.labels.zone == "x"',
    '"gpu" in agent.capabilities',
    "agent.uptime > 2",
    "twin.list.exists(e, e > 1)",
    "twin.list.all(e, e == 1)",
    'agent.id.startsWith("a1")',
  ),
];

/** Conditions of some depth. */
function conditions(features: ReadonlySet<Feature>): fc.Arbitrary<string> {
  const number = fc.oneof(
    { weight: 6, arbitrary: fc.oneof(...numbers) },
    ...(features.has("windows") ? windows.map((arbitrary) => ({ weight: 3, arbitrary })) : []),
    ...(features.has("fleets") ? fleets.map((arbitrary) => ({ weight: 2, arbitrary })) : []),
    ...(features.has("events") ? [{ weight: 2, arbitrary: counts }] : []),
  );
  const comparisons = fc.tuple(number, comparison, fc.oneof(small, number));
  const age = fc.tuple(metric, fc.constantFrom("<", "<=", ">", ">="), fc.constantFrom("1", "2.5"));
  const silences = fc.oneof(
    fc.tuple(metric, width).map(([name, long]) => `absent(${name}, "${long}")`),
    age.map(([name, sign, limit]) => `age(${name}) ${sign} ${limit}`),
  );
  return fc.letrec<{ truth: string }>((tie) => ({
    truth: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 6, arbitrary: comparisons.map((parts) => parts.join(" ")) },
      { weight: 2, arbitrary: fc.oneof(...plainTruths) },
      ...(features.has("silences") ? [{ weight: 3, arbitrary: silences }] : []),
      {
        weight: 2,
        arbitrary: fc
          .tuple(tie("truth"), fc.constantFrom("&&", "||"), tie("truth"))
          .map((parts) => `(${parts.join(" ")})`),
      },
      { weight: 1, arbitrary: tie("truth").map((truth) => `!(${truth})`) },
    ),
  })).truth;
}

/** Mostly nothing. */
function seldom<Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item | undefined> {
  return fc.option(item, { nil: undefined, freq: 2 });
}

const duration = fc.constantFrom("0s", "1s", "2s", "3s", "1500ms", "1us");
export const ruleNames: readonly string[] = ["r0", "r1", "r2", "r3"];

/** What an update changes: of a rule's meaning, or of the rest. */
export const ruleUpdates: fc.Arbitrary<Partial<RuleSource>> = fc.oneof(
  duration.map((cooldown) => ({ cooldown })),
  fc.constantFrom(1, 3).map((attempts) => ({ attempts })),
  fc.constantFrom("enforce" as const, "shadow" as const, "off" as const).map((mode) => ({ mode })),
  fc.constantFrom("1/2s", "3/1s").map((limit) => ({ limit })),
  fc.constantFrom(1, 10).map((priority) => ({ priority })),
  fc.constantFrom("reset" as const, "hold" as const).map((missing) => ({ missing })),
  duration.map((keep) => ({ keep_firing_for: keep })),
  fc.constant({ where: 'agent.labels.zone == "x"' }),
);

/** One rule of a name. */
export function rulesNamed(name: string, features: ReadonlySet<Feature>): fc.Arbitrary<RuleSource> {
  const truth = conditions(features);
  const optional = fc.record({
    where: seldom(fc.constantFrom('agent.labels.zone == "x"', '"gpu" in agent.capabilities')),
    for: seldom(duration),
    keep_firing_for: seldom(duration),
    resolve: seldom(truth),
    missing: seldom(fc.constantFrom("reset" as const, "hold" as const)),
    unless: seldom(fc.constantFrom(...ruleNames, "nobody").filter((other) => other !== name)),
    cooldown: seldom(duration),
    attempts: seldom(fc.constantFrom(1, 2, 3)),
    mode: seldom(fc.constantFrom("enforce" as const, "shadow" as const, "off" as const)),
    limit: seldom(fc.constantFrom("1/2s", "2/5s", "3/1s")),
    priority: seldom(fc.constantFrom(1, 5, 10)),
    sla: seldom(fc.constantFrom("1ms", "10ms", "1s")),
  });
  const event = fc.constantFrom(
    'event.type == "call"',
    'event.attrs.n > 1 && event.type == "error"',
  );
  const expr = features.has("events")
    ? fc.oneof({ weight: 4, arbitrary: truth }, { weight: 1, arbitrary: event })
    : truth;
  return fc.tuple(expr, optional).map(([text, fields]): RuleSource => {
    const given = Object.entries(fields).filter(
      ([key, value]) => value !== undefined && !(key === "for" && text.startsWith("event.")),
    );
    return { ...Object.fromEntries(given), name, expr: text, action: "stop" };
  });
}
