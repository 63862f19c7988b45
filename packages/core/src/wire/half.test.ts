import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { halfBits, halfValue } from "./half.ts";

const view = new DataView(new ArrayBuffer(2));

test("all 65,536 numbers of 16 bits have the value that the platform gives them, and come back", () => {
  for (let bits = 0; bits <= 0xffff; bits++) {
    view.setUint16(0, bits);
    const value = view.getFloat16(0);
    assert.ok(Object.is(halfValue(bits), value), `${bits}`);
    if (!Number.isNaN(value)) assert.equal(halfBits(value), bits);
  }
});

test("any number becomes one that is as near as the platform's", () => {
  const number = fc.oneof(
    fc.double(),
    fc.double({ min: -70_000, max: 70_000, noNaN: true }),
    fc.double({ min: -1e-3, max: 1e-3, noNaN: true }),
  );
  fc.assert(
    fc.property(number, (value) => {
      const [ours, platform] = [halfValue(halfBits(value)), Math.f16round(value)];
      if (Object.is(ours, platform)) return;
      assert.equal(Math.abs(ours - value), Math.abs(platform - value));
    }),
    { numRuns: 20_000 },
  );
});
