import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileSql, type RuleSource } from "./index.ts";
import { planOf } from "./test-support.ts";

function refused(rule: Partial<RuleSource>): readonly string[] {
  const result = compileSql(planOf({ expr: "a > 1", ...rule }));
  return result.ok ? [] : result.refusals.map(({ what }) => what);
}

function sqlOf(rule: Partial<RuleSource>): string {
  const result = compileSql(planOf({ expr: "a > 1", ...rule }));
  assert.ok(result.ok, JSON.stringify(result));
  return result.sql;
}

describe("a rule as SQL", () => {
  test("what samples do not drive is refused by name", () => {
    const cases: Record<string, Partial<RuleSource>> = {
      age: { expr: "age(a) > 1" },
      absent: { expr: 'absent(a, "1s") || a > 1' },
      count_events: { expr: 'count_events("call", "1s") > a' },
      event: { expr: 'event.type == "x" && a > 1' },
      twin: { expr: "twin.x == 1 && a > 1" },
      fleet_avg: { expr: "fleet_avg(a) > 1" },
      group_max: { expr: 'group_max(a, "zone") > 1' },
      "agent's attributes": { expr: 'agent.type == "x" && a > 1' },
      comprehension: { expr: "[1.0].exists(x, x > a)" },
      rate: { expr: 'rate(a, "1m") > 1' },
      "a division by what may be 0": { expr: "1 / a > 1" },
      "a rule without metrics": { expr: "true" },
      cooldown: { cooldown: "1s" },
      attempts: { attempts: 2 },
      unless: { unless: "other" },
      "mode: off": { mode: "off" },
      "missing: hold beside for and resolve": { missing: "hold", for: "1s", resolve: "a < 0" },
    };
    for (const [what, rule] of Object.entries(cases)) assert.ok(refused(rule).includes(what), what);
  });

  test("what it reads beside id, type, tier and labels in where is refused", () => {
    assert.deepEqual(refused({ where: '"gpu" in agent.capabilities' }), ["in"]);
    assert.deepEqual(refused({ where: "size(agent.capabilities) > 1" }), [
      "size",
      "a value of type int",
    ]);
    assert.deepEqual(refused({ where: 'agent.labels.zone.startsWith("a")' }), ["startsWith"]);
    assert.deepEqual(refused({ where: 'agent.labels.zone == "a"' }), []);
  });

  test("each refusal stands once, with its reason", () => {
    const result = compileSql(planOf({ expr: "age(a) > 1 || age(b) > 2" }));
    assert.deepEqual(!result.ok && result.refusals, [
      { what: "age", why: "it needs timers, and a query sees samples only" },
    ]);
  });

  test("texts of a rule are literals of SQL and nothing else", () => {
    const sql = sqlOf({ where: 'agent.labels["o\'clock"] == "\'; DROP TABLE samples; --"' });
    assert.match(sql, /label = 'o''clock'/);
    assert.match(sql, /= '''; DROP TABLE samples; --'/);
    assert.deepEqual(refused({ where: 'agent.id == "\\u0000"' }), ["a text"]);
  });

  test("signs do not become comments", () => {
    assert.doesNotMatch(sqlOf({ expr: "-(-1.0) - -a > 1" }), /--/);
  });

  test("it is made of LAG, running maxima and frames, over partitions of an agent", () => {
    const sql = sqlOf({ expr: 'avg_over_time(a, "30s") > 0.8', for: "10s", keep_firing_for: "5s" });
    assert.match(sql, /RANGE BETWEEN 29999999 PRECEDING AND CURRENT ROW/);
    assert.match(sql, /LAG\(holds\) OVER \(PARTITION BY agent ORDER BY time_us\)/);
    assert.doesNotMatch(sql, /MATCH_RECOGNIZE|RECURSIVE|JOIN/);
  });
});
