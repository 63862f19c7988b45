import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultScoreWeights, score } from "./index.ts";

test("the score adds business weight, urgency and impact by their shares", () => {
  assert.ok(Math.abs(score({ priority: 10, slaUs: 0, impact: 1_000 }) - 1) < 1e-12);
  const middling = score({ priority: 8, slaUs: 19_000, impact: 100 });
  assert.ok(Math.abs(middling - (0.6 * 0.8 + 0.3 * 0.5 + 0.1 * 0.1)) < 1e-12);
});

test("an sla below 9 ms and an impact above 1,000 agents count no more than these", () => {
  assert.equal(
    score({ priority: 5, slaUs: 9_000, impact: 1_000 }),
    score({ priority: 5, slaUs: 1, impact: 1e6 }),
  );
});

test("without an sla there is no urgency", () => {
  assert.equal(score({ priority: 10, impact: 0 }), 0.6);
  assert.equal(score({ priority: 10, slaUs: undefined, impact: 0 }), 0.6);
});

test("other weights shift the score", () => {
  const weights = { business: 0, urgency: 1, impact: 0 };
  assert.equal(score({ priority: 10, slaUs: 99_000, impact: 9 }, weights), 0.1);
  const { business, urgency, impact } = defaultScoreWeights;
  assert.ok(Math.abs(business + urgency + impact - 1) < 1e-12);
});
