import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { overWindow } from "./series.ts";
import { Told } from "./test-support.ts";

/** What a function gives of samples a second apart. */
function over(name: string, values: readonly number[], quantile = Number.NaN): number | undefined {
  const points = values.map((value, second) => ({ value, atUs: second * 1e6 }));
  return overWindow(name, points, quantile);
}

describe("windows", () => {
  test("1: a window is (t − w, t]", () => {
    const told = new Told("expr: 'count_over_time(m, \"2s\") == 3'");
    told.send(1, 0);
    told.send(2, 0);
    told.send(3, 0);
    assert.deepEqual(told.log, []);
    told.send(3.5, 0);
    assert.deepEqual(told.log, ["r fires 3.5"]);
  });

  test("1: it fills from when the first rule that reads it is applied; later rules share it", () => {
    const told = new Told("expr: m > 100");
    told.send(1, 1);
    told.rules("- { name: first, expr: 'count_over_time(m, \"10s\") > 1', action: stop }", 1);
    told.send(2, 1);
    assert.equal(told.state("first"), "inactive");
    told.rules(
      `- { name: first, expr: 'count_over_time(m, "10s") > 1', action: stop }
       - { name: later, expr: 'sum_over_time(m, "10s") > 1', action: stop }`,
      2,
    );
    told.send(3, 1);
    assert.deepEqual(told.log, ["first fires 3", "later fires 3"]);
  });

  test("2: over no sample all are unknown, count and sum too", () => {
    for (const name of ["count_over_time", "sum_over_time", "avg_over_time", "rate", "changes"])
      assert.equal(over(name, []), undefined, name);
  });

  test("2: NaN samples are passed over", () => {
    assert.equal(over("count_over_time", [1, Number.NaN, 2]), 2);
    assert.equal(over("last_over_time", [1, Number.NaN]), 1);
    assert.equal(over("sum_over_time", [Number.NaN]), undefined);
  });

  test("2: infinities have a sum unless they are of both signs; slopes and deviations of them are unknown", () => {
    assert.equal(over("sum_over_time", [1, Infinity]), Infinity);
    assert.equal(over("sum_over_time", [-Infinity, Infinity]), undefined);
    assert.equal(over("avg_over_time", [-Infinity, 1]), -Infinity);
    for (const name of ["stddev_over_time", "rate", "increase", "delta", "deriv"])
      assert.equal(over(name, [1, Infinity]), undefined, name);
  });

  test("2: once gone, infinities leave no trace", () => {
    const told = new Told("expr: 'sum_over_time(m, \"2s\") == 3'");
    told.send(1, Infinity);
    told.send(2, 1);
    told.send(3, 2);
    assert.deepEqual(told.log, ["r fires 3"]);
  });

  test("3: increase counts a restart of the counter from 0, rate is that per second", () => {
    assert.equal(over("increase", [5, 8, 2, 3]), 6);
    assert.equal(over("rate", [5, 8, 2, 3]), 2);
    assert.equal(over("delta", [5, 8, 2, 3]), -2);
    assert.equal(over("deriv", [1, 3, 5]), 2);
    assert.equal(over("resets", [5, 8, 2, 3]), 1);
    assert.equal(over("changes", [5, 5, 2, 3]), 2);
  });

  test("3: slopes need samples at two times; changes, resets and stddev of one sample are 0", () => {
    for (const name of ["rate", "increase", "delta", "deriv"])
      assert.equal(over(name, [1]), undefined, name);
    const sameTime = [
      { value: 1, atUs: 5 },
      { value: 2, atUs: 5 },
    ];
    assert.equal(overWindow("delta", sameTime, Number.NaN), undefined);
    for (const name of ["changes", "resets", "stddev_over_time"]) assert.equal(over(name, [7]), 0);
  });

  test("3: stddev is the population's", () => {
    assert.equal(over("stddev_over_time", [2, 4, 4, 4, 5, 5, 7, 9]), 2);
  });

  test("3: quantile interpolates at rank q·(n − 1), whole ranks exactly", () => {
    assert.equal(over("quantile_over_time", [4, 1, 3, 2], 0.5), 2.5);
    assert.equal(over("quantile_over_time", [3, 1, 2], 0.5), 2);
    assert.equal(over("quantile_over_time", [1, Infinity], 1), Infinity);
    assert.equal(over("quantile_over_time", [-Infinity, Infinity], 0.5), undefined);
    assert.equal(over("quantile_over_time", [-Infinity, 3], 0.5), -Infinity);
  });

  test("4: age is in seconds, and unknown of what has no sample", () => {
    const told = new Told(`
      - { name: aged, expr: age(m) == 2 && n > 0, action: stop }
      - { name: never, expr: 'default(age(x), -1) == -1 && n > 0', action: stop }`);
    told.send(1, 0);
    told.send(3, 1, { metric: "n" });
    assert.deepEqual(told.log, ["aged fires 3", "never fires 3"]);
  });

  test("4: absent is true from exactly w after the later of the last sample and joining", () => {
    const told = new Told("expr: 'absent(m, \"2s\")'");
    told.clock(1.999);
    assert.equal(told.state(), "inactive");
    told.clock(2);
    told.send(3, Number.NaN);
    told.clock(4.999);
    assert.equal(told.state(), "inactive");
    told.clock(5);
    assert.deepEqual(told.log, ["r fires 2", "r ends 3", "r fires 5"]);
  });

  test("4: absent is evaluated when a rule with it comes into force", () => {
    const told = new Told("expr: m > 100");
    told.send(1, 0);
    told.rules("expr: 'absent(m, \"2s\")'", 7);
    assert.deepEqual(told.log, ["r fires 7"]);
  });

  test("4: count_events counts with the present event, and is never unknown", () => {
    const told = new Told('expr: \'count_events("call", "2s") > 1\'');
    told.event(1, "call");
    told.event(3, "call");
    assert.deepEqual(told.log, []);
    told.event(4, "call");
    assert.deepEqual(told.log, ["r fires 4"]);
    const none = new Told('expr: \'count_events("call", "2s") == 0 && m > 0\'');
    none.send(1, 1);
    assert.deepEqual(none.log, ["r fires 1"]);
  });

  test("5: a window of too many samples is of the buckets of w/256 that reach into it, and of fewer is exact", () => {
    const told = new Told(
      `- { name: many, expr: 'count_over_time(m, "256s") == 9 && n > 0', action: stop }
       - { name: few, expr: 'count_over_time(m, "256s") == 4 && n > 0', action: stop }`,
      { windowSamples: 4 },
    );
    for (const at of [0.2, 0.4, 0.6, 0.8, 1, 200, 201, 202, 256.9]) told.send(at, 0);
    told.send(256.9, 1, { metric: "n" });
    assert.deepEqual(told.log, ["many fires 256.9"]);
    told.send(257, 1, { metric: "n" });
    assert.deepEqual(told.log, ["many fires 256.9", "many ends 257", "few fires 257"]);
  });

  test("10: absent and age count from no earlier than a restart", () => {
    const told = new Told("expr: 'absent(m, \"2s\")'");
    told.send(1, 0);
    told.restart(2.5);
    told.clock(4);
    assert.deepEqual(told.log, []);
    told.clock(4.5);
    assert.deepEqual(told.log, ["r fires 4.5"]);
  });
});

describe("fleets and groups", () => {
  const fleet = (expr: string): Told => {
    const told = new Told(`expr: '${expr}', where: 'agent.id == "a1"'`);
    told.attributes(0, { labels: { zone: "x" } });
    told.join("a2", { labels: { zone: "x" } });
    told.join("a3", { labels: { zone: "y" } });
    return told;
  };

  test("they are over all agents, itself included and not narrowed by where", () => {
    for (const [expr, expected] of [
      ["fleet_avg(m) == 3", true],
      ["fleet_sum(m) == 9", true],
      ["fleet_min(m) == 1", true],
      ["fleet_max(m) == 6", true],
      ["fleet_count(m) == 3", true],
      ['group_sum(m, "zone") == 3', true],
      ['group_count(m, "rack") == 0', false],
    ] as const) {
      const told = fleet(expr);
      told.send(1, 2, { agent: "a2" });
      told.send(1, 6, { agent: "a3" });
      told.send(2, 1);
      assert.deepEqual(told.log, expected ? ["r fires 2"] : [], expr);
    }
  });

  test("other agents' samples cause no evaluation", () => {
    const told = fleet("fleet_sum(m) > 5");
    told.send(1, 1);
    told.send(2, 10, { agent: "a2" });
    assert.deepEqual(told.log, []);
    told.send(3, 1);
    assert.deepEqual(told.log, ["r fires 3"]);
  });

  test("samples older than stale_after, NaN and agents that have left do not count", () => {
    const told = fleet("fleet_count(m) == 1");
    told.send(1, 1, { agent: "a2" });
    told.send(2, Number.NaN, { agent: "a3" });
    told.send(31, 1);
    assert.deepEqual(told.log, []);
    told.send(31.000001, 1);
    assert.deepEqual(told.log, ["r fires 31.000001"]);
    const other = fleet("fleet_count(m) == 1");
    other.send(1, 1, { agent: "a2" });
    other.leave(2, "a2");
    other.send(3, 1);
    assert.deepEqual(other.log, ["r fires 3"]);
  });

  test("over nobody the count is 0, and all else unknown", () => {
    const told = fleet("fleet_count(m) == 0 && default(fleet_sum(m), -1) == -1 && n > 0");
    told.send(1, 1, { metric: "n" });
    assert.deepEqual(told.log, ["r fires 1"]);
  });

  test("a change of label moves an agent's values at once", () => {
    const told = fleet('group_sum(m, "zone") > 5');
    told.send(1, 6, { agent: "a3" });
    told.send(1, 1);
    assert.deepEqual(told.log, []);
    told.attributes(2, { labels: { zone: "x" } }, "a3");
    told.send(3, 1);
    assert.deepEqual(told.log, ["r fires 3"]);
  });
});
