import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BytePool } from "./index.ts";

test("what was given back is handed out again, to one taker at a time", () => {
  const pool = new BytePool(1 << 20);
  const first = pool.take(3000);
  const second = pool.take(3000);
  assert.notEqual(first, second);
  pool.give(first);
  assert.equal(pool.take(3072), first);
  assert.notEqual(pool.take(3072), first);
});

test("every buffer is large enough, and what is kept within its bound", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300_000 })), (sizes) => {
      const pool = new BytePool(500_000);
      const taken = sizes.map((size) => pool.take(size));
      for (const [index, buffer] of taken.entries())
        assert.ok(buffer.length >= (sizes[index] ?? 0));
      assert.equal(new Set(taken).size, sizes.length);
      for (const buffer of taken) {
        pool.give(buffer);
        assert.ok(pool.keptBytes <= 500_000);
      }
    }),
  );
});
