import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonValue, maxJsonLevels, sizeOf } from "@myelin/core/json";
import fc from "fast-check";
import { toJson, toJsonObject } from "./index.ts";

const bounds = { maxBytes: 1e6 };

test("what JSON carries is copied as JSON would carry it", () => {
  fc.assert(
    fc.property(fc.jsonValue({ depthSize: "medium", noUnicodeString: false }), (value) => {
      assert.equal(JSON.stringify(toJson(value, "value", bounds).value), JSON.stringify(value));
    }),
  );
});

test("the copy does not change with what it was made of", () => {
  const inner = { deep: [1, 2] };
  const { value } = toJson({ inner }, "value", bounds);
  inner.deep.push(3);
  assert.deepEqual(value, { inner: { deep: [1, 2] } });
});

test("a key called __proto__ stays a key", () => {
  const { value } = toJsonObject(JSON.parse('{"__proto__": {"polluted": true}}'), "value", bounds);
  assert.deepEqual(Object.keys(value), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test("what JSON cannot carry is refused with its place", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  const cases: [unknown, RegExp][] = [
    [{ a: [1, Number.NaN] }, /value\.a\[1\] is NaN/],
    [{ a: () => 1 }, /value\.a is a function/],
    [1n, /is a bigint/],
    [Symbol("x"), /is a symbol/],
    [cyclic, /nested more than 32 deep/],
  ];
  for (const [value, message] of cases) {
    assert.throws(() => toJson(value, "value", bounds), { code: "INVALID_ARGUMENT", message });
  }
  assert.throws(() => toJsonObject([1], "value", bounds), { code: "INVALID_ARGUMENT" });
  assert.throws(() => toJson("x".repeat(100), "value", { maxBytes: 50 }), {
    code: "PAYLOAD_TOO_LARGE",
  });
});

test("nesting is allowed to its bound, and not beyond", () => {
  const nested = (levels: number): JsonValue => (levels === 0 ? 1 : { in: nested(levels - 1) });
  toJson(nested(16), "value", { ...bounds, maxDepth: 16 });
  assert.throws(() => toJson(nested(17), "value", { ...bounds, maxDepth: 16 }), /16 deep/);
});

test("a value is measured as its node measures it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { value: taken, sizeBytes } = toJson(value, "value", { maxBytes: 1e6 });
      assert.equal(sizeBytes, sizeOf(taken, maxJsonLevels));
    }),
  );
});
