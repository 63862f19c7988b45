import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FALSE, linkRule, TRUE, UNKNOWN } from "./index.ts";
import { contextOf, evaluate, linked, planOf } from "./test-support.ts";

describe("a linked rule", () => {
  test("reads the newest array of a column that grew", () => {
    const context = contextOf({ metrics: { cpu: 0.5 } });
    const rule = linkRule(planOf({ expr: "cpu > 0.9" }), context);
    assert.equal(rule.condition(1), FALSE);
    context.column("cpu").values = new Float64Array([0, 0.5, 0.95, Number.NaN]);
    assert.deepEqual(
      [1, 2, 3].map((slot) => rule.condition(slot)),
      [FALSE, TRUE, UNKNOWN],
    );
  });

  test("takes a slot beyond a column's end for unknown", () => {
    const rule = linked({
      expr: "cpu > 0.9",
      resolve: "default(cpu, 1) == 1",
      args: { cpu: "${cpu}" },
    });
    assert.equal(rule.condition(99), UNKNOWN);
    assert.equal(rule.resolve(99), TRUE);
    assert.deepEqual(rule.args(99), { cpu: "unknown" });
  });

  test("asks for the columns of all it reads while linking, and never after", () => {
    const asked: string[] = [];
    const context = contextOf();
    const { column } = context;
    const plan = planOf({ expr: "a > 1 || a < b", resolve: "c > 1", args: { d: "${d}" } });
    const rule = linkRule(plan, {
      ...context,
      column: (metric) => {
        asked.push(metric);
        return column(metric);
      },
    });
    assert.deepEqual(asked, ["a", "b", "c", "d"]);
    rule.condition(1);
    rule.args(1);
    assert.equal(asked.length, 4);
  });

  test("reads attributes and the twin at each evaluation", () => {
    const state = { labels: { zone: "a" }, twin: { on: true } };
    const context = contextOf();
    const rule = linkRule(planOf({ expr: 'agent.labels.zone == "a" && twin.on' }), {
      ...context,
      attributes: (slot) => ({ ...context.attributes(slot), labels: state.labels }),
      twin: () => state.twin,
    });
    assert.equal(rule.condition(1), TRUE);
    state.twin = { on: false };
    assert.equal(rule.condition(1), FALSE);
    state.twin = { on: true };
    state.labels = { zone: "b" };
    assert.equal(rule.condition(1), FALSE);
  });

  test("reads the instant of the evaluation for agent.uptime", () => {
    const context = contextOf({ joinedAtUs: 1_000_000 });
    const rule = linkRule(planOf({ expr: "agent.uptime >= 2" }), context);
    context.nowUs = 2_999_999;
    assert.equal(rule.condition(1), FALSE);
    context.nowUs = 3_000_000;
    assert.equal(rule.condition(1), TRUE);
  });

  test("says whether it has a resolve", () => {
    assert.equal(linked({}).hasResolve, false);
    const rule = linked({ resolve: "cpu < 1" }, { metrics: { cpu: 0.5 } });
    assert.equal(rule.hasResolve, true);
    assert.equal(rule.resolve(1), TRUE);
  });

  test("keeps temporaries of nested macros apart", () => {
    const twin = {
      rows: [
        [1, 5],
        [2, 2],
      ],
    };
    assert.equal(
      evaluate(
        "twin.rows.exists(r, r.exists(x, default(x, 0) > 4 && r[0] + 1 == 2) && (r[0] > 0 || r[1] > 9))",
        { twin },
      ),
      TRUE,
    );
    assert.equal(evaluate("twin.rows.all(r, r.exists(x, x > 4))", { twin }), FALSE);
  });
});
