import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRuleFile, type RuleSource } from "@myelin/core/rules";
import { TestEngine, us } from "./test-support.ts";

/** What of two rules differs seldom, and of one alone too. */
const seldom = <Value>(value: Value): fc.Arbitrary<Value | undefined> =>
  fc.constantFrom(undefined, undefined, undefined, undefined, value);

/** A rule in which that varies which keeps rules from firing, or has them fire again. */
function ruleOf(name: string): fc.Arbitrary<RuleSource> {
  const average = 'avg_over_time(x, "2s")';
  const fields = fc.record({
    expr: fc.constantFrom("x > 1", "x > 2", "x > 1 || x < -1", `${average} > 1`, `${average} > 2`),
    for: fc.constantFrom(undefined, "1s", "2s"),
    where: seldom('agent.labels.z == "a"'),
    resolve: seldom("x < 1"),
    keep_firing_for: seldom("2s"),
    missing: fc.constantFrom(undefined, "hold" as const),
    unless: seldom("third"),
    cooldown: seldom("3s"),
  });
  return fields.map((given) => {
    const present = Object.entries(given).filter(([, value]) => value !== undefined);
    return { name, action: "stop", ...Object.fromEntries(present) } as RuleSource;
  });
}

const steps = fc.array(
  fc.record({
    later: fc.constantFrom(0.5, 1),
    metric: fc.constantFrom("x", "x", "x", "w"),
    value: fc.constantFrom(-2, 0, 1.5, 1.5, 2.5, 2.5, 2.5, Number.NaN),
    zone: fc.constantFrom("a", "b", ...Array.from({ length: 6 }, () => undefined)),
  }),
  { minLength: 15, maxLength: 40 },
);
const third = { name: "third", expr: "w > 2", action: "else" };

test("whenever a rule fires of which is told that it only repeats another one, that one fires or is firing", () => {
  let found = 0;
  const pairs = fc.tuple(ruleOf("one"), ruleOf("other"), steps);
  const property = fc.property(pairs, ([one, other, inputs]) => {
    const { problems } = parseRuleFile(JSON.stringify({ rules: [one, other, third] }));
    const shadow = problems.find(({ field }) => field === "name");
    if (shadow === undefined) return;
    const [repeating, covering] =
      shadow.rule === "one" ? (["one", "other"] as const) : (["other", "one"] as const);
    const engine = new TestEngine(
      `  - ${[one, other, third].map((rule) => JSON.stringify(rule)).join("\n  - ")}`,
    );
    const slot = engine.join("a", { labels: { z: "b" } });
    let atSeconds = 1;
    for (const { later, metric, value, zone } of inputs) {
      atSeconds += later;
      engine.engine.advance(us(atSeconds));
      if (zone !== undefined) {
        const attributes = { id: "a", type: "worker", tier: "edge", capabilities: [] };
        engine.engine.setAttributes(slot, { ...attributes, labels: { z: zone } }, us(atSeconds));
      }
      const before = engine.fired.length;
      engine.send(slot, atSeconds, value, metric);
      const fired = engine.fired.slice(before);
      for (const { episode } of engine.firings.slice(before)) {
        const { rule, ...rest } = episode;
        const end = { ...rest, succeeded: true, endedAtUs: us(atSeconds) };
        engine.engine.instructionEnded(rule, slot, end);
      }
      if (!fired.includes(repeating)) continue;
      found += 1;
      assert.equal(engine.state(slot, covering), "firing", `${atSeconds}`);
    }
  });
  fc.assert(property, { numRuns: 2_500, seed: 11 });
  assert.ok(found > 300, `${found} firings looked at`);
});
