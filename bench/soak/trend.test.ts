import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@myelin/core/random";
import { type Point, trendOf } from "./trend.ts";

const random = seededRandom(3);

/** A minute apart. */
function pointsOf(values: readonly number[]): Point[] {
  return values.map((value, at) => ({ atHours: at / 60, value }));
}

function noise(count: number): number[] {
  return Array.from({ length: count }, () => random.float() + random.float() - 1);
}

test("a line without noise has its slope and no doubt", () => {
  const { mean, perHour, withinPerHour } = trendOf(pointsOf([100, 101, 102, 103, 104]));
  assert.equal(mean, 102);
  assert.ok(Math.abs(perHour - 60) < 1e-9);
  assert.ok(withinPerHour < 1e-9);
});

test("the true slope is within the interval in nineteen of twenty runs, about", () => {
  let hits = 0;
  for (let run = 0; run < 400; run++) {
    const values = noise(20).map((value, at) => 10 + at * 0.05 + value);
    const { perHour, withinPerHour } = trendOf(pointsOf(values));
    if (Math.abs(perHour - 3) <= withinPerHour) hits++;
  }
  assert.ok(hits >= 368, `${hits} of 400`);
});

test("values that hang together leave more doubt than those that do not", () => {
  const alone = noise(200);
  let carried = 0;
  const together = alone.map((value) => (carried = carried * 0.9 + value * Math.sqrt(1 - 0.81)));
  const of = (values: readonly number[]): number => trendOf(pointsOf(values)).withinPerHour;
  assert.ok(of(together) > 2 * of(alone));
});
