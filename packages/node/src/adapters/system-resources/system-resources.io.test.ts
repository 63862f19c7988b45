import assert from "node:assert/strict";
import { test } from "node:test";
import { systemResources } from "./index.ts";

test("a loop that works all the time is seen as busy, one that waits as free", async () => {
  const resources = systemResources();
  await new Promise((resolve) => setTimeout(resolve, 20));
  resources.read();
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(resources.read().loopShare > 0.5);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(resources.read().loopShare < 0.5);
});

test("memory is a share of what the process may have", () => {
  const { memoryShare } = systemResources().read();
  assert.ok(memoryShare > 0 && memoryShare < 1, String(memoryShare));
});
