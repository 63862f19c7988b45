import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDifferential } from "../differential/compare.ts";
import { executedFeatures } from "../differential/features.ts";
import { plantedFaults } from "./faults.ts";
import { plantInto } from "./plant.ts";
import { findPair, mostPairs } from "./search.ts";

for (const [name, fault] of Object.entries(plantedFaults))
  test(`it is noticed when ${name}`, async (context) => {
    assert.ok(fault.pair < mostPairs);
    if ((await findPair(name, fault, fault.pair, 1)) !== undefined) return;
    const found = await findPair(name, fault, 0, mostPairs);
    assert.ok(found !== undefined, `none of ${mostPairs} pairs shows it any more`);
    context.diagnostic(`pair ${fault.pair} shows it no more, pair ${found} does: note that one`);
  });

test("a pair that fails is made smaller: to few rules, and few steps", async () => {
  const name = "a rule in shadow acts";
  const edits = plantedFaults[name]?.edits;
  assert.ok(edits !== undefined);
  const Made = await plantInto(name, edits);
  const details = checkDifferential({ features: executedFeatures, runs: 1_000, seed: 1, Made });
  const [rules = [], stream = []] = details.counterexample ?? [];
  assert.ok(details.failed && details.numShrinks > 0);
  assert.ok(rules.length <= 2, JSON.stringify(rules));
  assert.ok(stream.length <= 5, JSON.stringify(stream));
});

test("an engine without a fault beside the others shows nothing", async () => {
  const details = checkDifferential({
    features: executedFeatures,
    runs: 50,
    seed: 1,
    Made: await plantInto("nothing", []),
  });
  assert.equal(details.failed, false);
});
