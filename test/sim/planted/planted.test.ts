import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../simulate.ts";
import { plantedFaults } from "./faults.ts";

for (const [name, { seed, plant }] of Object.entries(plantedFaults))
  test(`it is noticed when ${name}`, async () => {
    const sound = await simulate(seed);
    assert.deepEqual(sound.breaches, []);
    using _ = plant();
    const { breaches } = await simulate(seed);
    assert.ok(breaches.length > 0, `seed ${seed} shows nothing any more; look for another`);
  });
