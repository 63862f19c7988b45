import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { attributesOf, TestEngine, us } from "./test-support.ts";

const hot = "  - { name: r, expr: m > 10, action: stop }";
const both = "  - { name: r, expr: m > 10 && n > 10, action: stop }";

describe("the order of time", () => {
  test("the samples of a frame are applied in order of time, one evaluation per instant", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.frame(slot, [
      [1, "m", 1],
      [2, "m", 11],
      [3, "m", 1],
      [4, "m", 12],
    ]);
    assert.deepEqual(fleet.firedAt, [2, 4]);
    assert.equal(fleet.engine.counters.evaluations, 4);
  });

  test("samples of one instant are evaluated together", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10 && n < 10, action: stop }");
    const slot = fleet.join();
    fleet.send(slot, 1, 1, "n");
    fleet.frame(slot, [
      [2, "m", 11],
      [2, "n", 11],
    ]);
    assert.deepEqual(fleet.firings, []);
    assert.equal(fleet.engine.counters.evaluations, 2);
  });

  test("of two samples of one metric at one instant the later is the value", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.frame(slot, [
      [1, "m", 11],
      [1, "m", 1],
    ]);
    assert.deepEqual(fleet.firings, []);
    fleet.frame(slot, [
      [2, "m", 1],
      [2, "m", 11],
    ]);
    assert.deepEqual(fleet.firedAt, [2]);
  });

  test("one instant in two frames is evaluated twice", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 1, 1);
    fleet.send(slot, 1, 11);
    assert.deepEqual(fleet.firedAt, [1, 1]);
  });
});

describe("parts", () => {
  test("the agent's evaluation time is the newest instant of any part, and never goes back", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, for: 10s, action: stop }");
    const slot = fleet.join();
    fleet.engine.startTimeLine(slot, 2, "line-2");
    fleet.send(slot, 20, 1, "other", 2);
    fleet.send(slot, 5, 11);
    fleet.send(slot, 25, 1, "other", 2);
    fleet.send(slot, 16, 11);
    assert.deepEqual(fleet.firedAt, [], "since is 20, evaluated at 25");
    fleet.send(slot, 30, 1, "other", 2);
    fleet.send(slot, 17, 11);
    assert.deepEqual(fleet.firedAt, [30]);
    assert.equal(fleet.firings[0]?.episode.startedAtUs, us(20));
  });

  test("samples behind the agent's evaluation time are evaluated at the agent's, one instant after another", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 20, 1, "other", 2);
    fleet.frame(slot, [
      [5, "m", 11],
      [6, "m", 1],
      [7, "m", 11],
      [21, "m", 11],
    ]);
    assert.deepEqual(fleet.firedAt, [20, 20.000002]);
    assert.equal(fleet.engine.counters.late, 0);
  });

  test("what no rule reads is no evaluation: what is behind it is evaluated at the agent's time", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 1, action: stop }");
    const slot = fleet.join();
    fleet.engine.setTwin(slot, { mode: "slow" }, undefined, 1, us(5), us(5));
    fleet.engine.setAttributes(slot, attributesOf("a1", { tier: "cloud" }), us(6));
    fleet.send(slot, 4, 2);
    assert.deepEqual(fleet.firedAt, [6]);
  });

  test("late is what is older than the newest instant applied from the same part, over all its metrics", () => {
    const fleet = new TestEngine(both);
    const slot = fleet.join();
    fleet.send(slot, 2, 11, "n");
    fleet.frame(slot, [
      [1, "m", 11],
      [1.5, "m", 11],
      [2, "m", 1],
    ]);
    assert.deepEqual([fleet.engine.counters.late, fleet.firings.length], [2, 0]);
    fleet.send(slot, 2, 11);
    assert.deepEqual([fleet.engine.counters.late, fleet.firedAt], [2, [2]]);
  });

  test("late is what is older than the newest sample of its series, whichever part sent that", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 2, 1, "m", 2);
    fleet.frame(slot, [
      [1, "m", 11],
      [1, "other", 1],
    ]);
    assert.deepEqual([fleet.engine.counters.late, fleet.firings.length], [1, 0]);
    assert.deepEqual(
      fleet.engine.latest(slot).map(({ metric, value, timeUs }) => [metric, value, timeUs]),
      [
        ["m", 1, us(2)],
        ["other", 1, us(1)],
      ],
    );
  });

  test("a late sample makes nothing late", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 5, 1, "m", 2);
    fleet.send(slot, 4, 11, "m", 1);
    fleet.send(slot, 3, 1, "other", 1);
    assert.equal(fleet.engine.counters.late, 1);
    assert.equal(fleet.engine.latest(slot).length, 2);
  });

  test("a new time line of a part makes its earlier instants no longer newest", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 50, 1);
    fleet.send(slot, 40, 11);
    assert.equal(fleet.engine.counters.late, 1);
    fleet.engine.startTimeLine(slot, 1, "line-1");
    fleet.send(slot, 41, 11);
    assert.equal(fleet.engine.counters.late, 2, "the same name is the same time line");
    fleet.engine.startTimeLine(slot, 1, "line-1b");
    fleet.send(slot, 42, 11);
    assert.equal(fleet.engine.counters.late, 2);
    assert.deepEqual(fleet.firedAt, [50.000001], "evaluation time does not go back");
    assert.equal(fleet.firings[0]?.episode.timeLine, "line-1b");
    assert.equal(fleet.engine.timeLine(slot, 1), "line-1b");
  });

  test("a series of a time line that has ended makes no other part's samples late", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.send(slot, 50, 1);
    fleet.engine.startTimeLine(slot, 1, "line-1b");
    fleet.send(slot, 10, 11, "m", 2);
    assert.deepEqual([fleet.engine.counters.late, fleet.firedAt], [0, [50.000001]]);
  });

  test("there is a bound on parts", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    assert.throws(() => fleet.engine.startTimeLine(slot, 16, "x"), { code: "RESOURCE_EXHAUSTED" });
  });
});

describe("samples from the future", () => {
  test("more than the tolerance ahead of the node's clock are refused and counted, and make nothing late", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.frame(
      slot,
      [
        [1, "m", 1],
        [61, "m", 11],
        [61.000001, "m", 1],
        [Number.POSITIVE_INFINITY, "m", 1],
      ],
      { nowSeconds: 1 },
    );
    assert.deepEqual([fleet.engine.counters.future, fleet.firedAt], [2, [61]]);
    fleet.frame(slot, [[1e6, "m", 1]], { nowSeconds: 2 });
    fleet.frame(slot, [[61.5, "m", 1]], { nowSeconds: 2 });
    assert.deepEqual([fleet.engine.counters.future, fleet.engine.counters.late], [3, 0]);
    assert.equal(fleet.state(slot), "inactive");
  });
});

describe("what causes an evaluation", () => {
  const evaluationsOf = (fleet: TestEngine, act: () => void): number => {
    const before = fleet.engine.counters.evaluations;
    act();
    return fleet.engine.counters.evaluations - before;
  };

  test("a sample of a metric that expr or resolve reads, the same value too", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, resolve: done > 0, action: stop, args: { at: '${extra}' } }",
    );
    const slot = fleet.join();
    assert.equal(
      evaluationsOf(fleet, () => fleet.send(slot, 1, 5)),
      1,
    );
    assert.equal(
      evaluationsOf(fleet, () => fleet.send(slot, 2, 5)),
      1,
    );
    assert.equal(
      evaluationsOf(fleet, () => fleet.send(slot, 3, 0, "done")),
      1,
    );
    assert.equal(
      evaluationsOf(fleet, () => fleet.send(slot, 4, 5, "unread")),
      0,
    );
    assert.equal(
      evaluationsOf(fleet, () => fleet.send(slot, 5, 5, "extra")),
      0,
    );
  });

  test("not other agents' samples", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, for: 1s, action: stop }");
    const [a, b] = [fleet.join("a"), fleet.join("b")];
    fleet.send(a, 1, 11);
    fleet.send(b, 9, 11);
    assert.equal(fleet.state(a), "pending");
  });

  test("a field of the twin that is read, when it differs", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: twin.mode.name == 'x' && twin.level > 1, action: stop }",
    );
    const slot = fleet.join();
    const set = (twin: object, atSeconds: number, fields?: readonly string[]) =>
      evaluationsOf(fleet, () =>
        fleet.engine.setTwin(slot, { ...twin }, fields, 1, us(atSeconds), us(atSeconds)),
      );
    assert.equal(set({ mode: { name: "y", since: 1 }, level: 2 }, 1), 1);
    assert.equal(set({ mode: { name: "y", since: 2 }, level: 2, other: [1] }, 2), 0);
    assert.equal(set({ mode: { name: "x", since: 2 }, level: 1 }, 3, ["mode"]), 1);
    assert.equal(set({ mode: { name: "x", since: 2 }, level: 2 }, 4, ["level"]), 1);
    assert.deepEqual(fleet.firedAt, [4]);
    assert.equal(fleet.firings[0]?.episode.timeLine, "line-1");
    assert.deepEqual(fleet.engine.twin(slot), { mode: { name: "x", since: 2 }, level: 2 });
  });

  test("a field above or below the one that is read", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: has(twin.a.b), action: stop }\n  - { name: whole, expr: size(twin) > 0, action: stop }",
    );
    const slot = fleet.join();
    fleet.engine.setTwin(slot, { a: 1 }, ["a"], 1, us(1), us(1));
    assert.equal(fleet.engine.counters.evaluations, 1, "only the whole twin differs");
    fleet.engine.setTwin(slot, { a: { b: { c: 1 } } }, ["a"], 1, us(2), us(2));
    fleet.engine.setTwin(slot, { a: { b: { c: 2 } } }, ["a"], 1, us(3), us(3));
    assert.equal(fleet.engine.counters.evaluations, 5);
    assert.deepEqual(fleet.fired, ["whole", "r"]);
  });

  test("the twin's time is no further ahead than a sample's may be", () => {
    const fleet = new TestEngine("  - { name: r, expr: twin.x > 1, action: stop }");
    const slot = fleet.join();
    fleet.engine.setTwin(slot, { x: 2 }, undefined, 1, us(1e6), us(5));
    assert.deepEqual(fleet.firedAt, [5]);
  });

  test("an attribute that expr reads, when attributes differ", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: agent.labels.zone == 'b', action: stop }\n  - { name: quiet, expr: m > 1, action: stop }",
    );
    const slot = fleet.join("a", { labels: { zone: "a" } });
    fleet.send(slot, 1, 0);
    const set = (zone: string, atSeconds: number) =>
      evaluationsOf(fleet, () =>
        fleet.engine.setAttributes(slot, attributesOf("a", { labels: { zone } }), us(atSeconds)),
      );
    assert.equal(set("a", 2), 0);
    assert.equal(set("b", 3), 1);
    assert.deepEqual(fleet.firedAt, [3]);
    assert.equal(fleet.firings[0]?.episode.timeLine, "node");
  });

  test("the first input of an agent, for rules that read its attributes", () => {
    const fleet = new TestEngine("  - { name: r, expr: agent.labels.zone == 'a', action: stop }");
    const slot = fleet.join("a", { labels: { zone: "a" } });
    assert.deepEqual(fleet.firings, []);
    fleet.send(slot, 1, 1, "unread");
    fleet.send(slot, 2, 1, "unread");
    assert.deepEqual(fleet.firedAt, [1]);
    assert.equal(fleet.engine.counters.evaluations, 1);
  });

  test("not time passing", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10 && agent.uptime > 5.0, action: stop }",
    );
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.engine.advance(us(100));
    assert.deepEqual(fleet.firings, []);
    fleet.send(slot, 7, 11);
    assert.deepEqual(fleet.firedAt, [7]);
  });
});
