import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instructionIdOf, parseAgentId } from "@myelin/core/ids";
import { attributesOf, ruleName, TestEngine, us } from "./test-support.ts";

const hot =
  "  - { name: r, expr: m > 10, for: 1s, keep_firing_for: 5s, cooldown: 1m, action: stop }";

describe("agent slots", () => {
  test("a slot is used again, and nothing of its former agent is left in it", () => {
    const fleet = new TestEngine(hot);
    const first = fleet.join("first");
    const tenancy = fleet.engine.tenancy(first);
    fleet.engine.setTwin(first, { x: 1 }, undefined, 1, us(1), us(1));
    fleet.send(first, 100, 11);
    fleet.send(first, 101, 11);
    fleet.send(first, 102, 1);
    fleet.engine.leave(first, us(103));
    const second = fleet.join("second", {}, 103);
    assert.equal(second, first);
    assert.notEqual(fleet.engine.tenancy(second), tenancy);
    assert.deepEqual(fleet.engine.latest(second), []);
    assert.deepEqual(fleet.engine.twin(second), {});
    assert.equal(fleet.engine.timeLine(second, 2), "");
    assert.deepEqual(fleet.engine.agentStates(second), [
      { rule: "r", isMatching: true, state: "inactive" },
    ]);
    fleet.send(second, 50, 11);
    fleet.send(second, 51, 11);
    assert.deepEqual(fleet.firedAt, [101, 51]);
    fleet.engine.advance(us(200));
    assert.equal(fleet.state(second), "firing", "the former agent's timer means nothing");
  });

  test("an instruction of the slot's former agent changes nothing for the present one's attempts", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, attempts: 3, action: stop }");
    const first = fleet.join("first");
    fleet.send(first, 1, 11);
    fleet.engine.leave(first, us(2));
    const second = fleet.join("second", {}, 2);
    fleet.send(second, 3, 11);
    fleet.engine.instructionEnded(ruleName("r"), second, {
      succeeded: false,
      endedAtUs: us(4),
      attempt: 1,
      startedAtUs: us(1),
    });
    fleet.send(second, 5, 11);
    assert.deepEqual(fleet.firedAt, [1, 3]);
  });

  test("a cooldown outlives its agent's absence for what was observed before its end, too", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 1, action: stop, cooldown: 10s }");
    const slot = fleet.join();
    fleet.send(slot, 1, 2);
    fleet.end(2);
    fleet.engine.leave(slot, us(20));
    const again = fleet.join("a1", {}, 21);
    fleet.frame(again, [[11, "m", 2]], { nowSeconds: 21 });
    assert.deepEqual([fleet.state(again), fleet.firedAt], ["pending", [1]]);
    fleet.frame(again, [[12, "m", 2]], { nowSeconds: 21 });
    assert.deepEqual(fleet.firedAt, [1, 12]);
  });

  test("state grows with the agents, up to the bound", () => {
    const fleet = new TestEngine(hot, { maxAgents: 300 });
    const slots = Array.from({ length: 300 }, (_, number) => fleet.join(`a${number}`));
    assert.equal(new Set(slots).size, 300);
    assert.throws(() => fleet.join("one-more"), { code: "RESOURCE_EXHAUSTED" });
    for (const slot of slots) fleet.send(slot, 1, slot % 2 === 0 ? 11 : 1);
    for (const slot of slots) fleet.send(slot, 2, slot % 2 === 0 ? 11 : 1);
    assert.equal(fleet.firings.length, 150);
    fleet.engine.leave(slots[7] as number, us(3));
    assert.equal(fleet.join("one-more", {}, 3), slots[7]);
  });

  test("state set before it grew is kept", () => {
    const fleet = new TestEngine(
      `${hot}\n  - { name: other, expr: n > 0, unless: r, action: stop }`,
    );
    const slot = fleet.join("a0");
    fleet.send(slot, 1, 11);
    for (let number = 1; number < 200; number += 1) fleet.join(`a${number}`);
    assert.equal(fleet.state(slot), "pending");
    fleet.send(slot, 2, 11);
    fleet.send(slot, 3, 1);
    for (let number = 200; number < 500; number += 1) fleet.join(`a${number}`);
    fleet.send(slot, 4, 1, "n");
    fleet.engine.advance(us(8));
    assert.deepEqual(
      [fleet.firedAt, fleet.ends, fleet.state(slot)],
      [[2], [`r ${slot} 8`], "inactive"],
    );
  });

  test("an agent's id is checked", () => {
    assert.throws(() => new TestEngine(hot).join("no id"), { code: "INVALID_ARGUMENT" });
  });
});

describe("a free slot", () => {
  test("takes nothing in", () => {
    const fleet = new TestEngine(hot);
    const slot = fleet.join();
    fleet.engine.leave(slot, us(1));
    fleet.send(slot, 50, 11);
    fleet.engine.setTwin(slot, { x: 1 }, undefined, 1, us(50), us(50));
    fleet.engine.setAttributes(slot, attributesOf("a1", { type: "other" }), us(50));
    fleet.engine.advance(us(60));
    assert.equal(fleet.engine.counters.refused, 1);
    const next = fleet.join("next", {}, 2);
    assert.equal(next, slot);
    assert.deepEqual([fleet.engine.latest(next), fleet.engine.twin(next)], [[], {}]);
    fleet.send(next, 3, 11);
    assert.equal(fleet.engine.agentStates(next)[0]?.sinceUs, us(3));
  });

  test("takes nothing in either when the agent leaves at a timer before its input", () => {
    const fleet: TestEngine = new TestEngine(hot.replace("cooldown: 1m, ", ""), {
      hooks: {
        onFiring: () => undefined,
        onEpisodeEnd: () => fleet.engine.leave(0, us(9)),
      },
    });
    const inputs = [
      (slot: number) => fleet.send(slot, 20, 11),
      (slot: number) => fleet.engine.setTwin(slot, { x: 1 }, undefined, 1, us(20), us(20)),
      (slot: number) =>
        fleet.engine.setAttributes(slot, attributesOf("a1", { type: "other" }), us(20)),
    ];
    for (const input of inputs) {
      const slot = fleet.join();
      fleet.send(slot, 1, 11);
      fleet.send(slot, 2, 11);
      fleet.send(slot, 3, 1);
      input(slot);
      assert.equal(fleet.join("next"), slot);
      assert.deepEqual([fleet.engine.latest(slot), fleet.engine.twin(slot)], [[], {}]);
      fleet.send(slot, 4, 11);
      assert.equal(fleet.engine.agentStates(slot)[0]?.sinceUs, us(4));
      fleet.engine.leave(slot, us(5));
    }
  });
});

describe("metrics", () => {
  test("names are numbered node-wide, up to the bound; those that rules read are always there", () => {
    const fleet = new TestEngine(hot, { maxMetrics: 3 });
    assert.equal(fleet.engine.metric("a"), fleet.engine.metric("a"));
    assert.notEqual(fleet.engine.metric("a"), fleet.engine.metric("b"));
    assert.throws(() => fleet.engine.metric("c"), { code: "RESOURCE_EXHAUSTED" });
    assert.throws(() => fleet.engine.metric("no name"), { code: "INVALID_ARGUMENT" });
    fleet.rules("  - { name: r, expr: c > 10, action: stop }", 1);
    const slot = fleet.join();
    fleet.send(slot, 2, 11, "c");
    assert.deepEqual(fleet.firedAt, [2]);
  });

  test("a metric without readers is stored, and found by a rule that comes later", () => {
    const fleet = new TestEngine();
    const slots = Array.from({ length: 100 }, (_, number) => fleet.join(`a${number}`));
    const slot = slots[90] as number;
    fleet.send(slot, 1, 11);
    fleet.rules("  - { name: r, expr: m > 10 && n > 0, action: stop }", 2);
    fleet.send(slot, 3, 1, "n");
    fleet.send(slots[80] as number, 3, 1, "n");
    assert.deepEqual(
      fleet.firings.map((firing) => firing.slot),
      [slot],
    );
  });

  test("beyond the bound of bytes, samples of metrics that no rule reads are refused and counted", () => {
    const fleet = new TestEngine(hot, { maxUnreadBytes: 16 * 17 });
    const slot = fleet.join();
    fleet.frame(slot, [
      [1, "x", 1],
      [1, "y", 1],
      [1, "m", 11],
    ]);
    assert.equal(fleet.engine.counters.refused, 1);
    assert.deepEqual(
      fleet.engine.latest(slot).map(({ metric }) => metric),
      ["x", "m"],
    );
    assert.equal(fleet.state(slot), "pending");
  });
});

describe("what hooks may do", () => {
  test("a firing's hook may end the instruction at once", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, cooldown: 5s, attempts: 2, action: stop }",
    );
    const slot = fleet.join();
    fleet.onFiring = ({ sampleTimeUs }) => fleet.end((sampleTimeUs - us(0)) / 1e6, false);
    fleet.send(slot, 1, 11);
    fleet.send(slot, 5, 11);
    fleet.send(slot, 6, 11);
    assert.deepEqual(
      fleet.firings.map(({ episode }) => episode.attempt),
      [1, 2],
    );
  });

  test("a firing's hook may make the agent leave in the middle of a frame", () => {
    const fleet = new TestEngine("  - { name: r, expr: m > 10, action: stop }");
    const slot = fleet.join();
    fleet.onFiring = () => {
      fleet.engine.leave(slot, us(2));
      fleet.join("next", {}, 2);
    };
    fleet.frame(slot, [
      [1, "m", 1],
      [2, "m", 11],
      [3, "m", 1],
      [4, "m", 11],
    ]);
    assert.deepEqual(fleet.firedAt, [2]);
    assert.deepEqual(fleet.engine.latest(slot), []);
  });

  test("a firing's hook may change the rules, and observe", () => {
    const fleet = new TestEngine(
      "  - { name: a, expr: m > 10, action: stop }\n  - { name: b, expr: m > 10, action: stop }",
    );
    const slot = fleet.join();
    fleet.onFiring = ({ plan }) => {
      if (plan.name !== "a") return;
      fleet.rules("  - { name: c, expr: n > 0, action: stop }", 1);
      fleet.engine.observe(slot, 0, fleet.engine.metric("n"), 1, us(1), us(1));
    };
    fleet.frame(slot, [
      [1, "m", 11],
      [2, "m", 1],
    ]);
    assert.deepEqual(fleet.fired, ["a", "c", "b"]);
  });
});

describe("reinstating an episode after a restart", () => {
  const rules =
    "  - { name: r, where: 'agent.type == \"worker\"', expr: m > 10, for: 1s, cooldown: 5s, attempts: 3, action: stop }";
  const episode = {
    rule: ruleName("r"),
    meaningVersion: 1,
    agent: parseAgentId("a1"),
    timeLine: "line-0",
    startedAtUs: us(1),
    attempt: 1,
  };

  test("the rule fires on in the episode, without another instruction", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, episode, {
        end: { succeeded: true, endedAtUs: us(3) },
      }),
      true,
    );
    assert.deepEqual(fleet.engine.agentStates(slot), [
      {
        rule: "r",
        isMatching: true,
        state: "firing",
        sinceUs: us(1),
        attempt: 1,
        cooldownUntilUs: us(8),
      },
    ]);
    fleet.send(slot, 11, 11);
    fleet.send(slot, 20, 11);
    assert.deepEqual(fleet.firings, []);
    fleet.send(slot, 21, 1);
    fleet.send(slot, 22, 11);
    fleet.send(slot, 23, 11);
    assert.deepEqual(fleet.firedAt, [23]);
  });

  test("the next attempt of the episode has the id it would have had", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    fleet.engine.pastEpisodes.reinstate(slot, episode, {
      end: { succeeded: false, endedAtUs: us(10) },
    });
    fleet.send(slot, 14, 11);
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 15, 11);
    assert.equal(fleet.firings[0]?.id, instructionIdOf({ ...episode, attempt: 2 }));
  });

  test("what was observed before it began, and comes again, does not end it", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 0);
    const later = { ...episode, startedAtUs: us(5) };
    fleet.engine.pastEpisodes.reinstate(slot, later, {
      end: { succeeded: true, endedAtUs: us(6) },
    });
    fleet.send(slot, 4, 1);
    assert.equal(fleet.state(slot), "firing");
    fleet.send(slot, 5, 11);
    fleet.send(slot, 30, 11);
    assert.deepEqual(fleet.firedAt, []);
    fleet.send(slot, 31, 1);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("without its end, the cooldown waits for that", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, episode), true);
    fleet.send(slot, 11, 1);
    fleet.send(slot, 12, 11);
    fleet.send(slot, 20, 11);
    assert.equal(fleet.state(slot), "pending");
    fleet.engine.instructionEnded(ruleName("r"), slot, {
      succeeded: true,
      endedAtUs: us(20),
      attempt: 1,
      startedAtUs: us(1),
    });
    fleet.send(slot, 25, 11);
    assert.deepEqual(fleet.firedAt, [25]);
  });

  test("of one that is over its cooldown goes on, and it does not fire", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    const end = { succeeded: true, endedAtUs: us(18) };
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, episode, { end, isOver: true }), true);
    assert.equal(fleet.engine.isFiring(episode.rule, slot, us(1)), false);
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, episode, { end }),
      true,
      "told once more",
    );
    assert.equal(fleet.state(slot), "inactive");
    for (const second of [20, 22, 23]) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.firedAt, [23]);
  });

  test("of one that is over and whose instruction still runs, the cooldown waits for its end", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    fleet.engine.pastEpisodes.reinstate(slot, { ...episode, attempt: 0 }, { isOver: true });
    fleet.engine.pastEpisodes.reinstate(slot, { ...episode, attempt: 1 });
    assert.equal(fleet.state(slot), "inactive");
    for (const second of [20, 30]) fleet.send(slot, second, 11);
    const { rule, startedAtUs } = episode;
    const end = { succeeded: false, endedAtUs: us(30), attempt: 1, startedAtUs };
    fleet.engine.instructionEnded(rule, slot, end);
    for (const second of [34, 35]) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.firedAt, [35]);
  });

  test("its end must hold for `keep_firing_for` from when it is first seen to", () => {
    const t = new TestEngine("  - { name: r, expr: m > 10, keep_firing_for: 5s, action: stop }");
    const slot = t.join();
    const episode = {
      rule: ruleName("r"),
      meaningVersion: 1,
      agent: parseAgentId("a1"),
      timeLine: "line-1",
      startedAtUs: us(1),
      attempt: 1,
    };
    t.engine.pastEpisodes.reinstate(slot, episode, { end: { succeeded: true, endedAtUs: us(2) } });
    t.send(slot, 20, 1);
    t.engine.advance(us(24.9));
    assert.equal(t.state(slot), "firing");
    t.engine.advance(us(25));
    assert.deepEqual([t.state(slot), t.ends], ["inactive", ["r 0 25"]]);
  });

  test("in another meaning only its cooldown counts", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    const other = { ...episode, meaningVersion: 7 };
    const end = { succeeded: true, endedAtUs: us(18) };
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, other, { end }), false);
    for (const second of [20, 22, 23]) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.firedAt, [23]);
  });

  test("one that was none is taken back, and the rule may fire at once", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    fleet.engine.pastEpisodes.reinstate(slot, episode);
    fleet.engine.pastEpisodes.withdraw(episode.rule, slot, us(2));
    assert.equal(fleet.state(slot), "firing", "another episode");
    fleet.engine.pastEpisodes.withdraw(episode.rule, slot, us(1));
    assert.equal(fleet.state(slot), "inactive");
    assert.equal(fleet.ends.length, 1);
    for (const second of [20, 21]) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.firedAt, [21]);
  });

  test("while an action is held, rules with it wait, begin and repeat nothing, and others go on", () => {
    const fleet = new TestEngine(`${rules}\n  - { name: s, expr: m > 10, action: tell }`);
    const slot = fleet.join("a1", {}, 10);
    const end = { succeeded: false, endedAtUs: us(3) };
    fleet.engine.pastEpisodes.reinstate(slot, episode, { end });
    fleet.engine.hold(slot, new Set(["stop"]));
    for (const second of [20, 30]) fleet.send(slot, second, 11);
    assert.deepEqual(fleet.fired, ["s"]);
    for (const [second, value] of [
      [31, 1],
      [32, 11],
      [33, 11],
    ] as const)
      fleet.send(slot, second, value);
    assert.deepEqual([fleet.state(slot), fleet.fired], ["pending", ["s", "s"]]);
    fleet.engine.hold(slot, undefined);
    fleet.send(slot, 34, 11);
    assert.deepEqual(fleet.fired, ["s", "s", "r"]);
    assert.equal(fleet.firings[2]?.episode.startedAtUs, us(32));
  });

  test("what an earlier run had applied is late for its part", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 0);
    fleet.engine.appliedBefore(slot, 1, us(5));
    fleet.engine.appliedBefore(slot, 1, us(4));
    fleet.send(slot, 4.9, 1);
    fleet.send(slot, 4.9, 2, "n", 2);
    fleet.send(slot, 5, 3);
    assert.equal(fleet.engine.counters.late, 1);
    assert.deepEqual(
      fleet.engine.latest(slot).map(({ metric, value }) => [metric, value]),
      [
        ["n", 2],
        ["m", 3],
      ],
    );
  });

  test("of several reports the newest episode and attempt count", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join("a1", {}, 10);
    const ended = { end: { succeeded: true, endedAtUs: us(3) } };
    fleet.engine.pastEpisodes.reinstate(
      slot,
      { ...episode, startedAtUs: us(5), attempt: 2 },
      ended,
    );
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, episode, ended), true);
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, { ...episode, startedAtUs: us(5) }, ended),
      true,
    );
    const [state] = fleet.engine.agentStates(slot);
    assert.deepEqual([state?.sinceUs, state?.attempt], [us(5), 2]);
    assert.equal(fleet.engine.ruleStatus(ruleName("r"))?.firing, 1);
  });

  test("an episode the engine knows to be over stays over", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join();
    fleet.send(slot, 1, 11);
    fleet.send(slot, 2, 11);
    fleet.send(slot, 3, 1);
    const own = fleet.firings[0]?.episode;
    assert.ok(own !== undefined);
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, own), true);
    assert.equal(fleet.state(slot), "inactive");
  });

  test("it is passed over for a rule that is not in force, in another meaning, off, or not for this agent, and when it is none", () => {
    const fleet = new TestEngine(rules);
    const slot = fleet.join();
    const other = fleet.join("b1", attributesOf("b1", { type: "trader" }));
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, { ...episode, rule: ruleName("gone") }),
      false,
    );
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, { ...episode, meaningVersion: 2 }),
      false,
    );
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(other, { ...episode, agent: parseAgentId("b1") }),
      false,
    );
    assert.equal(fleet.engine.pastEpisodes.reinstate(other + 1, episode), false);
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, { ...episode, attempt: 300 }), false);
    assert.equal(
      fleet.engine.pastEpisodes.reinstate(slot, { ...episode, startedAtUs: Number.NaN }),
      false,
    );
    fleet.rules(rules.replace("action", "mode: off, action"), 1);
    assert.equal(fleet.engine.pastEpisodes.reinstate(slot, episode), false);
  });
});

describe("a slot that is given again", () => {
  test("the end of keep_firing_for comes in time though a former agent of the slot was ahead", () => {
    const fleet = new TestEngine(
      "  - { name: r, expr: m > 10, keep_firing_for: 3s, action: stop }",
    );
    const first = fleet.join("a1");
    fleet.send(first, 5, 11);
    fleet.send(first, 6, 1);
    fleet.engine.leave(first, us(2));
    const second = fleet.join("a2");
    assert.equal(second, first);
    fleet.send(second, 2, 11);
    fleet.send(second, 3, 1);
    fleet.engine.advance(us(6));
    assert.equal(fleet.state(second), "inactive");
    fleet.engine.advance(us(9));
    assert.equal(fleet.engine.nextDueUs, Number.POSITIVE_INFINITY);
  });
});
