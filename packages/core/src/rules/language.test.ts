import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FALSE, TRUE, UNKNOWN } from "./index.ts";
import { evaluate, linked, planOf, problemOf, problemsOf, textOf } from "./test-support.ts";

const fleet = { metrics: { cpu_usage: 0.95, mem: 0.5, inf: Infinity, nan: Number.NaN } };

/** Asserts the value of each expression. */
function holds(
  table: Readonly<Record<string, 0 | 1 | 2>>,
  reported: Parameters<typeof evaluate>[1] = fleet,
): void {
  for (const [expr, expected] of Object.entries(table)) {
    assert.equal(evaluate(expr, reported), expected, expr);
  }
}

describe("values in an expression", () => {
  test("a metric is read by its name and is a double", () => {
    holds({ "cpu_usage > 0.9": TRUE, "cpu_usage > 0.95": FALSE, "cpu_usage == 0.95": TRUE });
    assert.equal(textOf("cpu_usage / 2", fleet), "0.475");
  });

  test("names with dots or dashes, reserved words and type names are read by metric(…)", () => {
    const metrics = { "gen_ai.client.token.usage": 5, "a-b": 1, for: 2, int: 3 };
    holds(
      {
        'metric("gen_ai.client.token.usage") == 5': TRUE,
        'metric("a-b") + metric("for") == metric("int")': TRUE,
      },
      { metrics },
    );
    assert.deepEqual(planOf({ expr: 'metric("a-b") > 1' }).inputs.metrics, ["a-b"]);
    assert.equal(
      problemOf("for > 1"),
      '1:1 "for" is a reserved word: write metric("for") for a metric of that name',
    );
    assert.equal(
      problemOf("double > 1"),
      '1:1 double is the name of a type: write metric("double") for a metric of that name',
    );
    assert.equal(
      problemOf("gen_ai.tokens > 1"),
      '1:7 gen_ai is a metric and has no fields: write metric("gen_ai.tokens") for a metric of that name',
    );
  });

  test("the agent's id, type, tier, labels, capabilities and uptime are read", () => {
    holds(
      {
        'agent.id == "w1" && agent.type == "worker" && agent.tier == "edge"': TRUE,
        'agent.labels.zone == "a" && agent.labels["zone"] == "a"': TRUE,
        '"vision" in agent.capabilities && !("motion" in agent.capabilities)': TRUE,
        "agent.uptime == 1.5": TRUE,
      },
      { nowUs: 3_500_000, joinedAtUs: 2_000_000 },
    );
  });

  test("where reads the agent's attributes, but uptime, and nothing else", () => {
    const rule = linked({
      where: 'agent.labels.zone in ["a", "b"] && size(agent.capabilities) == 2',
    });
    assert.equal(rule.where(1), TRUE);
    for (const where of [
      "agent.uptime > 1",
      "cpu_usage > 1",
      "twin.a == 1",
      'metric("a") > 1',
      "default(cpu, 1) > 0",
    ]) {
      assert.match(problemsOf({ where })[0]?.message ?? "", /cannot be read here/, where);
    }
  });

  test("a rule without where is for every agent", () => {
    assert.equal(linked({}).where(1), TRUE);
  });

  test("the twin is read by its fields, and numbers in it are doubles", () => {
    const twin = {
      speed: 2,
      mode: "auto",
      position: [1, 2.5],
      arm: { joint: { angle: 90 } },
      isOn: true,
      none: null,
    };
    holds(
      {
        "twin.speed * 2 == 4": TRUE,
        "twin.speed / 4 == 0.5": TRUE,
        "1 + twin.speed > 2.5": TRUE,
        "twin.speed + cpu_usage > 2.9": TRUE,
        'twin.mode == "auto" && twin.mode.startsWith("au")': TRUE,
        "twin.position[1] > 2": TRUE,
        'twin.arm.joint.angle == 90 && twin["arm"]["joint"].angle == 90': TRUE,
        "twin.isOn": TRUE,
        "!twin.isOn": FALSE,
        "twin.none == null": TRUE,
        "twin.position.exists(p, p > 2)": TRUE,
        "default(twin.missing, 0) + 1.5 == 1.5": TRUE,
        "twin.position == [1, 2.5]": TRUE,
      },
      { ...fleet, twin },
    );
  });

  test("what a rule reads is told by its plan, of expr and resolve together", () => {
    const { inputs } = planOf({
      where: 'agent.tier == "edge"',
      expr: 'b > 1 && twin.x.y == 1 && has(twin.z) && twin["k"].l > 1 && agent.uptime > 1',
      resolve: "a < 1 || b < 1",
      args: { c: "${c}" },
    });
    assert.deepEqual(inputs, {
      metrics: ["a", "b"],
      twinPaths: [["k", "l"], ["x", "y"], ["z"]],
      readsAttributes: false,
      readsUptime: true,
      readsEvent: false,
      countedEvents: [],
      windows: [],
      timers: [],
      events: [],
      fleets: [],
    });
    assert.deepEqual(planOf({ expr: "size(twin) > 1 && agent.type == 'x'" }).inputs.twinPaths, [
      [],
    ]);
    assert.equal(planOf({ expr: "agent.type == 'x'" }).inputs.readsAttributes, true);
    assert.deepEqual(planOf({ expr: "twin.zones[int(i)].on" }).inputs.twinPaths, [["zones"]]);
  });
});

describe("standard CEL", () => {
  test("arithmetic of doubles, integers, unsigned integers, texts and lists", () => {
    holds({
      "cpu_usage + mem * 2.0 - 1.0 / 4.0 == 1.7": TRUE,
      "7 / 2 == 3 && -7 / 2 == -3 && 7 % 3 == 1 && -7 % 3 == -1": TRUE,
      "7u / 2u == 3u && 7u % 4u == 3u && 1u + 2u == 3u": TRUE,
      '"a" + "b" == "ab"': TRUE,
      "[1] + [2] == [1, 2]": TRUE,
      "-(-3) == 3 && - 3 == -3": TRUE,
      "-cpu_usage < 0": TRUE,
    });
  });

  test("comparison orders numbers of all types on one line, texts by code points, bools", () => {
    holds({
      "1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2": TRUE,
      'size([1]) < 1.5 && 2u > 1 && int("9007199254740993") > 9007199254740992.0': TRUE,
      '"a" < "b" && "a" < "aa" && "\\uffee" < "\\U0001F600"': TRUE,
      "false < true": TRUE,
      '{"a": 1} == {"a": 1} && [1, 2] != [2, 1]': TRUE,
      "dyn(1) == dyn(1.0) && dyn(1) == dyn(1u) && dyn(1) != dyn('1')": TRUE,
      "dyn(1) < dyn('a')": UNKNOWN,
    });
  });

  test("?: takes the branch of its condition, and is unknown where that is", () => {
    holds({
      "(cpu_usage > 0.9 ? 1 : 2) == 1": TRUE,
      "(absent_metric > 0.0 ? 1 : 1) == 1": UNKNOWN,
      "cpu_usage > 2 ? true : cpu_usage > 0.5": TRUE,
    });
  });

  test("in looks into lists and into the keys of maps", () => {
    holds({
      "2 in [1, 2] && !(3 in [1, 2])": TRUE,
      '"a" in {"a": 1} && !("b" in {"a": 1})': TRUE,
      '"zone" in agent.labels && !("rack" in agent.labels)': TRUE,
      "cpu_usage in [0.95]": TRUE,
      "absent_metric in [0.95]": UNKNOWN,
    });
  });

  test("has() tells whether a field is there, and is unknown where what holds it is", () => {
    const twin = { a: { b: 1 }, c: null };
    holds(
      {
        "has(twin.a) && has(twin.a.b) && has(twin.c)": TRUE,
        "has(twin.x)": FALSE,
        "has(twin.a.x)": FALSE,
        "has(twin.x.y)": UNKNOWN,
        "has(twin.a.b.c)": UNKNOWN,
        "has(agent.labels.zone) && !has(agent.labels.rack)": TRUE,
        "has(agent.id)": TRUE,
      },
      { twin },
    );
    assert.match(problemOf("has(cpu_usage)"), /has takes one field/);
  });

  test("string functions", () => {
    holds({
      'agent.id.startsWith("w") && agent.id.endsWith("1") && agent.type.contains("ork")': TRUE,
      'size("aé😀") == 3 && "abc".size() == 3 && size("") == 0': TRUE,
      'string(1) + string(2u) + string(1.5) + string(true) == "121.5true"': TRUE,
    });
  });

  test("matches finds an RE2 pattern anywhere in the text", () => {
    holds({
      'agent.id.matches("[0-9]$") && matches(agent.type, "^w.*r$")': TRUE,
      'agent.id.matches("x")': FALSE,
      'agent.labels.rack.matches("x")': UNKNOWN,
    });
    assert.match(problemOf('agent.id.matches("(a")'), /1:18 the pattern cannot be compiled/);
    assert.match(problemOf('agent.id.matches("(?=a)")'), /the pattern cannot be compiled/);
  });

  test("matches takes a pattern that is known at run time only, unknown where it is none", () => {
    const twin = {
      pattern: "^w[0-9]$",
      bad: "(a",
      long: "a".repeat(600),
      wide: "(\\pL{40}){40}",
      costly: "\\pL{250}",
      text: "x".repeat(2_000),
    };
    holds(
      {
        "agent.id.matches(twin.pattern)": TRUE,
        "agent.type.matches(twin.pattern)": FALSE,
        "agent.id.matches(twin.bad)": UNKNOWN,
        "agent.id.matches(twin.long)": UNKNOWN,
        "agent.id.matches(twin.wide)": UNKNOWN,
        "twin.text.matches(twin.costly)": UNKNOWN,
        "agent.id.matches(twin.missing)": UNKNOWN,
        'agent.id.matches("^" + agent.id + "$")': TRUE,
      },
      { twin },
    );
  });

  test("exists, all, exists_one, filter and map run over lists and the keys of maps", () => {
    holds({
      "[1, 2, 3].exists(x, x > 2) && ![1, 2].exists(x, x > 2)": TRUE,
      "[1, 2].all(x, x > 0) && ![1, 2].all(x, x > 1)": TRUE,
      "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)": TRUE,
      "[1, 2, 3].filter(x, x > 1) == [2, 3]": TRUE,
      "[1, 2].map(x, x * 2) == [2, 4] && [1, 2].map(x, x > 1, x * 2) == [4]": TRUE,
      '{"b": 1, "a": 2}.map(k, k) == ["b", "a"] && agent.labels.exists(k, k == "zone")': TRUE,
      "[[1], [2, 3]].exists(l, l.all(x, x > 1))": TRUE,
      "[cpu_usage, mem].exists(x, x > 0.9)": TRUE,
      "[].exists(x, x == 1)": FALSE,
      "[].all(x, x == 1)": TRUE,
      "[true, false].exists(x, !x)": TRUE,
      "[1, 2].map(cpu_usage, cpu_usage)[0] == 1": TRUE,
    });
  });

  test("conversions; what cannot be converted is unknown", () => {
    holds({
      'int(2.9) == 2 && int(-2.9) == -2 && int("42") == 42 && int(7u) == 7': TRUE,
      'uint(3) == 3u && uint("3") == 3u && uint(3.9) == 3u': TRUE,
      'double("1.5e3") == 1500.0 && double(2) == 2.0 && double("-Inf") < 0.0': TRUE,
      'bool("true") && !bool("false")': TRUE,
      'int("x") == 1': UNKNOWN,
      "int(inf) == 1": UNKNOWN,
      "uint(-1) == 1u": UNKNOWN,
      'double("x") > 0.0': UNKNOWN,
      'double("NaN") > 0.0': UNKNOWN,
      'bool("yes")': UNKNOWN,
      "int(1e19) == 1": UNKNOWN,
    });
  });

  test("lists and maps are written, measured and indexed", () => {
    holds({
      'size([1, 2]) == 2 && size({"a": 1}) == 1 && size(agent.labels) == 1': TRUE,
      '{"a": 1}["a"] == 1 && {"a": 1}.a == 1 && {1: "x", true: "y"}[true] == "y"': TRUE,
      '[1, "a", 2.5][1] == "a"': TRUE,
      "[1, 2][2] == 1": UNKNOWN,
      "[1, 2][-1] == 1": UNKNOWN,
      '{"a": 1}["b"] == 1': UNKNOWN,
      '{"a": 1, "a": 2}.a == 1': UNKNOWN,
      '{agent.id: cpu_usage}["w1"] > 0.9': TRUE,
    });
  });

  test("comments are white space, wherever they stand", () => {
    holds({
      "cpu_usage > 0.9 // spins": TRUE,
      "// a\n// b\ncpu_usage // c\n > 0.9 // d\n// e": TRUE,
      'agent.id != "// no comment"': TRUE,
    });
  });
});

describe("deviations from CEL", () => {
  test("(a) an integer literal beside a double is a double, in arithmetic, comparison and default", () => {
    holds({
      "cpu_usage * 2 > 1 && 1 - cpu_usage < 1 && mem == 0.5 && mem != 1 && 1 > mem": TRUE,
      "default(absent_metric, 1) + mem == 1.5": TRUE,
      "7 / 2 == 3 && 7 / 2.0 == 3.5": TRUE,
      "cpu_usage > -1 && cpu_usage > - 1": TRUE,
    });
  });

  test("(a) nothing else is promoted", () => {
    assert.match(
      problemOf("size(agent.capabilities) * cpu_usage > 1"),
      /^1:26 there is no operator \* for int and double/,
    );
    assert.match(problemOf("(1 + 2) * cpu_usage > 1"), /no operator \* for int and double/);
    assert.match(
      problemOf("cpu_usage == size(agent.capabilities)"),
      /no operator == for double and int/,
    );
    assert.match(problemOf("cpu_usage in [1, 2]"), /no operator in for double and list\(int\)/);
    assert.match(
      problemOf("(true ? 1 : cpu_usage) > 1"),
      /the branches of \?: differ in type: int and double/,
    );
    assert.match(problemOf("cpu_usage > 1 && 1u + mem > 1"), /no operator \+ for uint and double/);
  });

  test("(b) what CEL calls an error is unknown", () => {
    holds({
      "absent_metric > 1": UNKNOWN,
      "1 / 0 == 1": UNKNOWN,
      "1 % 0 == 1": UNKNOWN,
      "1u / 0u == 1u": UNKNOWN,
      "9223372036854775807 + 1 > 0": UNKNOWN,
      "-9223372036854775808 - 1 < 0": UNKNOWN,
      "1u - 2u == 0u": UNKNOWN,
      "9223372036854775807 * 2 > 0": UNKNOWN,
    });
  });

  test("(c) NaN is unknown, sent or computed; infinities are values", () => {
    holds({
      "nan > 0": UNKNOWN,
      "nan == nan": UNKNOWN,
      "nan != nan": UNKNOWN,
      "inf - inf == 0": UNKNOWN,
      "0.0 / 0.0 == 1.0": UNKNOWN,
      "inf > 1e308 && -inf < 0 && 1.0 / 0.0 == inf": TRUE,
      "default(nan, 3) == 3": TRUE,
      "[nan].exists(x, x > 0.0)": UNKNOWN,
    });
  });

  test("(d) types are checked before running", () => {
    assert.equal(problemOf('cpu_usage > "a"'), "1:11 there is no operator > for double and string");
    assert.equal(problemOf("agent.id == 1"), "1:10 there is no operator == for string and int");
    assert.equal(problemOf("size(cpu_usage) > 1"), "1:6 a double has no size");
    assert.equal(
      problemOf("[1].exists(x, x)"),
      "1:15 the condition of exists is of type int, not bool",
    );
    assert.equal(
      problemOf("cpu_usage.exists(x, x)"),
      "1:10 exists runs over lists and maps, not over a double",
    );
  });
});

describe("unknown", () => {
  test("a missing metric, twin field, key, label or index is unknown", () => {
    holds({
      "absent_metric > 0": UNKNOWN,
      "twin.x == 1": UNKNOWN,
      "twin.x.y.z == 1": UNKNOWN,
      'agent.labels.rack == "1"': UNKNOWN,
      "agent.capabilities[9] == ''": UNKNOWN,
    });
  });

  test("unknown || true is true, unknown && false is false, otherwise unknown", () => {
    holds({
      "absent_metric > 0 || true": TRUE,
      "true || absent_metric > 0": TRUE,
      "absent_metric > 0 || false": UNKNOWN,
      "absent_metric > 0 && false": FALSE,
      "false && absent_metric > 0": FALSE,
      "absent_metric > 0 && true": UNKNOWN,
      "!(absent_metric > 0)": UNKNOWN,
      "absent_metric > 0 && absent_metric > 0 && cpu_usage > 2": FALSE,
    });
  });

  test("exists and all follow || and && over their elements; the other macros need all", () => {
    const twin = { list: [1, "x", 3] };
    holds(
      {
        "twin.list.exists(x, x > 2)": TRUE,
        "twin.list.exists(x, x > 5)": UNKNOWN,
        "twin.list.all(x, x > 2)": FALSE,
        "twin.list.all(x, x > 0)": UNKNOWN,
        "twin.list.exists_one(x, x > 2)": UNKNOWN,
        "size(twin.list.filter(x, x > 2)) == 1": UNKNOWN,
        "size(twin.list.map(x, x + 1)) == 3": UNKNOWN,
        "twin.none.exists(x, true)": UNKNOWN,
      },
      { twin },
    );
  });

  test("a condition known to be no bool is refused", () => {
    assert.equal(
      problemOf("cpu_usage"),
      "1:1 the condition is of type double, not bool: compare it with something, as in x > 0.9",
    );
    assert.equal(
      problemOf("agent.labels"),
      "1:6 the condition is of type map(string, string), not bool: compare it with something, as in x > 0.9",
    );
  });

  test("a condition that proves to be no bool at run time is unknown", () => {
    holds(
      {
        "twin.on": UNKNOWN,
        "twin.on && true": UNKNOWN,
        "twin.on || true": TRUE,
        "twin.text": UNKNOWN,
      },
      { twin: { on: 1, text: "true" } },
    );
  });

  test("default(x, y) is y where x is unknown", () => {
    holds({
      "default(absent_metric, 5.0) == 5.0": TRUE,
      "default(cpu_usage, 5.0) < 1.0": TRUE,
      "default(absent_metric > 1, false)": FALSE,
      'default(agent.labels.rack, "none") == "none"': TRUE,
      "default(default(absent_metric, nan), 2) == 2": TRUE,
      "default(twin.on, true)": TRUE,
    });
    assert.match(
      problemOf('default(cpu_usage, "a") > 1'),
      /default needs two values of one type, found double and string/,
    );
  });
});

describe("args", () => {
  test("${…} is the value as text, an unknown one is the text unknown, $${ is ${", () => {
    const rule = linked(
      {
        args: {
          reason: "cpu ${cpu_usage} on ${agent.id}: ${absent_metric} $${x} $1 $",
          list: ["${1 + 1}", 2],
          nested: { a: "${true}" },
        },
      },
      fleet,
    );
    assert.deepEqual(rule.args(1), {
      reason: "cpu 0.95 on w1: unknown ${x} $1 $",
      list: ["2", 2],
      nested: { a: "true" },
    });
  });

  test("a text that is one ${…} alone is text too", () => {
    assert.equal(textOf("cpu_usage", fleet), "0.95");
    assert.equal(textOf("agent.capabilities"), '["vision","audio"]');
    assert.equal(textOf("agent.labels"), '{"zone":"a"}');
    assert.equal(
      textOf("twin.a", { twin: { a: { b: [1, "x", null, true] } } }),
      '{"b":[1,"x",null,true]}',
    );
    assert.equal(textOf("1.0 / 0.0"), "+Inf");
    assert.equal(textOf("null"), "null");
  });

  test("an expression in a text may hold braces and quotes", () => {
    assert.equal(textOf('{"a}": "}"}["a}"]'), "}");
  });

  test("args without ${…} are one frozen object", () => {
    const rule = linked({ args: { a: { b: [1] }, c: "$${d}" } });
    assert.deepEqual(rule.args(1), { a: { b: [1] }, c: "${d}" });
    assert.equal(rule.args(1), rule.args(2));
    assert.ok(Object.isFrozen(rule.args(1)["a"]));
  });

  test("errors in args stand at their place in the text", () => {
    const [problem] = problemsOf({ args: { deep: ["ok", "cpu is ${cpu +}"] } });
    assert.deepEqual(
      [problem?.field, problem?.line, problem?.column, problem?.message],
      ["args.deep.1", 1, 15, "the expression ends too early"],
    );
    assert.equal(problemsOf({ args: { a: "x ${cpu" } })[0]?.message, "${ is not closed");
  });
});

describe("functions that there are not", () => {
  test("a misspelt one is named with what was meant", () => {
    assert.equal(
      problemOf('avg_overtime(cpu, "30s") > 1'),
      '1:1 unknown metric function "avg_overtime": did you mean avg_over_time?',
    );
    assert.equal(
      problemOf("fleet_average(cpu) > 1"),
      '1:1 unknown metric function "fleet_average": did you mean fleet_avg?',
    );
    assert.equal(
      problemOf('agent.id.startWith("a")'),
      '1:9 unknown method "startWith": did you mean startsWith?',
    );
    assert.equal(
      problemOf('matchs(agent.id, "a")'),
      '1:1 unknown function "matchs": did you mean matches?',
    );
    assert.equal(
      problemOf('agent.tpye == "a"'),
      '1:6 unknown agent field "tpye": did you mean agent.type?',
    );
    assert.equal(problemOf('agnet.type == "a"'), '1:1 unknown name "agnet": did you mean agent?');
  });
});
