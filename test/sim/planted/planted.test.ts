import assert from "node:assert/strict";
import { test } from "node:test";
import { findPlanted, mostSeeds } from "../command/planted.ts";
import { simulate } from "../simulate.ts";
import { plantedFaults } from "./faults.ts";

for (const [name, { seed, plant }] of Object.entries(plantedFaults))
  test(`it is noticed when ${name}`, async (context) => {
    assert.ok(seed <= mostSeeds);
    if (await isShownBy(seed, plant)) return;
    const found = await findPlanted(name);
    assert.ok(found, `none of ${mostSeeds} seeds shows it any more`);
    context.diagnostic(`seed ${seed} shows it no more, seed ${found.seed} does: note that one`);
  });

async function isShownBy(seed: number, plant: () => Disposable): Promise<boolean> {
  using _ = plant();
  const { broken } = await simulate(seed);
  return broken.length > 0;
}
