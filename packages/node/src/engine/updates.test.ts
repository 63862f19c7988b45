import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instructionIdOf, parseAgentId } from "@myelin/core/ids";
import { plansOf, ruleName, TestEngine, us } from "./test-support.ts";

const rule = (fields: string, name = "r"): string =>
  `  - { name: ${name}, expr: m > 10, ${fields}, action: stop }`;
const hot = "  - { name: r, expr: m > 10, action: stop }";

describe("rules beside each other", () => {
  test("`unless` keeps a rule from starting while the other fires", () => {
    const fleet = new TestEngine(
      `${rule("unless: other")}\n  - { name: other, expr: n > 0, action: wait }`,
    );
    const slot = fleet.join();
    fleet.send(slot, 1, 1, "n");
    fleet.send(slot, 2, 11);
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 3, 0, "n");
    fleet.send(slot, 4, 11);
    assert.deepEqual(fleet.fired, ["other", "r"]);
  });

  test("`unless` reads the state before this instant, however the instant is cut into frames", () => {
    const rules = `${rule("unless: other")}\n  - { name: other, expr: n > 0, action: wait }`;
    const whole = new TestEngine(rules);
    whole.frame(whole.join(), [
      [1, "n", 1],
      [1, "m", 11],
    ]);
    assert.deepEqual(whole.fired.toSorted(), ["other", "r"]);
    const cut = new TestEngine(rules);
    const slot = cut.join();
    cut.send(slot, 1, 1, "n");
    cut.send(slot, 1, 11);
    assert.deepEqual(cut.fired, ["other", "r"]);
    cut.send(slot, 2, 0, "n");
    cut.send(slot, 2, 1);
    cut.send(slot, 2, 11);
    assert.deepEqual(cut.fired, ["other", "r"], "the other fired before this instant");
  });

  test("`unless` reads the state before this instant also when the rule came at that instant", () => {
    const other = "  - { name: other, expr: a > 0, action: stop }";
    const fleet = new TestEngine(other);
    const slot = fleet.join();
    fleet.send(slot, 1, 1, "a");
    fleet.rules(`${other}\n  - { name: r, expr: b > 0, unless: other, action: stop }`, 1);
    fleet.send(slot, 1, 1, "b");
    assert.deepEqual(fleet.fired, ["other", "r"]);
  });

  test("`unless` ends no episode, and names a rule that need not exist", () => {
    const fleet = new TestEngine(
      `${rule("unless: other")}\n  - { name: other, expr: n > 0, unless: none, action: wait }`,
    );
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1, "n");
    fleet.send(slot, 3, 11);
    assert.equal(fleet.state(slot), "firing");
    assert.deepEqual(fleet.fired, ["r", "other"]);
  });

  test("instructions of one evaluation are ordered by score, then by the rule's name", () => {
    const rules = [
      rule("priority: 2", "c"),
      rule("priority: 9", "b"),
      rule("priority: 2", "a"),
      rule("priority: 2, sla: 1ms", "d"),
    ].join("\n");
    const fleet = new TestEngine(rules);
    fleet.send(fleet.join(), 1, 11);
    assert.deepEqual(fleet.fired, ["b", "d", "a", "c"]);
  });

  test("impact counts the agents that the rule fires on now", () => {
    const fleet = new TestEngine(hot);
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    for (const slot of slots) fleet.send(slot, 1, 11);
    fleet.send(slots[0] as number, 2, 1);
    fleet.send(slots[0] as number, 3, 11);
    assert.deepEqual(
      fleet.firings.map(({ impact }) => impact),
      [1, 2, 3, 3],
    );
  });
});

describe("an instruction's id", () => {
  test("is that of rule, meaning, agent, time line, start of the episode and attempt", () => {
    const fleet = new TestEngine(rule("for: 1s"));
    const slot = fleet.join("a7");
    fleet.engine.startTimeLine(slot, 2, "line-2");
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 11, "m", 2);
    const episode = {
      rule: ruleName("r"),
      meaningVersion: 1,
      agent: parseAgentId("a7"),
      timeLine: "line-2",
      startedAtUs: us(1),
      attempt: 1,
    };
    assert.deepEqual(fleet.firings[0]?.episode, episode);
    assert.equal(fleet.firings[0]?.id, instructionIdOf(episode));
  });

  test("is of the node's own time line where the node observed it", () => {
    const fleet = new TestEngine("  - { name: r, expr: heartbeat_age > 1, action: stop }");
    const slot = fleet.join();
    fleet.engine.observe(slot, 0, fleet.engine.metric("heartbeat_age"), 1.5, us(1) + 0.25, us(1));
    assert.equal(fleet.firings[0]?.episode.timeLine, "node");
    assert.equal(fleet.firings[0]?.episode.startedAtUs, us(1));
  });

  test("arguments are filled in from the state that fired", () => {
    const fleet = new TestEngine(
      '  - { name: r, expr: m > 10, action: stop, args: { reason: "m ${m} on ${agent.id}, n ${n}" } }',
    );
    fleet.send(fleet.join("a7"), 1, 11.5);
    assert.deepEqual(fleet.firings[0]?.args, { reason: "m 11.5 on a7, n unknown" });
  });
});

describe("an update", () => {
  test("whose meaning changed starts the rule afresh, on the latest values", () => {
    const fleet = new TestEngine(rule("for: 10s"));
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules("  - { name: r, expr: m > 10 && n > 0, for: 10s, action: stop }", 2);
    assert.equal(fleet.state(slot), "inactive");
    fleet.send(slot, 3, 1, "n");
    assert.equal(fleet.state(slot), "pending", "the value of m is kept");
    fleet.send(slot, 13, 1, "n");
    assert.deepEqual(
      fleet.firings.map(({ episode }) => [episode.meaningVersion, episode.startedAtUs]),
      [[2, us(3)]],
    );
  });

  test("whose meaning changed ends the episode", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules("  - { name: r, expr: m > 9, action: stop }", 2);
    assert.deepEqual(fleet.ends, [`r ${slot} 2`]);
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.firing, 0);
    fleet.send(slot, 3, 11);
    assert.deepEqual(fleet.firedAt, [1, 3]);
  });

  test("of the rest keeps the rule's state", () => {
    const fleet = new TestEngine(rule("for: 10s"));
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules('  - { name: r, expr: "m > 10", for: 10000ms, action: halt, priority: 9 }', 2);
    fleet.send(slot, 11, 11);
    const [firing] = fleet.firings;
    assert.deepEqual(
      [firing?.plan.action, firing?.ruleVersion, firing?.episode.startedAtUs],
      ["halt", 2, us(1)],
    );
  });

  test("does not itself cause an evaluation", () => {
    const fleet = new TestEngine();
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules(hot, 2);
    assert.deepEqual(fleet.firings, []);
    fleet.send(slot, 3, 11);
    assert.deepEqual(fleet.firedAt, [3]);
  });

  test("from shadow to enforce in mid-episode sends nothing for that episode", () => {
    const fleet = new TestEngine(rule("mode: shadow, attempts: 3"));
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules(rule("mode: enforce, attempts: 3"), 2);
    fleet.send(slot, 3, 11);
    assert.deepEqual(
      fleet.firings.map(({ isShadow }) => isShadow),
      [true],
    );
    fleet.send(slot, 4, 1);
    fleet.send(slot, 5, 11);
    assert.deepEqual(
      fleet.firings.map(({ isShadow }) => isShadow),
      [true, false],
    );
  });

  test("to `off` makes the rule inactive, and back it starts anew", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.rules(rule("mode: off"), 2);
    assert.equal(fleet.state(slot), "inactive");
    assert.deepEqual(fleet.ends, [`r ${slot} 2`]);
    fleet.send(slot, 3, 11);
    const late = fleet.join("late", {}, 3);
    fleet.rules(hot, 4);
    fleet.send(slot, 5, 11);
    fleet.send(late, 6, 11);
    assert.deepEqual(fleet.firedAt, [1, 5, 6]);
  });

  test("that cannot be put in force leaves everything as it was", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    const [plan] = plansOf(hot);
    assert.ok(plan !== undefined);
    const twice = { plan, version: 9, meaningVersion: 9 };
    assert.throws(() => fleet.engine.setRules([twice, twice], us(1)), { code: "INVALID_ARGUMENT" });
    fleet.send(slot, 2, 11);
    assert.equal(fleet.firings[0]?.ruleVersion, 1);
  });

  test("that removes a rule ends its episodes and its timers", () => {
    const fleet = new TestEngine(rule("keep_firing_for: 5s"));
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.rules("", 3);
    assert.deepEqual(fleet.ends, [`r ${slot} 3`]);
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
    assert.equal(fleet.engine.ruleStatus(ruleName("r")), undefined);
    fleet.rules(hot, 4);
    fleet.send(slot, 5, 11);
    assert.deepEqual(fleet.firedAt, [1, 5]);
  });

  test("that shortens `keep_firing_for` is not held up by the old timer", () => {
    const fleet = new TestEngine(rule("keep_firing_for: 1h"));
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 1);
    fleet.rules(rule("keep_firing_for: 1s"), 3);
    fleet.send(slot, 4, 11);
    fleet.send(slot, 5, 1);
    assert.equal(fleet.engine.nextDueUs, us(6));
  });
});

describe("what rules read when they are put in force", () => {
  test("windows of an agent stay whole, however far ahead the time of another is", () => {
    const window = (limit: number): string =>
      `  - { name: r, expr: 'sum_over_time(m, "10s") > ${limit}', action: stop }`;
    const fleet = new TestEngine(window(100));
    const [behind, ahead] = [fleet.join("a1"), fleet.join("a2")];
    fleet.send(behind, 1, 2);
    fleet.send(behind, 2, 2);
    fleet.send(ahead, 50, 2);
    fleet.rules(window(5), 50);
    fleet.send(behind, 3, 2);
    assert.equal(fleet.state(behind), "firing");
  });
});

describe("a limit", () => {
  const limited = rule("limit: 2/1m, cooldown: 5s");
  const burst = (fleet: TestEngine, slots: readonly number[], atSeconds: number): void => {
    for (const slot of slots) {
      fleet.send(slot, atSeconds, 1);
      fleet.send(slot, atSeconds, 11);
    }
  };

  test("one firing too many within the time opens the breaker: from then on episodes run suppressed", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c", "d"].map((id) => fleet.join(id));
    burst(fleet, slots, 1);
    assert.deepEqual(
      fleet.firings.map(({ isSuppressed }) => isSuppressed),
      [false, false, true, true],
    );
    assert.deepEqual(fleet.breakers, ["r open"]);
    const status = fleet.engine.ruleStatus(ruleName("r"));
    assert.deepEqual(
      [status?.isBreakerOpen, status?.firings, status?.suppressedFirings, status?.firing],
      [true, 4, 2, 4],
    );
  });

  test("firings exactly the time apart are not within it", () => {
    const fleet = new TestEngine(rule("limit: 1/1m"));
    const [a, b, c] = ["a", "b", "c"].map((id) => fleet.join(id));
    fleet.send(a as number, 0, 11);
    fleet.send(b as number, 60, 11);
    fleet.send(c as number, 119, 11);
    assert.deepEqual(
      fleet.firings.map(({ isSuppressed }) => isSuppressed),
      [false, false, true],
    );
  });

  test("the breaker closes when the time has passed without a firing, suppressed ones counted", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c", "d"].map((id) => fleet.join(id));
    burst(fleet, slots.slice(0, 3), 1);
    burst(fleet, slots.slice(3), 31);
    assert.equal(fleet.engine.nextDueUs, us(61));
    fleet.engine.advance(us(61));
    assert.deepEqual(fleet.breakers, ["r open"]);
    assert.equal(fleet.engine.nextDueUs, us(91));
    fleet.engine.advance(us(91));
    assert.deepEqual(fleet.breakers, ["r open", "r closed"]);
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
  });

  test("the breaker's closing, put off by a firing, waits for a whole millisecond again", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 1, action: stop, limit: 1/2s }");
    const slot = fleet.join();
    for (const at of [1.000001, 1.000002, 1.500001]) {
      fleet.send(slot, at, 2);
      fleet.send(slot, at + 0.0000005, 0);
    }
    fleet.engine.advance(us(3.500001));
    assert.deepEqual(fleet.breakers, ["r open"]);
    fleet.engine.advance(us(3.501));
    assert.deepEqual(fleet.breakers, ["r open", "r closed"]);
  });

  test("the breaker closes by a late firing too, when no timer was run", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    burst(fleet, slots, 1);
    fleet.send(slots[2] as number, 61, 1);
    fleet.send(slots[2] as number, 62, 11);
    assert.equal(fleet.firings.at(-1)?.isSuppressed, false);
    assert.deepEqual(fleet.breakers, ["r open", "r closed"]);
  });

  test("the breaker is closed by hand, and then counts from zero", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c", "d", "e", "f"].map((id) => fleet.join(id));
    burst(fleet, slots.slice(0, 3), 1);
    assert.equal(fleet.engine.closeBreaker(ruleName("r")), true);
    assert.equal(fleet.engine.closeBreaker(ruleName("r")), false);
    burst(fleet, slots.slice(3), 2);
    assert.deepEqual(
      fleet.firings.map(({ isSuppressed }) => isSuppressed),
      [false, false, true, false, false, true],
    );
    assert.deepEqual(fleet.breakers, ["r open", "r closed", "r open"]);
  });

  test("a suppressed episode's cooldown counts its instruction as ended at once", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    burst(fleet, slots, 1);
    const last = slots[2] as number;
    fleet.send(last, 2, 1);
    fleet.send(last, 5.9, 11);
    assert.equal(fleet.firings.length, 3);
    fleet.send(last, 6, 11);
    assert.equal(fleet.firings.length, 4);
  });

  test("a shorter limit closes an open breaker when its own time has passed", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    burst(fleet, slots, 1);
    fleet.rules(rule("limit: 2/10s, cooldown: 5s"), 2);
    assert.equal(fleet.engine.nextDueUs, us(11));
    fleet.engine.advance(us(11));
    assert.deepEqual(fleet.breakers, ["r open", "r closed"]);
    fleet.engine.advance(us(61));
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
  });

  test("firings counted under a larger limit count again when it is that large again", () => {
    const limitOf = (limit: string): string => rule(`limit: ${limit}`);
    const fleet = new TestEngine(limitOf("3/1m"));
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    burst(fleet, slots.slice(0, 2), 1);
    fleet.rules(limitOf("1/1m"), 2);
    fleet.rules(limitOf("2/1m"), 3);
    burst(fleet, slots.slice(2), 4);
    assert.deepEqual(fleet.breakers, ["r open"]);
  });

  test("an update leaves the breaker open, unless it takes the limit away", () => {
    const fleet = new TestEngine(limited);
    const slots = ["a", "b", "c"].map((id) => fleet.join(id));
    burst(fleet, slots, 1);
    fleet.rules("  - { name: r, expr: m > 9, limit: 5/1m, action: stop }", 2);
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.isBreakerOpen, true);
    assert.equal(fleet.engine.nextDueUs, us(61));
    fleet.rules("  - { name: r, expr: m > 9, action: stop }", 3);
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.isBreakerOpen, false);
  });
});
