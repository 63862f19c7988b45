import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonObject } from "./index.ts";

test("objects are JSON objects; arrays, null and scalars are not", () => {
  assert.equal(isJsonObject({}), true);
  assert.equal(isJsonObject(Object.create(null)), true);
  for (const other of [[], null, undefined, "x", 1, true]) assert.equal(isJsonObject(other), false);
});
