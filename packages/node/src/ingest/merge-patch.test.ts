import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import fc from "fast-check";
import { mergePatch, overlay } from "./merge-patch.ts";

describe("a merge patch", () => {
  /** The examples of RFC 7396, appendix A, whose target and patch are objects. */
  const examples: readonly (readonly [
    target: JsonObject,
    patch: JsonObject,
    result: JsonObject,
  ])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];

  test("does what RFC 7396 shows", () => {
    for (const [target, patch, result] of examples)
      assert.deepEqual(mergePatch(target, patch), result);
  });

  test("changes nothing that it was given, and shares what it leaves alone", () => {
    const target = { kept: { x: [1] }, changed: { y: 1, z: { w: 1 } } };
    const before = structuredClone(target);
    const result = mergePatch(target, { changed: { y: 2 } });
    assert.deepEqual(target, before);
    assert.deepEqual(result, { kept: { x: [1] }, changed: { y: 2, z: { w: 1 } } });
    assert.equal(result["kept"], target.kept);
    assert.equal(mergePatch(target, { changed: { y: 1 }, absent: null }), target);
  });

  test("takes keys such as __proto__ for plain keys", () => {
    const patch = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": {"x": 1}, "toString": null}',
    );
    const result = mergePatch(mergePatch({}, patch), JSON.parse('{"__proto__": {"more": 1}}'));
    assert.equal(
      JSON.stringify(result),
      '{"__proto__":{"polluted":true,"more":1},"constructor":{"x":1}}',
    );
    assert.equal(Object.getPrototypeOf(result), Object.prototype);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    assert.equal(
      JSON.stringify(overlay(result, JSON.parse('{"__proto__": 1}'))),
      '{"__proto__":1,"constructor":{"x":1}}',
    );
  });

  test("once applied, changes nothing when applied again", () => {
    const json = fc.dictionary(
      fc.constantFrom("a", "b", "c", "__proto__"),
      fc.jsonValue({ maxDepth: 3 }),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const once = mergePatch(target as JsonObject, patch as JsonObject);
        assert.deepEqual(mergePatch(once, patch as JsonObject), once);
        assert.equal(JSON.stringify(target), JSON.stringify(structuredClone(target)));
      }),
    );
  });
});

test("one state lies over another: objects are united, of anything else the upper wins", () => {
  assert.deepEqual(
    overlay(
      { a: { x: 1, y: { p: 1 } }, b: [1, 2], c: 1 },
      { a: { x: 2, y: { q: 2 } }, b: [3], d: 4 },
    ),
    {
      a: { x: 2, y: { p: 1, q: 2 } },
      b: [3],
      c: 1,
      d: 4,
    },
  );
});
