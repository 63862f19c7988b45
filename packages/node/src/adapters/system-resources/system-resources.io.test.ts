import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { systemResources } from "./index.ts";

test("a loop that works all the time is seen as busy, one that waits as free", async () => {
  const resources = systemResources();
  // The loop's account begins with its first turn.
  await new Promise((resolve) => setImmediate(resolve));
  resources.read();
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(resources.read().loopShare > 0.5);
  const elsewhere = "const begin = Date.now(); while (Date.now() < begin + 200);";
  await once(new Worker(elsewhere, { eval: true }), "exit");
  assert.ok(resources.read().loopShare < 0.5);
});

test("memory is a share of what the process may have", () => {
  const { memoryShare } = systemResources().read();
  assert.ok(memoryShare > 0 && memoryShare < 1, String(memoryShare));
});
