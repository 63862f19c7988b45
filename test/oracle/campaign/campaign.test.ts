import assert from "node:assert/strict";
import { test } from "node:test";
import { executedFeatures } from "../differential/features.ts";
import { occurrenceNames } from "../differential/occurrences.ts";
import { runCampaign } from "./campaign.ts";

const runs = 10_000;
/** The same pairs each time; `npm run oracle` runs others. */
const seed = 1;

test("the engine decides what the oracle decides, on 10,000 random rules and streams, in which all that may occur does", async () => {
  const { occurrences, failures } = await runCampaign({ features: executedFeatures, runs, seed });
  const [first] = failures;
  assert.equal(
    first,
    undefined,
    `npm run oracle -- --runs 250 --seed ${first?.seed}\n${first?.failure}`,
  );
  const seldom = occurrenceNames.filter((name) => (occurrences.get(name) ?? 0) < runs / 100);
  assert.deepEqual(seldom, [], "occur in less than a hundredth of the pairs");
});
