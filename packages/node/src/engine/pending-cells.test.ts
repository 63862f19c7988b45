import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAgentId } from "@myelin/core/ids";
import type { EngineHooks, PendingChange } from "./index.ts";
import { ruleName, TestEngine, us } from "./test-support.ts";

const waits = "  - { name: r, expr: m > 10, for: 10s, action: stop }";

/** An engine that counts how often it tells that something became or ceased to be pending. */
class Noted extends TestEngine {
  told = 0;

  constructor(rules: string) {
    const hooks: EngineHooks = {
      onFiring: (firing) => this.firings.push(firing),
      onPendingChange: () => {
        this.told += 1;
      },
    };
    super(rules, { hooks });
  }

  /** `agent seconds` of what is pending among what has changed, `agent` of what is not. */
  get changes(): string[] {
    return this.engine
      .takePendingChanges()
      .map(({ agent, pending }) =>
        pending === undefined ? agent : `${agent} ${(pending.sinceUs - us(0)) / 1e6}`,
      );
  }

  get taken(): PendingChange {
    const [change, further] = this.engine.takePendingChanges();
    assert.ok(change !== undefined && further === undefined);
    return change;
  }
}

describe("what is pending is noted", () => {
  test("when it begins and when it ends, once for all that happened until it is asked for", () => {
    const t = new Noted(waits);
    const slot = t.join();
    t.send(slot, 1, 11);
    t.send(slot, 2, 12);
    assert.deepEqual([t.told, t.changes], [1, ["a1 1"]]);
    t.send(slot, 3, 13);
    assert.deepEqual([t.told, t.changes], [1, []]);
    t.send(slot, 4, 1);
    t.send(slot, 5, 11);
    t.send(slot, 6, 1);
    assert.deepEqual([t.told, t.changes], [2, ["a1"]]);
  });

  test("with meaning and the time line of the part that made it so, and not when it fires", () => {
    const t = new Noted(waits);
    const slot = t.join();
    t.engine.startTimeLine(slot, 2, "line-2");
    t.send(slot, 1, 11, "m", 2);
    t.send(slot, 2, 11);
    assert.deepEqual(t.taken.pending, { meaningVersion: 1, timeLine: "line-2", sinceUs: us(1) });
    t.send(slot, 11, 11);
    assert.equal(t.firings.length, 1);
    assert.equal(t.firings[0]?.episode.timeLine, "line-1");
    t.send(slot, 12, 1);
    assert.deepEqual([t.told, t.changes], [1, []]);
  });

  test("not of a rule that fires at once", () => {
    const t = new Noted("  - { name: r, expr: m > 10, action: stop }");
    const slot = t.join();
    for (let second = 0; second < 10; second += 1) t.send(slot, second, second % 2 === 0 ? 11 : 1);
    assert.deepEqual([t.firings.length, t.told], [5, 0]);
  });

  test("of the agent that had the slot then", () => {
    const t = new Noted(waits);
    const slot = t.join("a1");
    t.send(slot, 1, 11);
    t.engine.leave(slot, us(2));
    assert.equal(t.join("a2", {}, 2), slot);
    t.send(slot, 3, 11);
    assert.deepEqual(t.changes, ["a1", "a2 3"]);
    t.engine.leave(slot, us(4));
    assert.deepEqual(t.changes, ["a2"]);
  });

  test("when another meaning, or none, takes the place of its own", () => {
    const t = new Noted(waits);
    const slot = t.join();
    t.send(slot, 1, 11);
    t.rules(waits.replace("10s", "20s"), 2);
    t.send(slot, 3, 11);
    assert.deepEqual(t.changes, ["a1 3"]);
    t.rules(waits.replace("10s", "30s"), 4);
    assert.deepEqual(t.changes, ["a1"]);
    t.send(slot, 5, 11);
    t.rules("", 6);
    assert.deepEqual(t.changes, ["a1"]);
  });
});

describe("what was pending before a restart", () => {
  const pending = { meaningVersion: 1, timeLine: "line-1", sinceUs: us(1) };
  const r = ruleName("r");

  test("fires at the first evaluation with expr true at or after its since + for", () => {
    const t = new TestEngine(waits);
    const slot = t.join();
    assert.equal(t.engine.pastEpisodes.reinstatePending(slot, r, pending), true);
    assert.equal(t.state(slot), "pending");
    t.send(slot, 10.9, 11);
    assert.deepEqual(t.firedAt, []);
    t.send(slot, 11, 11);
    assert.deepEqual(t.firedAt, [11]);
    assert.equal(t.firings[0]?.episode.startedAtUs, us(1));
  });

  test("is ended by false from its since on, and by unknown once expr was known", () => {
    const rules = "  - { name: r, expr: m > 10 && k > 0, for: 10s, action: stop }";
    const t = new TestEngine(rules);
    const slot = t.join();
    t.engine.pastEpisodes.reinstatePending(slot, r, pending);
    t.send(slot, 0.9, 1);
    assert.equal(t.state(slot), "pending", "that came again");
    t.send(slot, 2, 11);
    assert.equal(t.state(slot), "pending", "k is not known again");
    t.send(slot, 3, 1, "k");
    assert.equal(t.state(slot), "pending");
    t.send(slot, 4, Number.NaN, "k");
    assert.equal(t.state(slot), "inactive");
    t.send(slot, 5, 1, "k");
    assert.equal(t.state(slot), "pending");
    t.send(slot, 6, Number.NaN, "k");
    assert.equal(t.state(slot), "inactive");
  });

  test("is passed over in another meaning, not for this agent, while the rule fires, and when it acted since", () => {
    const t = new TestEngine(
      "  - { name: r, where: agent.type == 'w', expr: m > 10, action: stop }",
    );
    const other = t.join("a1", { type: "x" });
    assert.equal(t.engine.pastEpisodes.reinstatePending(other, r, pending), false);
    const slot = t.join("a2", { type: "w" });
    assert.equal(
      t.engine.pastEpisodes.reinstatePending(slot, r, { ...pending, meaningVersion: 2 }),
      false,
    );
    assert.equal(t.engine.pastEpisodes.reinstatePending(slot, ruleName("s"), pending), false);
    assert.equal(t.engine.pastEpisodes.reinstatePending(99, r, pending), false);
    t.send(slot, 2, 11);
    assert.equal(t.engine.pastEpisodes.reinstatePending(slot, r, pending), false);
    t.send(slot, 3, 1);
    assert.equal(t.engine.pastEpisodes.reinstatePending(slot, r, pending), false);
    assert.equal(
      t.engine.pastEpisodes.reinstatePending(slot, r, { ...pending, sinceUs: us(3) }),
      true,
    );
  });

  test("tells that an earlier episode is over, whatever is told of that", () => {
    const t = new TestEngine(waits);
    const slot = t.join();
    t.engine.pastEpisodes.reinstatePending(slot, r, pending);
    const episode = {
      rule: r,
      meaningVersion: 1,
      agent: parseAgentId("a1"),
      timeLine: "line-1",
      attempt: 1,
    };
    assert.equal(t.engine.pastEpisodes.reinstate(slot, { ...episode, startedAtUs: us(0) }), true);
    assert.equal(t.state(slot), "pending");
    assert.equal(t.engine.pastEpisodes.reinstate(slot, { ...episode, startedAtUs: us(1) }), true);
    assert.equal(t.state(slot), "firing");
  });
});
