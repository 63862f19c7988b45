import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { boundsToHold, planRule } from "./index.ts";

/** Bounds as `metric: low..high`, in order of the metrics. */
function boundsOf(expr: string): readonly string[] {
  const { plan, problems } = planRule({ name: "r", action: "stop", expr });
  assert.ok(plan !== undefined, JSON.stringify(problems));
  return [...boundsToHold(plan.condition)]
    .map(([metric, { low, high }]) => `${metric}: ${low}..${high}`)
    .toSorted();
}

describe("the bounds within which metrics must be for a condition to hold", () => {
  test("a comparison with a literal bounds what it compares", () => {
    assert.deepEqual(boundsOf("cpu > 0.9"), ["cpu: 0.9..Infinity"]);
    assert.deepEqual(boundsOf("-2.0 >= cpu"), ["cpu: -Infinity..-2"]);
    assert.deepEqual(boundsOf("cpu == 3.0"), ["cpu: 3..3"]);
  });

  test("what is joined by && bounds every metric, and one metric more closely", () => {
    assert.deepEqual(boundsOf("cpu > 0.9 && mem < 5 && cpu <= 2 && twin.on"), [
      "cpu: 0.9..2",
      "mem: -Infinity..5",
    ]);
  });

  test("what is joined by || bounds the metrics of every alternative, more widely", () => {
    assert.deepEqual(boundsOf("cpu > 5 && cpu < 6 || cpu < 2 && mem > 1 && cpu > 1"), [
      "cpu: 1..6",
    ]);
    assert.deepEqual(boundsOf("cpu > 5 || mem > 1"), []);
  });

  test("nothing is said of metrics that are read in any other way", () => {
    for (const expr of [
      "!(cpu > 0.9)",
      "default(cpu, 1.0) > 0.5",
      "cpu != 0.9",
      "cpu > mem",
      "cpu * 2.0 > 1.0",
      'avg_over_time(cpu, "10s") > 0.5',
      "cpu > 0.9 || twin.on",
      "(cpu > 0.9) == false",
    ])
      assert.deepEqual(boundsOf(expr), [], expr);
  });
});
