import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type EvaluationContext,
  FALSE,
  linkRule,
  planRule,
  type RulePlan,
  type RuleSource,
  TRUE,
  type Tri,
  UNKNOWN,
} from "./index.ts";
import { contextOf } from "./test-support.ts";

/** The plan of a rule that may use all of the language. */
function planOf(fields: Partial<RuleSource>): RulePlan {
  const { plan, problems } = planRule({ name: "r", action: "stop", expr: "true", ...fields });
  assert.deepEqual(
    problems.filter(({ severity }) => severity === "error"),
    [],
  );
  assert.ok(plan);
  return plan;
}

/** The one problem of an expression, as `column message: mend`. */
function problemOf(expr: string, fields: Partial<RuleSource> = {}): string {
  const { problems } = planRule({ name: "r", action: "stop", expr, ...fields });
  const [problem, ...others] = problems;
  assert.ok(problem, expr);
  assert.deepEqual(others, []);
  return `${problem.column} ${problem.message}: ${problem.hint}`;
}

describe("functions over a metric's past", () => {
  test("read a metric by its name or by metric(…), over a window, and give doubles", () => {
    const { inputs } = planOf({
      expr: 'avg_over_time(cpu, "30s") > 1 && rate(metric("a.b"), "1m") / 2 < quantile_over_time(0.99, cpu, "1h")',
    });
    assert.deepEqual(inputs.windows, [
      { function: "avg_over_time", metric: "cpu", widthUs: 30e6 },
      { function: "quantile_over_time", metric: "cpu", widthUs: 3600e6, quantile: 0.99 },
      { function: "rate", metric: "a.b", widthUs: 60e6 },
    ]);
    assert.deepEqual(inputs.metrics, ["a.b", "cpu"]);
  });

  test("are refused with the place and the mend where they are called otherwise", () => {
    for (const [expr, problem] of [
      [
        'avg_over_time("cpu", "30s") > 1',
        '15 avg_over_time reads the samples of a metric, and this is none: write metric("cpu")',
      ],
      [
        'avg_over_time(cpu + 1.0, "30s") > 1',
        '19 avg_over_time reads the samples of a metric, and this is none: write avg_over_time(cpu_usage, "30s")',
      ],
      [
        'avg_over_time(twin.x, "30s") > 1',
        '19 avg_over_time reads the samples of a metric, and this is none: write avg_over_time(cpu_usage, "30s")',
      ],
      [
        'avg_over_time(int, "30s") > 1',
        '15 avg_over_time reads the samples of a metric, and this is none: write avg_over_time(cpu_usage, "30s")',
      ],
      [
        "avg_over_time(cpu, 30) > 1",
        '20 the window must be a literal text, a number with its unit: write "30s"',
      ],
      [
        "avg_over_time(cpu, agent.id) > 1",
        '25 the window must be a literal text, a number with its unit: write avg_over_time(cpu_usage, "30s")',
      ],
      [
        'avg_over_time(cpu, "25h") > 1',
        "20 a window is at most 24h long: have the agent report what is slower",
      ],
      ['avg_over_time(cpu, "0s") > 1', "20 a window must be longer than 0: undefined"],
      [
        'avg_over_time(cpu, "30") > 1',
        '20 "30" is not a duration: Write number-unit pairs, such as 250us, 10ms, 1.5s, 2m, 1h or 1m30s.',
      ],
      [
        "avg_over_time(cpu) > 1",
        '1 avg_over_time takes other arguments: write avg_over_time(cpu_usage, "30s")',
      ],
      [
        'quantile_over_time(99, cpu, "1m") > 1',
        '20 the quantile must be a literal from 0 to 1: write quantile_over_time(0.99, latency, "1m")',
      ],
      [
        'avg_overtime(cpu, "30s") > 1',
        '1 unknown metric function "avg_overtime": did you mean avg_over_time?',
      ],
      [
        'count_over_time(cpu, "30s") == size([1])',
        "29 there is no operator == for double and int: convert one side with double(…) or int(…)",
      ],
    ] as const)
      assert.equal(problemOf(expr), problem);
  });

  test("are refused in where", () => {
    assert.match(
      problemOf("true", { where: 'avg_over_time(cpu, "1s") > 1' }),
      /^1 avg_over_time cannot be used here/,
    );
    assert.match(problemOf("true", { where: "event.type == 'x'" }), /^1 event cannot be read here/);
  });
});

describe("silence", () => {
  test("absent is a bool; its timer comes when its time is over", () => {
    const { inputs } = planOf({ expr: 'absent(cpu, "5s") || absent(cpu, "5s")' });
    assert.deepEqual(inputs.timers, [{ kind: "absent", metric: "cpu", afterUs: 5e6 }]);
    assert.deepEqual(inputs.metrics, ["cpu"]);
    assert.match(problemOf('absent(cpu, "5s") > 1'), /no operator > for bool and int/);
  });

  test("age has a timer where it crosses the literal it is compared with", () => {
    for (const [expr, afterUs] of [
      ["age(cpu) > 5", [5_000_001]],
      ["age(cpu) >= 5", [5_000_000]],
      ["age(cpu) < 1.5", [1_500_000]],
      ["age(cpu) <= 1.5", [1_500_001]],
      ["5 < age(cpu)", [5_000_001]],
      ["5 >= age(cpu)", [5_000_001]],
      ["5 > age(cpu)", [5_000_000]],
      ["age(cpu) == 2", [2_000_000, 2_000_001]],
      ["age(cpu) > 0", [1]],
      ["age(cpu) > mem", []],
    ] as const) {
      const { timers } = planOf({ expr }).inputs;
      assert.deepEqual(
        timers.map((timer) => timer.afterUs),
        afterUs,
        expr,
      );
    }
  });
});

describe("events", () => {
  test("a rule may name the event, and count events of a type", () => {
    const plan = planOf({
      expr: 'event.type == "call" && event.attrs.tokens > 100 && count_events("call", "1m") > 3',
      args: { tool: "${event.attrs.tool}" },
    });
    assert.equal(plan.isEventRule, true);
    assert.equal(plan.inputs.readsEvent, true);
    assert.deepEqual(plan.inputs.events, [{ type: "call", widthUs: 60e6 }]);
    assert.deepEqual(plan.inputs.countedEvents, ["call"]);
    assert.equal(planOf({ expr: "cpu > 1", resolve: 'event.type == "done"' }).isEventRule, false);
  });

  test("for is refused on a rule that names the event", () => {
    assert.match(
      problemOf('event.type == "call"', { for: "5s" }),
      /^1 an event is there at its own/,
    );
    assert.match(problemOf('event.type == "call" for 5s'), /^1 an event is there at its own/);
  });

  test("what an event does not have is refused", () => {
    assert.equal(
      problemOf("event.kind == 'x'"),
      '6 unknown event field "kind": its attributes are event.attrs.kind',
    );
    assert.match(problemOf("event == 'x'"), /^1 event is no value by itself/);
    assert.match(problemOf('count_events(call, "1m") > 1'), /^14 the type of the events must be/);
  });
});

describe("fleets and groups", () => {
  test("are over the latest values of a metric, of all or by a label", () => {
    const { inputs } = planOf({ expr: 'fleet_avg(cpu) > 1 && group_count(cpu, "zone") > 3' });
    assert.deepEqual(inputs.fleets, [
      { function: "avg", metric: "cpu" },
      { function: "count", metric: "cpu", groupBy: "zone" },
    ]);
    assert.match(problemOf("fleet_avg(cpu, mem) > 1"), /^1 fleet_avg takes other arguments/);
    assert.match(problemOf("group_avg(cpu, zone) > 1"), /^16 the label must be a literal text/);
  });
});

describe("what a rule reads", () => {
  test("of windows, events and fleets there is what args read, too; it evaluates nothing", () => {
    const { inputs } = planOf({
      expr: "mem > 1",
      args: { why: '${avg_over_time(cpu, "1m")} of ${fleet_max(cpu)} ${count_events("x", "1s")}' },
    });
    assert.deepEqual(inputs.metrics, ["mem"]);
    assert.deepEqual(inputs.countedEvents, []);
    assert.equal(inputs.windows.length + inputs.fleets.length + inputs.events.length, 3);
  });
});

describe("what an engine keeps", () => {
  const readings: Record<string, number> = {
    window: 2,
    age: Number.NaN,
    absent: 1,
    fleet: 5,
    count_events: 0,
  };
  const context: EvaluationContext = {
    ...contextOf(),
    kept: (reading) => ({ value: () => readings[reading.op] ?? Number.NaN }),
    event: () => ({ type: "call", attrs: { n: 2 } }),
  };
  const evaluate = (expr: string): Tri => linkRule(planOf({ expr }), context).condition(1);

  test("is read by compiled expressions: doubles with NaN as unknown, absent as a truth", () => {
    for (const [expr, expected] of [
      ['avg_over_time(cpu, "1s") == 2', TRUE],
      ["age(cpu) > 1", UNKNOWN],
      ["default(age(cpu), 7) == 7", TRUE],
      ['absent(cpu, "1s")', TRUE],
      ['!absent(cpu, "1s")', FALSE],
      ["fleet_sum(cpu) > 4 && group_min(cpu, 'zone') == 5", TRUE],
      ['count_events("call", "1s") == 0', TRUE],
      ["event.type == 'call' && event.attrs.n == 2 && has(event.attrs.n) && has(event.type)", TRUE],
      ["event.attrs.x == 1", UNKNOWN],
    ] as const)
      assert.equal(evaluate(expr), expected, expr);
  });

  test("an event is unknown where there is none", () => {
    const rule = linkRule(planOf({ expr: "event.type == 'call' || has(event.type)" }), {
      ...context,
      event: () => undefined,
    });
    assert.equal(rule.condition(1), UNKNOWN);
  });

  test("a rule is not linked where nothing keeps what it reads", () => {
    assert.throws(
      () => linkRule(planOf({ expr: "age(cpu) > 1" }), contextOf()),
      /nothing keeps age/,
    );
  });
});
