import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextOverloadLevel, type OverloadLevel } from "./index.ts";

const bounds = { above: 0.8, below: 0.7 };

function levelsOf(loads: readonly number[]): OverloadLevel[] {
  let level: OverloadLevel = 0;
  return loads.map((load) => (level = nextOverloadLevel(level, load, bounds)));
}

test("overload is answered step by step, and let go step by step", () => {
  assert.deepEqual(levelsOf([0.81, 0.9, 2, 1, 0.6, 0.1, 0, 0]), [1, 2, 3, 3, 2, 1, 0, 0]);
});

test("between the bounds nothing changes", () => {
  assert.deepEqual(levelsOf([0.8, 0.9, 0.75, 0.7, 0.8, Number.NaN, 0.69]), [0, 1, 1, 1, 1, 1, 0]);
});

test("no load moves more than one step, and no step goes the wrong way", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 2 })), (loads) => {
      let before = 0;
      levelsOf(loads).forEach((level, at) => {
        const load = loads[at] ?? 0;
        assert.ok(Math.abs(level - before) <= 1);
        if (level > before) assert.ok(load > bounds.above);
        if (level < before) assert.ok(load < bounds.below);
        before = level;
      });
    }),
  );
});
