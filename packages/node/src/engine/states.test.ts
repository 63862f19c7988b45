import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ruleName, TestEngine, us } from "./test-support.ts";

const hot = "  - { name: r, expr: m > 10, action: stop }";
const hotFor10s = "  - { name: r, expr: m > 10, for: 10s, action: stop }";
const nan = Number.NaN;

describe("inactive, pending, firing", () => {
  test("a rule without `for` fires at the first evaluation at which expr is true", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 5);
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 2, 11);
    assert.equal(fleet.state(slot), "firing");
    assert.deepEqual(fleet.firedAt, [2]);
  });

  test("`for: 0s` is no `for`", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, for: 0s, action: stop }");
    fleet.send(fleet.join(), 2, 11);
    assert.deepEqual(fleet.firedAt, [2]);
  });

  test("with `for` it is pending, and fires at the first evaluation with expr true at or after since + for", () => {
    const fleet = new TestEngine(hotFor10s);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    assert.equal(fleet.state(slot), "pending");
    fleet.send(slot, 10.999999, 11);
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 11, 12);
    assert.deepEqual(fleet.firedAt, [11]);
    assert.equal(fleet.firings[0]?.episode.startedAtUs, us(1));
  });

  test("silence leaves a rule pending", () => {
    const fleet = new TestEngine(hotFor10s);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.engine.advance(us(3_600));
    assert.equal(fleet.state(slot), "pending");
    fleet.send(slot, 3_600, 11);
    assert.deepEqual(fleet.firedAt, [3_600]);
  });

  test("entering firing emits exactly one instruction; staying there emits none", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    for (let second = 1; second <= 20; second += 1) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.firedAt, [1]);
    fleet.send(slot, 21, 1);
    assert.deepEqual(fleet.ends, [`r ${slot} 21`]);
    fleet.send(slot, 22, 11);
    assert.deepEqual(fleet.firedAt, [1, 22]);
  });

  test("false while pending goes back to inactive", () => {
    const fleet = new TestEngine(hotFor10s);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 5, 1);
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 6, 11);
    fleet.send(slot, 15, 11);
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 16, 11);
    assert.deepEqual(fleet.firedAt, [16]);
  });

  test("unknown with `missing: reset` while pending goes back to inactive", () => {
    const fleet = new TestEngine(hotFor10s);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 5, nan);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("with `missing: hold` unknown leaves since as it is; from inactive it starts nothing", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, for: 10s, missing: hold, action: stop }",
    );
    const slot = fleet.join();
    fleet.send(slot, 0, nan);
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 1, 11);
    fleet.send(slot, 5, nan);
    assert.equal(fleet.state(slot), "pending");
    fleet.send(slot, 11, nan);
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 12, 11);
    assert.deepEqual(fleet.firedAt, [12]);
    fleet.send(slot, 13, 1);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("a NaN sample sets the value unknown, infinities are values", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10 || n > 10, action: stop }");
    const slot = fleet.join();
    fleet.send(slot, 1, Number.NEGATIVE_INFINITY);
    fleet.send(slot, 2, nan);
    fleet.send(slot, 3, Number.POSITIVE_INFINITY, "n");
    assert.deepEqual(fleet.firedAt, [3]);
    fleet.send(slot, 4, nan, "n");
    assert.equal(fleet.state(slot), "firing", "unknown ends nothing");
    fleet.send(slot, 5, 1, "n");
    assert.equal(fleet.state(slot), "firing", "unknown || false is unknown");
    fleet.send(slot, 6, 1);
    assert.equal(fleet.state(slot), "inactive");
  });
});

describe("the end of an episode", () => {
  const hysteresis = "  - { name: r, expr: m > 10, resolve: m < 5, action: stop }";

  test("once firing, only `resolve` ends it", () => {
    const fleet = new TestEngine(hysteresis);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 7);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 3, nan);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 4, 4);
    assert.equal(fleet.state(slot), "inactive");
    assert.deepEqual(fleet.firedAt, [1]);
  });

  test("`resolve` is looked at only where expr is not true, and not at the evaluation that fires", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, resolve: m != 7, action: stop }");
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 2, 12);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 3, 7);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 4, 6);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("a metric that only `resolve` reads causes an evaluation", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, resolve: done > 0, action: stop }");
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 3, 1, "done");
    assert.equal(fleet.state(slot), "inactive");
  });

  const keeping = "  - { name: r, expr: m > 10, keep_firing_for: 5s, action: stop }";

  test("the end condition must hold for `keep_firing_for`", () => {
    const fleet = new TestEngine(keeping);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 6.9, 1);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 7, 1);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("an evaluation at which it is false or unknown starts that count anew", () => {
    for (const interruption of [11, nan]) {
      const fleet = new TestEngine(keeping);
      const slot = fleet.join();
      fleet.send(slot, 1, 11);
      fleet.send(slot, 2, 1);
      fleet.send(slot, 6, interruption);
      fleet.send(slot, 7, 1);
      fleet.engine.advance(us(11.999));
      assert.equal(fleet.state(slot), "firing");
      fleet.engine.advance(us(12));
      assert.equal(fleet.state(slot), "inactive");
      assert.deepEqual(fleet.ends, [`r ${slot} 12`]);
      assert.deepEqual(fleet.firedAt, [1]);
    }
  });

  test("the end of `keep_firing_for` has a timer, in whole milliseconds rounded up", () => {
    const fleet = new TestEngine(keeping);
    const slot = fleet.join();
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2.000001, 1);
    assert.equal(fleet.engine.nextDueUs, us(7.001));
    fleet.engine.advance(us(7.000999));
    assert.equal(fleet.state(slot), "firing");
    fleet.engine.advance(us(7.001));
    assert.equal(fleet.state(slot), "inactive");
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
  });

  test("at one instant inputs come before the end of `keep_firing_for`", () => {
    const fleet = new TestEngine(keeping);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 7, 11);
    fleet.engine.advance(us(7));
    assert.equal(fleet.state(slot), "firing");
  });

  test("a timer comes before later inputs, though they arrive before it is run", () => {
    const fleet = new TestEngine(keeping);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 7.5, 11);
    assert.deepEqual(fleet.ends, [`r ${slot} 7`]);
    assert.deepEqual(fleet.firedAt, [1, 7.5]);
    fleet.engine.advance(us(8));
    assert.equal(fleet.state(slot), "firing");
  });

  test("`resolve` with `keep_firing_for`: expr true again starts the count anew", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, resolve: m < 5, keep_firing_for: 5s, action: stop }",
    );
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 4);
    fleet.send(slot, 3, 7);
    fleet.engine.advance(us(60));
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 61, 4);
    fleet.engine.advance(us(66));
    assert.equal(fleet.state(slot), "inactive");
  });
});

describe("cooldown and attempts", () => {
  const cooling = "  - { name: r, expr: m > 10, cooldown: 30s, action: stop }";

  test("a cooldown runs from emission until `cooldown` after the instruction's end", () => {
    const fleet = new TestEngine(cooling);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 100, 11);
    assert.equal(fleet.state(slot), "pending", "the instruction has not ended");
    fleet.end(101);
    fleet.send(slot, 130.9, 11);
    assert.deepEqual(fleet.firedAt, [1]);
    fleet.send(slot, 131, 11);
    assert.deepEqual(fleet.firedAt, [1, 131]);
    assert.equal(fleet.firings[1]?.episode.startedAtUs, us(100));
  });

  test("while cooling down a rule waits as pending and fires at the first evaluation with expr true after both waits", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, for: 10s, cooldown: 5s, action: stop }",
    );
    const slot = fleet.join();
    fleet.send(slot, 0, 11);
    fleet.send(slot, 10, 11);
    fleet.end(11);
    fleet.send(slot, 12, 1);
    fleet.send(slot, 13, 11);
    fleet.send(slot, 16, 11);
    assert.deepEqual(fleet.firedAt, [10], "the cooldown is over, `for` is not");
    fleet.send(slot, 23, 11);
    assert.deepEqual(fleet.firedAt, [10, 23]);
  });

  test("in shadow the instruction counts as ended at once", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, cooldown: 30s, mode: shadow, action: stop }",
    );
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 30.9, 11);
    fleet.send(slot, 31, 11);
    assert.deepEqual(fleet.firedAt, [1, 31]);
    assert.deepEqual(
      fleet.firings.map(({ isShadow }) => isShadow),
      [true, true],
    );
  });

  test("a cooldown outlives updates of the rule's meaning", () => {
    const fleet = new TestEngine(cooling);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.end(2);
    fleet.rules("  - { name: r, expr: m > 9, cooldown: 30s, action: stop }", 3);
    fleet.send(slot, 4, 11);
    assert.equal(fleet.state(slot), "pending");
    fleet.send(slot, 32, 11);
    assert.deepEqual(fleet.firedAt, [1, 32]);
  });

  test("a cooldown outlives the agent's leaving and coming back", () => {
    const fleet = new TestEngine(cooling);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.engine.leave(slot, us(2));
    const again = fleet.join("a1", {}, 3);
    fleet.send(again, 4, 11);
    assert.equal(fleet.state(again), "pending");
    fleet.send(again, 32, 11);
    assert.deepEqual(fleet.firedAt, [1, 32]);
    const other = fleet.join("a2", {}, 33);
    fleet.send(other, 34, 11);
    assert.deepEqual(fleet.firedAt, [1, 32, 34]);
  });

  test("without a cooldown the next episode fires at once", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.end(1.5);
    fleet.send(slot, 1.2, 1);
    fleet.send(slot, 1.3, 11);
    assert.deepEqual(fleet.firedAt, [1, 1.3]);
  });

  const trying = "  - { name: r, expr: m > 10, cooldown: 5s, attempts: 3, action: stop }";

  test("while firing there is another instruction after the cooldown if the last failed", () => {
    const fleet = new TestEngine(trying);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 11);
    fleet.end(3, false);
    fleet.send(slot, 7.9, 11);
    assert.deepEqual(fleet.firedAt, [1]);
    fleet.send(slot, 8, 11);
    fleet.end(9, false);
    fleet.send(slot, 14, 11);
    fleet.end(15, false);
    fleet.send(slot, 60, 11);
    assert.deepEqual(fleet.firedAt, [1, 8, 14]);
    assert.deepEqual(
      fleet.firings.map(({ episode }) => [episode.startedAtUs, episode.attempt]),
      [1, 2, 3].map((attempt) => [us(1), attempt]),
    );
    assert.equal(new Set(fleet.firings.map(({ id }) => id)).size, 3);
  });

  test("there is no other attempt after a success, nor when the episode is over", () => {
    const fleet = new TestEngine(trying);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.end(2, true);
    fleet.send(slot, 10, 11);
    assert.deepEqual(fleet.firedAt, [1]);
    fleet.send(slot, 11, 1);
    fleet.send(slot, 12, 11);
    fleet.send(slot, 13, 1);
    fleet.end(14, false);
    fleet.send(slot, 30, 1);
    assert.deepEqual(fleet.firedAt, [1, 12]);
    fleet.send(slot, 31, 11);
    assert.equal(fleet.firings[2]?.episode.attempt, 1);
  });

  test("what became of an earlier episode's instruction is no reason for another attempt", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, attempts: 3, action: stop }");
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.send(slot, 3, 11);
    fleet.engine.instructionEnded(ruleName("r"), slot, {
      succeeded: false,
      endedAtUs: us(4),
      attempt: 1,
      startedAtUs: us(1),
    });
    fleet.send(slot, 5, 11);
    assert.deepEqual(fleet.firedAt, [1, 3]);
  });
});

describe("where", () => {
  const inZoneA =
    "  - { name: r, where: 'agent.labels.zone == \"a\"', expr: m > 10, for: 1s, action: stop }";

  test("a rule is for the agents that `where` matches; unknown does not match", () => {
    const fleet = new TestEngine(inZoneA);
    const a = fleet.join("a", { labels: { zone: "a" } });
    const b = fleet.join("b", { labels: { zone: "b" } });
    const none = fleet.join("none");
    for (const slot of [a, b, none]) {
      fleet.send(slot, 1, 11);
      fleet.send(slot, 2, 11);
    }
    assert.deepEqual(
      fleet.firings.map(({ agent }) => agent),
      ["a"],
    );
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.matching, 1);
  });

  test("`where` ceasing to match makes a rule inactive at once, without an instruction; matching again starts it inactive", () => {
    const fleet = new TestEngine(inZoneA);
    const slot = fleet.join("a", { labels: { zone: "a" } });
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 11);
    fleet.engine.setAttributes(slot, { ...attributes("a"), labels: { zone: "b" } }, us(3));
    assert.equal(fleet.state(slot), "inactive");
    assert.deepEqual(fleet.ends, [`r ${slot} 3`]);
    fleet.send(slot, 4, 11);
    assert.equal(fleet.state(slot), "inactive");
    fleet.engine.setAttributes(slot, { ...attributes("a"), labels: { zone: "a" } }, us(5));
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 6, 11);
    assert.equal(fleet.state(slot), "pending");
    assert.deepEqual(fleet.firedAt, [2]);
  });

  test("an agent that leaves ends its episodes", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.engine.leave(slot, us(2));
    fleet.engine.leave(slot, us(3));
    assert.deepEqual(fleet.ends, [`r ${slot} 2`]);
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.firing, 0);
  });

  const attributes = (id: string) => ({
    id,
    type: "worker",
    tier: "edge",
    labels: {},
    capabilities: [],
  });
});
