import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReapedCounter } from "./reaped-counter.ts";

test("a child that was watched is not counted again when its parent reaps it", () => {
  const parent = new ReapedCounter();
  assert.equal(parent.advance(100), 100);
  parent.expect(40);
  assert.equal(parent.advance(145), 5, "what the child used after its last reading is new");
  assert.equal(parent.covered, 145);
});

test("a grandchild's share passes on to whoever reaps its parent", () => {
  const parent = new ReapedCounter();
  const child = new ReapedCounter();
  child.expect(30);
  parent.expect(child.covered + 20);
  assert.equal(parent.advance(50), 0);
});

test("whatever it is told, what it gives is never negative and never more than the growth", () => {
  const step = fc.record({
    value: fc.double({ min: 0, max: 1e15, noNaN: true }),
    expected: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const counter = new ReapedCounter();
      let counted = 0;
      let highest = 0;
      for (const { value, expected } of steps) {
        const given = counter.advance(value);
        assert.ok(given >= 0);
        counted += given;
        highest = Math.max(highest, value);
        counter.expect(expected);
      }
      assert.ok(counted <= highest * (1 + 1e-9));
    }),
  );
});
