import assert from "node:assert/strict";
import { test } from "node:test";
import { maxGrowthBytes } from "./campaign.ts";
import { attackRules } from "./rules.ts";
import { ruleTextAt } from "./rule-texts.ts";

const seed = 1;

test("4,000 hostile texts of rules are refused with a place, or have a plan, in bounded time and memory", () => {
  const { find, refused, planned, growthBytes } = attackRules(seed, 4_000);
  assert.equal(
    find,
    undefined,
    `npm run fuzz -- --rules --seed ${seed} --at ${find?.at}: ${find?.error}`,
  );
  assert.ok(refused > 2_000 && planned > 300, `${refused} refused, ${planned} planned`);
  assert.ok(growthBytes <= maxGrowthBytes, `memory grew by ${growthBytes} bytes`);
});

test("a text is the same again from its seed and place", () => {
  for (let at = 0; at < 300; at += 1) assert.deepEqual(ruleTextAt(seed, at), ruleTextAt(seed, at));
});
