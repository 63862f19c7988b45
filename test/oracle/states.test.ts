import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Told } from "./test-support.ts";

describe("the example of RULES", () => {
  const rule =
    '- { name: runaway-cpu, where: \'agent.type == "worker" && agent.labels.zone == "a"\', ' +
    "expr: 'cpu_usage > 0.9 && avg_over_time(mem_usage, \"30s\") > 0.8', for: 10s, keep_firing_for: 5s, " +
    "resolve: cpu_usage < 0.7, missing: reset, action: restart, priority: 8, sla: 10ms, cooldown: 30s, limit: 20/1m }";

  test("fires after ten seconds of both, and ends five seconds after cpu_usage fell below 0.7", () => {
    const told = new Told(rule);
    told.attributes(0, { labels: { zone: "a" } });
    told.frame([
      [1, "mem_usage", 0.9],
      [1, "cpu_usage", 0.95],
    ]);
    told.send(6, 0.95, { metric: "cpu_usage" });
    assert.equal(told.state("runaway-cpu"), "pending");
    told.send(11, 0.95, { metric: "cpu_usage" });
    told.send(12, 0.8, { metric: "cpu_usage" });
    told.send(13, 0.6, { metric: "cpu_usage" });
    told.clock(18);
    assert.deepEqual(told.log, ["runaway-cpu fires 11", "runaway-cpu ends 18"]);
  });

  test("is for workers of zone a only", () => {
    const told = new Told(rule);
    told.frame([
      [1, "mem_usage", 0.9],
      [1, "cpu_usage", 0.95],
    ]);
    told.send(11, 0.95, { metric: "cpu_usage" });
    assert.equal(told.state("runaway-cpu"), "inactive");
  });
});

describe("states", () => {
  test("1: pending at the first true, firing at the first true at or after since + for", () => {
    const told = new Told("expr: m > 1, for: 2s");
    told.send(1, 2);
    assert.equal(told.state(), "pending");
    told.send(2.999999, 2);
    assert.equal(told.state(), "pending");
    told.send(3, 2);
    told.send(4, 2);
    assert.deepEqual(told.log, ["r fires 3"]);
  });

  test("1: without for, or with 0s, it fires at once; silence leaves it pending", () => {
    for (const wait of ["", ", for: 0s"]) {
      const told = new Told(`expr: m > 1${wait}`);
      told.send(1, 2);
      assert.deepEqual(told.log, ["r fires 1"]);
    }
    const told = new Told("expr: m > 1, for: 2s");
    told.send(1, 2);
    told.clock(100);
    assert.equal(told.state(), "pending");
  });

  test("2: false resets what is pending; unknown does with missing: reset, and not with hold", () => {
    for (const [missing, expected] of [
      ["reset", "inactive"],
      ["hold", "pending"],
    ] as const) {
      const told = new Told(`expr: m > 1, for: 5s, missing: ${missing}`);
      told.send(1, 2);
      told.send(2, Number.NaN);
      assert.equal(told.state(), expected);
      told.send(3, 0);
      assert.equal(told.state(), "inactive");
    }
  });

  test("2: with hold since stays as it is, and unknown starts nothing", () => {
    const told = new Told("expr: m > 1, for: 5s, missing: hold");
    told.send(0.5, Number.NaN);
    assert.equal(told.state(), "inactive");
    told.send(1, 2);
    told.send(3, Number.NaN);
    told.send(6, 2);
    assert.deepEqual(told.log, ["r fires 6"]);
  });

  test("3: while firing only resolve counts, where it is given, and only where expr is not true", () => {
    const told = new Told("expr: m > 10, resolve: n > 1");
    told.send(1, 11);
    told.send(2, 2, { metric: "n" });
    assert.equal(told.state(), "firing");
    told.send(3, 5);
    assert.deepEqual(told.log, ["r fires 1", "r ends 3"]);
  });

  test("3: the end must hold for keep_firing_for; false or unknown starts its count anew", () => {
    const told = new Told("expr: m > 10, keep_firing_for: 5s");
    told.send(1, 11);
    told.send(2, 1);
    told.send(4, Number.NaN);
    told.send(5, 1);
    told.clock(9.999);
    assert.equal(told.state(), "firing");
    told.clock(10);
    assert.deepEqual(told.log, ["r fires 1", "r ends 10"]);
  });

  test("3: unknown ends nothing", () => {
    const told = new Told("expr: m > 10");
    told.send(1, 11);
    told.send(2, Number.NaN);
    assert.equal(told.state(), "firing");
  });

  test("4: while cooling down it waits as pending, and fires at the first true after both waits", () => {
    const told = new Told("expr: m > 1, for: 1s, cooldown: 5s");
    told.send(1, 2);
    told.send(2, 2);
    told.send(3, 0);
    told.end(4);
    told.send(5, 2);
    told.send(8, 2);
    assert.equal(told.state(), "pending");
    told.send(9, 2);
    assert.deepEqual(told.log, ["r fires 2", "r ends 3", "r fires 9"]);
  });

  test("4: in shadow the cooldown counts as ended at once", () => {
    const told = new Told("expr: m > 1, cooldown: 5s, mode: shadow");
    told.send(1, 2);
    told.send(2, 0);
    told.send(5, 2);
    told.send(6, 2);
    assert.deepEqual(told.log, ["r fires 1 shadow", "r ends 2", "r fires 6 shadow"]);
  });

  test("5: each matching event is an episode, true at its own evaluation and false right after", () => {
    const told = new Told("expr: event.type == 'call' && event.attrs.n > 1");
    told.event(1, "call", { n: 2 });
    told.event(2, "call", { n: 1 });
    told.event(3, "error", { n: 2 });
    told.event(4, "call", { n: 2 });
    told.event(4, "call", { n: 2 });
    assert.deepEqual(
      told.log.filter((line) => line.includes("fires")),
      ["r fires 1", "r fires 4", "r fires 4.000001"],
    );
    assert.equal(told.state(), "inactive");
  });

  test("6: where ceasing to match ends it at once; matching again it is inactive", () => {
    const told = new Told("where: 'agent.labels.zone == \"a\"', expr: m > 1");
    told.attributes(0.5, { labels: { zone: "a" } });
    told.send(1, 2);
    told.attributes(2, { labels: {} });
    told.send(2.5, 2);
    told.attributes(3, { labels: { zone: "a" } });
    assert.equal(told.state(), "inactive");
    told.send(4, 2);
    assert.deepEqual(told.log, ["r fires 1", "r ends 2", "r fires 4"]);
  });

  test("6: an agent that leaves ends its episodes; its cooldown outlives that", () => {
    const told = new Told("expr: m > 1, cooldown: 5s");
    told.send(1, 2);
    told.leave(2);
    told.join("a1", {}, 3);
    told.send(4, 2);
    assert.equal(told.state(), "pending");
    told.send(7, 2);
    assert.deepEqual(told.log, ["r fires 1", "r ends 2", "r fires 7"]);
  });

  test("7: unless reads the state before this instant", () => {
    const told = new Told(`
      - { name: r, expr: m > 1, unless: other, action: stop }
      - { name: other, expr: m > 1, action: stop }`);
    told.send(1, 2);
    assert.deepEqual(told.log, ["other fires 1", "r fires 1"]);
    told.send(2, 0);
    told.send(3, 2, { metric: "unread" });
    told.send(4, 2);
    assert.deepEqual(told.log.slice(4), ["other fires 4", "r fires 4"]);
  });

  test("7: instructions of one evaluation are ordered by score, then name", () => {
    const told = new Told(`
      - { name: b, expr: m > 1, action: stop }
      - { name: a, expr: m > 1, action: stop }
      - { name: z, expr: m > 1, action: stop, priority: 9 }`);
    told.send(1, 2);
    assert.deepEqual(told.log, ["z fires 1", "a fires 1", "b fires 1"]);
  });

  test("8: a changed meaning starts afresh and keeps the cooldown; any other change keeps the state", () => {
    const told = new Told("expr: m > 1, cooldown: 10s");
    told.send(1, 2);
    told.end(1);
    told.rules("expr: m   > 1, cooldown: 10s, priority: 9", 2);
    assert.equal(told.state(), "firing");
    told.rules("expr: m > 1.5, cooldown: 10s", 3);
    assert.deepEqual(told.log, ["r fires 1", "r ends 3"]);
    told.send(4, 2);
    assert.equal(told.state(), "pending");
    told.send(11, 2);
    assert.deepEqual(told.log, ["r fires 1", "r ends 3", "r fires 11"]);
  });

  test("8: from shadow to enforce in mid-episode sends nothing; off is inactive", () => {
    const told = new Told("expr: m > 1, mode: shadow");
    told.send(1, 2);
    told.rules("expr: m > 1", 2);
    told.send(3, 2);
    told.rules("expr: m > 1, mode: off", 4);
    told.send(5, 2);
    assert.deepEqual(told.log, ["r fires 1 shadow", "r ends 4"]);
  });

  test("9: one too many within the time opens the breaker; quiet or a hand closes it", () => {
    const told = new Told("expr: m > 1, limit: 2/10s");
    for (const at of [1, 2, 3, 4]) {
      told.send(at, 2);
      told.send(at + 0.5, 0);
    }
    assert.deepEqual(
      told.log.filter((line) => !line.includes("ends")),
      ["r fires 1", "r fires 2", "r breaker opens", "r fires 3 suppressed", "r fires 4 suppressed"],
    );
    told.clock(13.999);
    assert.equal(told.log.at(-1), "r ends 4.5");
    told.clock(14);
    assert.equal(told.log.at(-1), "r breaker closes");
    for (const at of [15, 16, 17]) {
      told.send(at, 2);
      told.send(at + 0.5, 0);
    }
    told.closeBreaker(18);
    assert.equal(told.log.at(-1), "r breaker closes");
  });

  test("10: a restart changes no state, and down time counts for for", () => {
    const told = new Told("expr: m > 1, for: 10s");
    told.send(1, 2);
    told.restart(8);
    told.send(11, 2);
    told.restart(12);
    told.send(13, 2);
    assert.deepEqual(told.log, ["r fires 11"]);
  });

  test("attempts: another instruction after the cooldown while firing, if the last failed", () => {
    const told = new Told("expr: m > 1, cooldown: 2s, attempts: 2");
    told.send(1, 2);
    told.end(2, false);
    told.send(3, 2);
    told.send(4, 2);
    told.end(5, false);
    told.send(9, 2);
    assert.deepEqual(told.log, ["r fires 1", "r fires 4 attempt 2"]);
  });

  test("attempts: none after one that counted as failed and is told to have succeeded", () => {
    const told = new Told("expr: m > 1, attempts: 2");
    told.send(1, 2);
    told.end(2, false);
    told.end(3, true);
    told.send(4, 2);
    assert.deepEqual(told.log, ["r fires 1"]);
  });

  test("while enforcement is off every rule decides as in shadow", () => {
    const told = new Told("expr: m > 1");
    told.enforcing(0.5, false);
    told.send(1, 2);
    assert.deepEqual(told.log, ["r fires 1 shadow"]);
  });
});
