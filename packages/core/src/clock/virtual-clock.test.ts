import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "./index.ts";

const startUs = 1_700_000_000_000_000;

test("time stands still until it is moved", () => {
  const clock = new VirtualClock(startUs);
  assert.equal(clock.nowUs(), startUs);
  clock.advance(250);
  assert.equal(clock.nowUs(), startUs + 250);
});

test("timers run when they are due, in the order of time and then of scheduling", () => {
  const clock = new VirtualClock(startUs);
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} at ${clock.nowUs() - startUs}`);
  clock.schedule(20, note("c"));
  clock.schedule(10, note("a"));
  clock.schedule(10, note("b"));
  clock.schedule(21, note("late"));
  clock.advance(20);
  assert.deepEqual(ran, ["a at 10", "b at 10", "c at 20"]);
  assert.equal(clock.nextDueUs, startUs + 21);
  clock.advance(1);
  assert.equal(ran.at(-1), "late at 21");
  assert.equal(clock.nextDueUs, Number.POSITIVE_INFINITY);
});

test("any timers run in order, whatever is canceled", () => {
  const delays = fc.array(fc.record({ delayUs: fc.nat(50), isCanceled: fc.boolean() }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(delays, (timers) => {
      const clock = new VirtualClock(0);
      const ran: number[] = [];
      const handles = timers.map(({ delayUs }, index) =>
        clock.schedule(delayUs, () => ran.push(index)),
      );
      for (const [index, { isCanceled }] of timers.entries()) {
        if (isCanceled) handles[index]?.cancel();
      }
      clock.advance(100);
      const expected = timers
        .map((timer, index) => ({ ...timer, index }))
        .filter(({ isCanceled }) => !isCanceled)
        .sort((a, b) => a.delayUs - b.delayUs || a.index - b.index)
        .map(({ index }) => index);
      assert.deepEqual(ran, expected);
    }),
  );
});

test("a timer that was canceled does not run, and canceling it again does no harm", () => {
  const clock = new VirtualClock(startUs);
  let runs = 0;
  const timer = clock.schedule(10, () => runs++);
  const other = clock.schedule(10, () => timer.cancel());
  other.cancel();
  clock.schedule(5, () => timer.cancel());
  clock.advance(10);
  timer.cancel();
  assert.equal(runs, 0);
});

test("a timer may schedule another that falls due in the same stretch", () => {
  const clock = new VirtualClock(startUs);
  const at: number[] = [];
  const again = (): void => {
    at.push(clock.nowUs() - startUs);
    clock.schedule(10, again);
  };
  clock.schedule(10, again);
  clock.advance(35);
  assert.deepEqual(at, [10, 20, 30]);
});

test("what was deferred runs in order before time moves, and before timers that are due", () => {
  const clock = new VirtualClock(startUs);
  const ran: string[] = [];
  clock.schedule(0, () => ran.push("timer"));
  clock.defer(() => {
    ran.push("first");
    clock.defer(() => ran.push("third"));
  });
  clock.defer(() => ran.push("second"));
  clock.schedule(5, () => clock.defer(() => ran.push(`deferred at ${clock.nowUs() - startUs}`)));
  clock.advance(50);
  assert.deepEqual(ran, ["first", "second", "third", "timer", "deferred at 5"]);
});

test("a delay that is negative or no number is none", () => {
  const clock = new VirtualClock(startUs);
  let runs = 0;
  clock.schedule(-5, () => runs++);
  clock.schedule(Number.NaN, () => runs++);
  clock.advance(0);
  assert.equal(runs, 2);
});

test("callbacks without end at one instant are an error, not a hang", () => {
  const clock = new VirtualClock(startUs);
  const again = (): void => clock.defer(again);
  again();
  assert.throws(() => clock.advance(1), { code: "INTERNAL", message: /do not come to an end/ });
});

test("time cannot be moved from a callback", () => {
  const clock = new VirtualClock(startUs);
  clock.schedule(1, () => clock.advance(1));
  assert.throws(() => clock.advance(1), { code: "INTERNAL" });
  clock.advance(1);
  assert.equal(clock.nowUs(), startUs + 2);
});

test("run lets promise jobs come to rest between timers", async () => {
  const clock = new VirtualClock(startUs);
  const log: string[] = [];
  const sleep = (delayUs: number): Promise<void> =>
    new Promise((resolve) => {
      clock.schedule(delayUs, resolve);
    });
  const work = (async () => {
    for (let round = 1; round <= 3; round++) {
      await sleep(10);
      for (let job = 0; job < 200; job++) await Promise.resolve();
      log.push(`work ${round} at ${clock.nowUs() - startUs}`);
    }
  })();
  clock.schedule(15, () => log.push("timer at 15"));
  await clock.run(30);
  await work;
  assert.deepEqual(log, ["work 1 at 10", "timer at 15", "work 2 at 20", "work 3 at 30"]);
  assert.equal(clock.nowUs(), startUs + 30);
});

test("a skewed clock is ahead, drifts, and runs its timers by its own time", () => {
  const clock = new VirtualClock(startUs);
  const skewed = clock.skewed({ offsetUs: 5_000, driftPpm: 1_000 });
  assert.equal(skewed.nowUs(), startUs + 5_000);
  let ranAtUs = 0;
  skewed.schedule(1_001_000, () => {
    ranAtUs = clock.nowUs();
  });
  clock.advance(2_000_000);
  assert.equal(skewed.nowUs(), startUs + 5_000 + 2_002_000);
  assert.equal(ranAtUs, startUs + 1_000_000);
});

test("a step changes what a skewed clock reads, and nothing else", () => {
  const clock = new VirtualClock(startUs);
  const skewed = clock.skewed();
  const plain = clock.skewed();
  skewed.step(-3_600e6);
  assert.equal(skewed.nowUs(), startUs - 3_600e6);
  clock.advance(10);
  assert.equal(skewed.nowUs(), startUs - 3_600e6 + 10);
  assert.equal(plain.nowUs(), startUs + 10);
});
