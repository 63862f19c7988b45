import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./index.ts";

test("the system clock tells wall-clock time in microseconds and never goes back", () => {
  const clock = systemClock();
  assert.ok(Math.abs(clock.nowUs() - Date.now() * 1e3) < 1e6);
  let last = clock.nowUs();
  for (let look = 0; look < 10_000; look++) {
    const now = clock.nowUs();
    assert.ok(now >= last);
    last = now;
  }
});

test("a step of the wall clock forward is followed, a step back is not", (t) => {
  const clock = systemClock();
  const beforeUs = clock.nowUs();
  const realNow = Date.now;
  const realElapsed = performance.now.bind(performance);
  t.mock.method(Date, "now", () => realNow() + 3_600_000);
  t.mock.method(performance, "now", () => realElapsed() + 2_000);
  assert.ok(clock.nowUs() - beforeUs > 3_590e6);
  t.mock.method(Date, "now", () => realNow() - 3_600_000);
  t.mock.method(performance, "now", () => realElapsed() + 4_000);
  assert.ok(clock.nowUs() - beforeUs > 3_590e6);
});

test("a scheduled callback is never called early, and not at all when canceled", async () => {
  const clock = systemClock();
  const canceled = clock.schedule(2_000, () => assert.fail("was canceled"));
  canceled.cancel();
  for (const delayUs of [0, 100, 1_500, 3_700]) {
    const fromUs = clock.nowUs();
    await new Promise<void>((resolve) => clock.schedule(delayUs, resolve));
    assert.ok(clock.nowUs() - fromUs >= delayUs);
  }
});

test("a delay beyond what setTimeout takes does not fire at once", async () => {
  const clock = systemClock();
  const far = clock.schedule(40 * 86_400e6, () => assert.fail("fired early"));
  const never = clock.schedule(Number.POSITIVE_INFINITY, () => assert.fail("fired early"));
  await new Promise<void>((resolve) => clock.schedule(5_000, resolve));
  far.cancel();
  never.cancel();
});

test("a deferred callback runs in a later turn", async () => {
  const clock = systemClock();
  let hasRun = false;
  const ran = new Promise<void>((resolve) =>
    clock.defer(() => {
      hasRun = true;
      resolve();
    }),
  );
  await Promise.resolve();
  assert.equal(hasRun, false);
  await ran;
});
