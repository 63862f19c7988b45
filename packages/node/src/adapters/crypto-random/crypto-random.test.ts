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
