import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { TestEngine, type TestSample, us } from "./test-support.ts";

/**
 * Frames that concern no rule take a shorter way. An engine in which a rule fires all the time never takes it, and
 * is to come to the same otherwise.
 */
const rules = [
  "  - { name: plain, expr: a > 1, action: stop, cooldown: 0s }",
  "  - { name: waits, expr: a > 1 && d > 1, for: 2s, action: stop, cooldown: 0s }",
  `  - { name: window, expr: 'b > 1 && count_over_time(b, "3s") >= 3', action: stop, cooldown: 0s }`,
  `  - { name: silent, expr: 'absent(c, "4s")', action: stop, cooldown: 0s }`,
  "  - { name: aged, expr: heartbeat_age > 8, action: stop, cooldown: 0s }",
].join("\n");

function engineWith(isBusy: boolean): TestEngine {
  const busy = `  - { name: busy, expr: busy > ${isBusy ? 0 : 10}, action: stop }`;
  return new TestEngine(`${rules}\n${busy}`);
}

/** A frame: its part, how many seconds its first sample is behind the clock, and its samples by their distances. */
const frames = fc.record({
  part: fc.constantFrom(1, 1, 1, 2),
  behind: fc.constantFrom(0, 0, 0, 1, 3),
  later: fc.constantFrom(0, 0.5, 1),
  samples: fc.array(
    fc.record({
      after: fc.constantFrom(0, 0, 0.25),
      metric: fc.constantFrom("a", "a", "a", "d", "d", "d", "unread", "b", "c"),
      value: fc.constantFrom(0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 2, Number.NaN),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  isObserved: fc.constantFrom(true, false, false),
});

describe("a frame that concerns no rule", () => {
  test("leaves what evaluating at each of its instants would leave", () => {
    let calm = 0;
    const property = fc.property(fc.array(frames, { minLength: 8, maxLength: 30 }), (steps) => {
      const engines = [engineWith(false), engineWith(true)];
      for (const engine of engines) {
        const slot = engine.join();
        engine.engine.startTimeLine(slot, 2, "line-2");
        engine.send(slot, 0, 5, "busy");
      }
      let nowSeconds = 1;
      for (const { part, behind, later, samples, isObserved } of steps) {
        nowSeconds += later;
        let atSeconds = nowSeconds - behind;
        const frame = samples.map(({ after, metric, value }): TestSample => {
          atSeconds += after;
          return [atSeconds, metric, value];
        });
        for (const { engine } of engines) {
          engine.advance(us(nowSeconds));
          const age = engine.metric("heartbeat_age");
          if (isObserved) engine.observe(0, 0, age, behind, us(nowSeconds), us(nowSeconds));
        }
        for (const engine of engines) engine.frame(0, frame, { part, nowSeconds });
        const [quick, slow] = engines.map((engine) => ({
          states: engine.engine.agentStates(0).filter(({ rule }) => rule !== "busy"),
          latest: engine.engine.latest(0).toSorted((x, y) => (x.metric < y.metric ? -1 : 1)),
          fired: engine.fired.filter((rule) => rule !== "busy"),
          counters: { ...engine.engine.counters, firings: 0 },
        }));
        assert.deepEqual(quick, slow);
        if (frame.every(([, , value]) => value < 1)) calm += 1;
      }
    });
    fc.assert(property, { numRuns: 300 });
    assert.ok(calm > 1_000, `${calm} frames of small values`);
  });
});
