import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { attributesOf, TestEngine, us } from "./test-support.ts";

const rule = (expr: string, fields = ""): string =>
  `  - { name: r, expr: ${JSON.stringify(expr)}, action: stop${fields} }`;

function event(fleet: TestEngine, slot: number, at: number, type: string, attrs: JsonObject): void {
  fleet.engine.event(slot, 1, { type, attrs }, us(at), us(at));
}

describe("values", () => {
  test("a latest value does not grow old", () => {
    const fleet = new TestEngine(rule("a > 1 && b > 1"));
    const slot = fleet.join();
    fleet.send(slot, 1, 2, "a");
    fleet.send(slot, 86_400, 2, "b");
    assert.equal(fleet.state(slot), "firing");
  });

  test("numbers of events and of the twin are doubles", () => {
    const fleet = new TestEngine(rule("event.attrs.n / 2 == 0.5"));
    const slot = fleet.join();
    event(fleet, slot, 1, "call", { n: 1 });
    assert.deepEqual(fleet.firedAt, [1]);
    const twins = new TestEngine(rule("twin.n / 2 == 0.5"));
    const other = twins.join();
    twins.engine.setTwin(other, { n: 1 }, undefined, 1, us(1), us(1));
    assert.deepEqual(twins.firedAt, [1]);
  });

  test("unknown never fires, whatever it is made of", () => {
    for (const expr of [
      "nothing > 1",
      "!(nothing > 1)",
      "nothing > 1 && m > 0",
      "nothing > 1 || m < 0",
      "nothing > 1 ? true : true",
      "twin.on",
      'rate(m, "1s") >= 0',
      "int(twin.text) == 1",
      "1 / twin.zero > 0 && m > 0",
    ]) {
      const fleet = new TestEngine(rule(expr));
      const slot = fleet.join();
      fleet.engine.setTwin(slot, { text: "x" }, undefined, 1, us(0.5), us(0.5));
      fleet.send(slot, 1, 1);
      assert.deepEqual(fleet.firedAt, [], expr);
    }
  });
});

describe("what causes an evaluation, of silence and events", () => {
  test("an event that the rule counts, and no other", () => {
    const fleet = new TestEngine(rule('count_events("call", "10s") >= 0 && m > 1'));
    const slot = fleet.join();
    fleet.rules(rule('count_events("call", "10s") >= 0 && m > 0'), 1);
    fleet.send(slot, 1, 0);
    const before = fleet.engine.counters.evaluations;
    event(fleet, slot, 2, "other", {});
    assert.equal(fleet.engine.counters.evaluations, before);
    event(fleet, slot, 3, "call", {});
    assert.equal(fleet.engine.counters.evaluations, before + 1);
  });

  test("each event that a rule names, and the rule is false right after it", () => {
    const fleet = new TestEngine(rule('event.type == "call"'));
    const slot = fleet.join();
    for (const at of [1, 2, 2]) event(fleet, slot, at, "call", {});
    event(fleet, slot, 3, "other", {});
    assert.deepEqual(fleet.firedAt, [1, 2, 2.000001]);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("count_events holds the present event, and is 0 of none", () => {
    const fleet = new TestEngine(rule('count_events("call", "1s") == 2'));
    const slot = fleet.join();
    event(fleet, slot, 1, "call", {});
    event(fleet, slot, 2, "call", {});
    assert.deepEqual(fleet.firedAt, [], "(t − w, t]");
    event(fleet, slot, 2.5, "call", {});
    assert.deepEqual(fleet.firedAt, [2.5]);
    const none = new TestEngine(rule('count_events("call", "1s") == 0 && m > 0'));
    none.send(none.join(), 1, 1);
    assert.deepEqual(none.firedAt, [1]);
  });

  test("absent comes from exactly its time after the later of last sample and joining, in whole milliseconds", () => {
    const fleet = new TestEngine(rule('absent(m, "2s")'));
    const silent = fleet.join("a1", {}, 1);
    const heard = fleet.join("a2", {}, 1);
    fleet.send(heard, 2.0004, 0);
    fleet.engine.advance(us(2.999));
    assert.deepEqual([fleet.state(silent), fleet.state(heard)], ["inactive", "inactive"]);
    fleet.engine.advance(us(3));
    assert.deepEqual([fleet.state(silent), fleet.state(heard)], ["firing", "inactive"]);
    fleet.engine.advance(us(4.001));
    assert.deepEqual(fleet.firedAt, [3, 4.001]);
  });

  test("NaN ends an absence, and is no value", () => {
    const fleet = new TestEngine(rule('absent(m, "2s")'));
    const slot = fleet.join();
    fleet.engine.advance(us(2));
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 3, Number.NaN);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("age is evaluated where it crosses its literal, and unknown of what has no sample", () => {
    const fleet = new TestEngine(rule("age(m) > 2"));
    const slot = fleet.join();
    fleet.engine.advance(us(60));
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 61, 0);
    fleet.engine.advance(us(63));
    assert.deepEqual(fleet.firedAt, []);
    fleet.engine.advance(us(64));
    assert.deepEqual(fleet.firedAt, [63.001]);
  });

  test("for has a timer in rules that read silence", () => {
    const fleet = new TestEngine(rule('absent(m, "2s")', ", for: 3s"));
    const slot = fleet.join();
    fleet.engine.advance(us(4.999));
    assert.equal(fleet.state(slot), "pending");
    fleet.engine.advance(us(5));
    assert.deepEqual(fleet.firedAt, [5]);
  });
});

describe("windows", () => {
  test("what is behind the agent's time enters them at its own time, and is evaluated at the agent's", () => {
    const fleet = new TestEngine(rule('delta(m, "10s") == 1 && n > 0'));
    const slot = fleet.join();
    fleet.send(slot, 5, 1, "n", 2);
    fleet.send(slot, 1, 1);
    fleet.send(slot, 3, 2);
    assert.deepEqual(fleet.firedAt, [5.000002]);
  });

  test("of two samples of one instant both are in, and the later is the value", () => {
    const fleet = new TestEngine(rule('count_over_time(m, "1s") == 2 && m == 2'));
    fleet.frame(fleet.join(), [
      [1, "m", 1],
      [1, "m", 2],
    ]);
    assert.deepEqual(fleet.firedAt, [1]);
  });

  test("stay with an update of the meaning, and fill from when the first rule reads them", () => {
    const fleet = new TestEngine(rule("m > 100"));
    const slot = fleet.join();
    fleet.send(slot, 1, 1);
    fleet.rules(rule('sum_over_time(m, "10s") > 100'), 1);
    fleet.send(slot, 2, 1);
    fleet.rules(rule('sum_over_time(m, "10s") == 2'), 2);
    fleet.send(slot, 3, 1);
    assert.deepEqual(fleet.firedAt, [3]);
  });

  test("a sample that leaves one evaluates nothing", () => {
    const fleet = new TestEngine(rule('count_over_time(m, "1s") > 0'));
    const slot = fleet.join();
    fleet.send(slot, 1, 1);
    fleet.engine.advance(us(60));
    assert.equal(fleet.state(slot), "firing");
  });
});

describe("fleets and groups", () => {
  const count = rule("fleet_count(m) == 2", ', where: "agent.id == \\"a1\\""');

  test("times ahead count as fresh, times as old as may be too, older ones do not", () => {
    const fleet = new TestEngine(count, { staleAfterUs: 10e6 });
    const [asked, ahead, old] = ["a1", "a2", "a3"].map((id) => fleet.join(id));
    fleet.frame(ahead as number, [[50, "m", 1]], { nowSeconds: 0 });
    fleet.send(old as number, 1, 1);
    fleet.send(asked as number, 11, 1);
    assert.deepEqual(fleet.firedAt, [], "three: the one that is 10 s old counts");
    fleet.send(asked as number, 11.000001, 1);
    assert.deepEqual(fleet.firedAt, [11.000001]);
  });

  test("an agent without the label is in no group, and what a group comes to is unknown for it", () => {
    const fleet = new TestEngine(rule('group_count(m, "zone") == 1'));
    const bare = fleet.join("a1");
    const zoned = fleet.join("a2", { labels: { zone: "x" } });
    fleet.send(bare, 1, 1);
    assert.equal(fleet.state(bare), "inactive");
    fleet.send(zoned, 1, 1);
    assert.equal(fleet.state(zoned), "firing");
  });

  test("they are over agents that where leaves out, too, and not over those that have left", () => {
    const fleet = new TestEngine(rule("fleet_sum(m) == 3", ', where: "agent.id == \\"a1\\""'));
    const [asked, other, gone] = ["a1", "a2", "a3"].map((id) => fleet.join(id));
    fleet.send(gone as number, 1, 10);
    fleet.send(other as number, 1, 2);
    fleet.engine.leave(gone as number, us(1));
    fleet.send(asked as number, 1, 1);
    assert.deepEqual(fleet.firedAt, [1]);
  });

  test("a change of the label moves the agent's values at once", () => {
    const fleet = new TestEngine(rule('group_count(m, "zone") == 2'));
    const [asked, moves] = ["a1", "a2"].map((id, at) =>
      fleet.join(id, { labels: { zone: at === 0 ? "x" : "y" } }),
    );
    fleet.send(moves as number, 1, 1);
    fleet.send(asked as number, 1, 1);
    assert.equal(fleet.state(asked as number), "inactive");
    fleet.engine.setAttributes(
      moves as number,
      attributesOf("a2", { labels: { zone: "x" } }),
      us(2),
    );
    fleet.send(asked as number, 2, 1);
    assert.equal(fleet.state(asked as number), "firing");
  });

  test("over nobody the count is 0, and all else unknown", () => {
    const fleet = new TestEngine(rule("fleet_count(n) == 0 && !(fleet_avg(n) > 0 || m < 0)"));
    const slot = fleet.join();
    fleet.send(slot, 1, 1);
    assert.equal(fleet.state(slot), "inactive");
    fleet.rules(rule("fleet_count(n) == 0 && m > 0"), 1);
    fleet.send(slot, 2, 1);
    assert.equal(fleet.state(slot), "firing");
  });
});
