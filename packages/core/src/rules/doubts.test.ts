import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planRule, type RuleSource } from "./index.ts";

/** Warnings about one rule, as `field: message`. */
function doubtsOf(fields: Partial<RuleSource>, intervalUs?: number): readonly string[] {
  const { plan, problems } = planRule(
    { name: "r", action: "stop", expr: "true", ...fields },
    { samplingIntervalUs: () => intervalUs },
  );
  assert.ok(plan !== undefined, JSON.stringify(problems));
  return problems.map(({ severity, field, message }) => {
    assert.equal(severity, "warning");
    return `${field}: ${message}`;
  });
}

describe("what is legal and surely wrong is warned of", () => {
  test("a resolve that can never end an episode", () => {
    const message =
      "resolve: resolve can never end an episode: it is looked at only where expr is not true";
    for (const [expr, resolve, isWarned] of [
      ["cpu > 0.9", "cpu > 0.95", true],
      ["cpu > 0.9", "cpu > 0.9", true],
      ["cpu >= 0.9", "0.9 <= cpu && mem > 1", true],
      ["cpu > 0.9 || mem > 1", "mem > 2", true],
      ["cpu > 0.9", "cpu > 1 && cpu < 0", true],
      ["cpu > 0.9", "cpu < 0.7", false],
      ["cpu > 0.9", "cpu >= 0.9", false],
      ["cpu > 0.9 && mem > 1", "cpu > 0.95", false],
      ["cpu > 0.9", "mem > 0.95", false],
      ["cpu > 0.9 && twin.on", "cpu > 0.95", false],
    ] as const)
      assert.deepEqual(
        doubtsOf({ expr, resolve }),
        isWarned ? [message] : [],
        `${expr}, ${resolve}`,
      );
  });

  test("an expr that can never hold", () => {
    assert.deepEqual(doubtsOf({ expr: "cpu > 0.9 && cpu < 0.5" }), ["expr: expr can never hold"]);
    assert.deepEqual(doubtsOf({ expr: "cpu > -1 && cpu < 0.5" }), []);
    assert.deepEqual(doubtsOf({ expr: "cpu == 1 && cpu != 1" }), []);
  });

  test("a window shorter than two sampling intervals of its metric", () => {
    const expr = 'avg_over_time(cpu, "3s") > 1';
    assert.deepEqual(doubtsOf({ expr }, 2e6), [
      "expr: a window of 3s over cpu, which comes about every 2s, holds two samples at the most",
    ]);
    assert.deepEqual(doubtsOf({ expr }, 3_004_321), [
      "expr: a window of 3s over cpu, which comes about every 3s, holds one sample or none",
    ]);
    assert.deepEqual(doubtsOf({ expr }, 1.5e6), []);
    assert.deepEqual(doubtsOf({ expr }, 1_500_210), [], "it is observed, and never quite even");
    assert.deepEqual(doubtsOf({ expr }), []);
  });

  test("an age that nothing evaluates, and an event in args only", () => {
    assert.match(doubtsOf({ expr: "default(age(cpu), 0) > 5" })[0] ?? "", /^expr: age is compared/);
    assert.deepEqual(doubtsOf({ expr: "age(cpu) > 5 && cpu > 1" }), []);
    assert.match(
      doubtsOf({ args: { why: "${event.type}" } })[0] ?? "",
      /^args: args read the event/,
    );
  });
});
