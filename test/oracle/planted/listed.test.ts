import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { plantedFaults } from "./faults.ts";

test("docs/testing.md lists every planted fault, and there are thirty at least", () => {
  const page = readFileSync(new URL("../../../docs/testing.md", import.meta.url), "utf8");
  const names = Object.keys(plantedFaults);
  assert.deepEqual(
    names.filter((name) => !page.includes(name)),
    [],
  );
  assert.ok(names.length >= 30);
});
