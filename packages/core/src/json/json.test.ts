import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonObject, pathToWrongNumber, sizeOf } from "./index.ts";

test("objects are JSON objects; arrays, null and scalars are not", () => {
  assert.equal(isJsonObject({}), true);
  assert.equal(isJsonObject(Object.create(null)), true);
  for (const other of [[], null, undefined, "x", 1, true]) assert.equal(isJsonObject(other), false);
});

test("the way to a number that JSON cannot carry is found, in objects and arrays", () => {
  assert.equal(pathToWrongNumber({ a: [1, "x", null], b: true }, 32), undefined);
  const deep = { a: 1, b: [0, { c: JSON.parse("1e400") as number }] };
  assert.deepEqual(pathToWrongNumber(deep, 32), ["b", "1", "c"]);
  assert.deepEqual(pathToWrongNumber(Number.NaN, 0), []);
  assert.equal(pathToWrongNumber(deep, 2), undefined, "what is deeper is refused for that");
});

test("the size of a value is about that of its JSON, and none where it is too deep", () => {
  for (const value of [{ a: "some text", b: [true, false, null] }, [], "text", { n: 1.25 }]) {
    const sizeBytes = sizeOf(value, 3);
    const jsonBytes = JSON.stringify(value).length;
    assert.ok(sizeBytes >= jsonBytes && sizeBytes <= 4 * jsonBytes + 8, JSON.stringify(value));
  }
  assert.equal(sizeOf({ a: [[]] }, 2), Number.POSITIVE_INFINITY);
});
