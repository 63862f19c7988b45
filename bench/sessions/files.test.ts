import assert from "node:assert/strict";
import { test } from "node:test";
import { hindrance, requireFiles } from "./files.ts";

test("what a process may have open bounds its sessions, and is told with what to do", () => {
  assert.equal(hindrance(15_000, 20_000), undefined);
  assert.equal(hindrance(50_000, Number.POSITIVE_INFINITY), undefined);
  const why = hindrance(50_000, 20_000) ?? "";
  assert.match(why, /50500 open files .* may have 20000 \(ulimit -n\)/);
  assert.match(why, /--sessions 19500$/);
  assert.throws(() => requireFiles(Number.MAX_SAFE_INTEGER), /ulimit -n/);
});
