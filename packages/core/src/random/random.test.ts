import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { randomName, seededRandom } from "./index.ts";

const take = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.float());
};

test("a seed gives the same numbers again, and another seed others", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      assert.deepEqual(take(seed, 5), take(seed, 5));
      assert.notDeepEqual(take(seed, 5), take(seed + 1, 5));
    }),
  );
});

test("numbers are spread evenly over 0 to 1, without 1", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const number of take(7, 100_000)) {
    assert.ok(number >= 0 && number < 1);
    const tenth = Math.floor(number * 10);
    counts[tenth] = (counts[tenth] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500);
});

test("bytes are as many as asked for, and all values come up", () => {
  const bytes = seededRandom(1).bytes(20_000);
  assert.equal(bytes.length, 20_000);
  assert.equal(new Set(bytes).size, 256);
  assert.equal(seededRandom(1).bytes(0).length, 0);
});

test("names have the length asked for, of characters that ids take", () => {
  const name = randomName(seededRandom(3), 22);
  assert.match(name, /^[A-Za-z0-9_-]{22}$/);
  assert.notEqual(name, randomName(seededRandom(4), 22));
});
