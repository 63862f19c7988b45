import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf } from "./keys.ts";

test("keys are read one by one from what a terminal sends at once", () => {
  assert.deepEqual(keysOf("jk\u001b[A\u001bOB\u001b[6~q"), [
    "down",
    "up",
    "up",
    "down",
    "pageDown",
    "quit",
  ]);
});

test("what is no key is passed over whole", () => {
  assert.deepEqual(keysOf("\u001b[200~x\u001b[1;5Ds"), ["sort"]);
});
