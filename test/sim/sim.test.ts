import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulate.ts";

test("the same seed leads to the same trace, byte for byte", async () => {
  for (const seed of [4, 20, 129]) {
    const first = await simulate(seed, { isTraced: true });
    const second = await simulate(seed, { isTraced: true });
    assert.ok(first.trace.length > 300, `seed ${seed}: ${first.trace.length} lines`);
    assert.equal(second.trace.join("\n"), first.trace.join("\n"));
    assert.equal(second.digest, first.digest);
  }
});

test("keeping the trace changes nothing of the run", async () => {
  const kept = await simulate(7, { isTraced: true });
  const digested = await simulate(7);
  assert.equal(digested.digest, kept.digest);
  assert.deepEqual(digested.trace, []);
});

test("two hundred fleets come through what befalls them, and see instructions end in every way", async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 200; seed++) {
    const { breaches, ends } = await simulate(seed);
    assert.deepEqual(breaches, [], `replay it with: npm run sim -- --seed ${seed} --trace`);
    for (const end of ends.keys()) seen.add(end);
  }
  for (const end of [
    "executed",
    "canceled CANCELED",
    "canceled SHADOW",
    "expired DEADLINE_EXCEEDED",
    "failed HANDLER_FAILED",
    "failed OUTCOME_UNKNOWN",
    "failed TIMEOUT",
    "rejected BREAKER_OPEN",
    "rejected NODE_DRAINING",
    "rejected NO_HANDLER",
    "rejected SHED",
  ])
    assert.ok(seen.has(end), `${end} is not among ${[...seen].join(", ")}`);
});
