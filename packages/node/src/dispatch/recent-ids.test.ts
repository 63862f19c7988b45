import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstructionId } from "@myelin/core/ids";
import { RecentIds } from "./recent-ids.ts";

test("the latest ids are remembered, and each of them counts once", () => {
  const recent = new RecentIds(3);
  const ids = ["a", "b", "b", "a", "c", "d", "e"] as InstructionId[];
  for (const id of ids) recent.add(id);
  assert.deepEqual(
    ids.filter((id) => recent.has(id)),
    ["c", "d", "e"],
  );
});
