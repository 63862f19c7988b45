import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AdaptingWeights,
  defaultScoreWeights,
  leastWeight,
  mostStep,
  mostWeight,
  type ScoreWeights,
  steppedWeights,
} from "./index.ts";

const tight = { priority: 3, slaUs: 10_000, impact: 1 };
const late = { isExecuted: true, isViolated: true };
const inTime = { isExecuted: true, isViolated: false };

function assertInBounds(weights: ScoreWeights): void {
  const all = [weights.business, weights.urgency, weights.impact];
  assert.ok(Math.abs(all.reduce((sum, weight) => sum + weight) - 1) < 1e-9);
  for (const weight of all)
    assert.ok(weight >= leastWeight - 1e-9 && weight <= mostWeight + 1e-9, String(weight));
}

test("whatever is violated, weights move by bounded steps, stay in bounds and add up to 1", () => {
  const counts = fc.record({
    business: fc.nat(1000),
    urgency: fc.nat(1000),
    impact: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(counts, { maxLength: 60 }), (rounds) => {
      let weights = defaultScoreWeights;
      for (const violations of rounds) {
        const next = steppedWeights(weights, violations);
        for (const name of ["business", "urgency", "impact"] as const)
          assert.ok(Math.abs(next[name] - weights[name]) <= mostStep + 1e-12);
        assertInBounds(next);
        weights = next;
      }
    }),
  );
});

test("weights come to the shares of what is violated and stay there", () => {
  let weights = defaultScoreWeights;
  for (let round = 0; round < 40; round++)
    weights = steppedWeights(weights, { business: 0, urgency: 30, impact: 0 });
  assert.ok(Math.abs(weights.urgency - mostWeight) < 1e-9);
  assert.ok(Math.abs(weights.business - leastWeight) < 1e-9);
  const still = steppedWeights(weights, { business: 0, urgency: 1, impact: 0 });
  assert.ok(Math.abs(still.urgency - weights.urgency) < 1e-9);
});

test("weights move after as many executions as were named, and by nothing else", () => {
  const adapting = new AdaptingWeights(1000);
  for (let count = 0; count < 999; count++) adapting.ended(tight, late);
  assert.deepEqual(adapting.weights, defaultScoreWeights);
  adapting.ended(tight, inTime);
  assert.ok(adapting.weights.urgency > defaultScoreWeights.urgency);
  const moved = adapting.weights;
  for (let count = 0; count < 1000; count++) adapting.ended(tight, inTime);
  assert.deepEqual(adapting.weights, moved);
});

test("a violation counts by its business, its service level and its impact", () => {
  const moved = (importance: Parameters<AdaptingWeights["ended"]>[0]): ScoreWeights => {
    const adapting = new AdaptingWeights(1);
    adapting.ended(importance, late);
    return adapting.weights;
  };
  const { business, urgency, impact } = defaultScoreWeights;
  assert.ok(moved({ priority: 8, slaUs: 10_001, impact: 99 }).business > business);
  assert.ok(moved({ priority: 7, slaUs: 10_000, impact: 99 }).urgency > urgency);
  assert.ok(moved({ priority: 7, slaUs: 10_001, impact: 100 }).impact > impact);
  assert.deepEqual(moved({ priority: 7, slaUs: 10_001, impact: 99 }), defaultScoreWeights);
});

test("weights that are not to move stay", () => {
  const adapting = new AdaptingWeights(0);
  for (let count = 0; count < 3000; count++) adapting.ended(tight, late);
  assert.deepEqual(adapting.weights, defaultScoreWeights);
});

test("what was never executed counts as a violation, not as an execution", () => {
  const adapting = new AdaptingWeights(1);
  adapting.ended({ priority: 9, slaUs: 1e6, impact: 1 }, { isExecuted: false, isViolated: true });
  assert.deepEqual(adapting.weights, defaultScoreWeights);
  adapting.ended(tight, inTime);
  assert.ok(adapting.weights.business > defaultScoreWeights.business);
});
