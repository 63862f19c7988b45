import assert from "node:assert/strict";
import { test } from "node:test";
import { cryptoRandom } from "./index.ts";

test("floats are uniform in [0, 1)", () => {
  const random = cryptoRandom();
  let sum = 0;
  for (let draw = 0; draw < 20_000; draw++) {
    const value = random.float();
    assert.ok(value >= 0 && value < 1);
    sum += value;
  }
  assert.ok(Math.abs(sum / 20_000 - 0.5) < 0.02);
});

test("bytes come in the number asked for and never repeat", () => {
  const random = cryptoRandom();
  assert.equal(random.bytes(0).length, 0);
  const drawn = new Set<string>();
  for (let draw = 0; draw < 100; draw++) drawn.add(random.bytes(16).join());
  assert.equal(drawn.size, 100);
});

test("bytes that are many, or lie across two drawings, are random in each place", () => {
  const random = cryptoRandom();
  for (const count of [5000, 3000, 3000, 4096, 4095, 7]) {
    const seen = new Uint8Array(count);
    // A place that is 0 in each of 8 draws of a fair source comes once in 10^19.
    for (let draw = 0; draw < 8; draw++)
      for (const [at, byte] of random.bytes(count).entries()) seen[at] = (seen[at] ?? 0) | byte;
    assert.equal(seen.length, count);
    assert.ok(seen.every((bits) => bits !== 0));
  }
});
