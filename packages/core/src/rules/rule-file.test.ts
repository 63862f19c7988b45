import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatProblem, parseRuleFile, type RulePlan } from "./index.ts";

const whole = `rules:
  - name: runaway-cpu
    description: restart workers that spin
    where: agent.type == "worker" && agent.labels.zone == "a"
    expr: cpu_usage > 0.9 && mem_usage > 0.8
    for: 10s
    keep_firing_for: 5s
    resolve: cpu_usage < 0.7
    missing: hold
    unless: other-rule
    action: restart
    args: { reason: "cpu \${cpu_usage} on \${agent.id}" }
    priority: 8
    sla: 10ms
    deadline: 1s
    timeout: 20s
    cooldown: 30s
    attempts: 3
    limit: 20/1m
    mode: shadow
`;

function plansOf(text: string): readonly RulePlan[] {
  const { rules, problems } = parseRuleFile(text);
  assert.deepEqual(problems, []);
  return rules;
}

function only(text: string): RulePlan {
  const [plan, ...others] = plansOf(text);
  assert.ok(plan);
  assert.deepEqual(others, []);
  return plan;
}

/** Problems as lines of text. */
function complaints(text: string): string[] {
  const { rules, problems } = parseRuleFile(text);
  assert.deepEqual(rules, [], "nothing of a file with an error is given out");
  return problems.map((problem) => formatProblem(problem));
}

const rule = (fields: string): string =>
  `rules:\n  - name: a\n    action: stop\n${fields.replaceAll(/^/gm, "    ")}\n`;

describe("a rule file", () => {
  test("gives the plan of each rule, with every field", () => {
    const { source, condition, where, resolve, args, inputs, meaning, ...rest } = only(whole);
    assert.deepEqual(rest, {
      name: "runaway-cpu",
      unless: "other-rule",
      action: "restart",
      forUs: 10_000_000,
      keepFiringForUs: 5_000_000,
      missing: "hold",
      isEventRule: false,
      priority: 8,
      slaUs: 10_000,
      deadlineUs: 1_000_000,
      timeoutUs: 20_000_000,
      cooldownUs: 30_000_000,
      attempts: 3,
      limit: { count: 20, perUs: 60_000_000 },
      mode: "shadow",
    });
    assert.ok(condition && where && resolve && args && meaning);
    assert.deepEqual(inputs.metrics, ["cpu_usage", "mem_usage"]);
    assert.equal(source.expr, "cpu_usage > 0.9 && mem_usage > 0.8");
    assert.equal(source.limit, "20/1m");
  });

  test("leaves defaults where a rule says nothing", () => {
    const plan = only(rule("expr: a > 1"));
    assert.deepEqual(
      [
        plan.forUs,
        plan.keepFiringForUs,
        plan.missing,
        plan.priority,
        plan.slaUs,
        plan.deadlineUs,
        plan.timeoutUs,
        plan.cooldownUs,
        plan.attempts,
        plan.limit,
        plan.mode,
      ],
      [0, 0, "reset", 5, undefined, 30_000_000, 60_000_000, 0, 1, undefined, "enforce"],
    );
    assert.deepEqual(plan.args, { kind: "constant", value: {} });
    assert.equal(only(rule("expr: a > 1\nsla: 10ms")).deadlineUs, 1_000_000);
  });

  test("may be JSON", () => {
    const text = JSON.stringify(
      { rules: [{ name: "a", expr: 'agent.id == "\u{1F600}"', action: "stop", args: { n: 1 } }] },
      null,
      2,
    );
    assert.equal(only(text).source.expr, 'agent.id == "\u{1F600}"');
  });

  test("may hold no rule", () => {
    assert.deepEqual(plansOf("rules: []"), []);
    assert.deepEqual(plansOf("rules:\n"), []);
  });

  test("may use anchors", () => {
    const [first, second] = plansOf(
      `rules:\n  - &base\n    name: a\n    expr: &e a > 1\n    action: stop\n  - { name: b, expr: *e, action: start }\n`,
    );
    assert.equal(first?.source.expr, second?.source.expr);
  });
});

describe("the one-line form", () => {
  test("expr … for 10s is sugar for expr and for", () => {
    const sugar = only(rule("expr: cpu_usage > 0.9 for 10s"));
    const plain = only(rule("expr: cpu_usage > 0.9\nfor: 10s"));
    assert.equal(sugar.forUs, 10_000_000);
    assert.deepEqual(sugar.condition, plain.condition);
    assert.equal(sugar.meaning, plain.meaning);
    assert.equal(sugar.source.expr, "cpu_usage > 0.9 for 10s");
  });

  test("it stands only at the end of an expr, and not together with for", () => {
    assert.deepEqual(complaints(rule("expr: a > 1 for 10s\nfor: 5s")), [
      "4:17: rule a: expr: for is given twice: keep the one in expr or the field for",
    ]);
    assert.match(
      complaints(rule("expr: (a > 1 for 10s) || b > 1"))[0] ?? "",
      /^4:18: rule a: expr: syntax error at "for"/,
    );
    assert.match(
      complaints(rule("expr: a > 1\nresolve: a < 1 for 10s"))[0] ?? "",
      /^5:20: rule a: resolve: syntax error at "for"/,
    );
    assert.match(
      complaints(rule("expr: a > 1 for 10"))[0] ?? "",
      /^4:21: rule a: expr: "10" is not a duration/,
    );
  });

  test("for within a text, a comment or a field is no sugar", () => {
    for (const expr of [
      `agent.id == "x for 10s"`,
      `agent.labels.for == "10s"`,
      `a > 1 // wait for 10s`,
    ]) {
      assert.equal(only(rule(`expr: '${expr}'`)).forUs, 0, expr);
    }
  });
});

describe("meaning", () => {
  const meaningOf = (fields: string): string => only(rule(fields)).meaning;
  const base = meaningOf('expr: a > 1 && agent.id == "x"\nfor: 10s');

  test("does not change with white space, comments, brackets, quotes and sugar", () => {
    for (const fields of [
      'expr: |\n  a   >  1 // spins\n    && agent . id ==\n  "x"\nfor: 10s',
      'expr: ((a) > (1)) && (agent.id == "x") for 10000ms',
      "expr: a > 1 && agent.id == 'x' for 10s",
      'expr: a > 1 && agent.id == "\\u0078"\nfor: 10s\nmissing: reset\nkeep_firing_for: 0s',
    ]) {
      assert.equal(meaningOf(fields), base, fields);
    }
  });

  test("does not change with what is sent and how", () => {
    assert.equal(
      meaningOf(
        'expr: a > 1 && agent.id == "x"\nfor: 10s\npriority: 1\nargs: {a: "${a}"}\ncooldown: 1m\nmode: "off"\ndescription: x\nunless: b\nlimit: 1/1s',
      ),
      base,
    );
  });

  test("changes with where, expr, for, resolve, missing and keep_firing_for", () => {
    const changed = [
      'where: agent.tier == "edge"\nexpr: a > 1 && agent.id == "x"\nfor: 10s',
      'expr: a > 2 && agent.id == "x"\nfor: 10s',
      'expr: a >= 1 && agent.id == "x"\nfor: 10s',
      'expr: agent.id == "x" && a > 1\nfor: 10s',
      'expr: a > 1 && agent.id == "x"\nfor: 11s',
      'expr: a > 1 && agent.id == "x"\nfor: 10s\nresolve: a < 1',
      'expr: a > 1 && agent.id == "x"\nfor: 10s\nmissing: hold',
      'expr: a > 1 && agent.id == "x"\nfor: 10s\nkeep_firing_for: 1s',
    ].map(meaningOf);
    assert.equal(new Set([base, ...changed]).size, changed.length + 1);
  });

  test("tells apart what only quotes tell apart", () => {
    const texts = [
      'agent.id == "a b"',
      'agent.id == "a" + "b"',
      'agent.id == "a\\" \\"b"',
      "[1, 2] == [12]",
      "[12] == [1, 2]",
      "(a > 1 ? b > 1 : c > 1)",
    ];
    const meanings = texts.map((expr) => meaningOf(`expr: '${expr}'`));
    assert.equal(new Set(meanings).size, texts.length);
  });
});

describe("errors", () => {
  test("name rule, line, column and the mend", () => {
    assert.deepEqual(complaints(rule('expr: cpu > 1 && avg_overtime(mem, "30s") > 0.8')), [
      '4:22: rule a: expr: unknown metric function "avg_overtime": did you mean avg_over_time?',
    ]);
  });

  test("stand at their place in folded, literal and quoted texts", () => {
    const at = (fields: string): string => complaints(rule(fields))[0]?.split(": ")[0] ?? "";
    assert.equal(at("expr: |\n  a > 1 &&\n    fooo(2)"), "6:9");
    assert.equal(at("expr: >\n  a > 1 &&\n  fooo(2)"), "6:7");
    assert.equal(at("expr: >-\n\n  a > 1\n\n  && fooo(2)"), "8:10");
    assert.equal(at("expr: a > 1 &&\n  fooo(2)"), "5:7");
    assert.equal(at(`expr: "agent.id == \\"x\\" && fooo(2)"`), "4:33");
    assert.equal(at(`expr: 'agent.id == ''x'' && fooo(2)'`), "4:33");
    assert.equal(at(`expr: "a > 1 &&\\nfooo(2)"`), "4:22");
    assert.equal(at('args:\n  list:\n    - ok\n    - "x ${fooo(1)}"\nexpr: a > 1'), "7:16");
  });

  test("list every problem of a file, in order", () => {
    const lines = complaints(
      `rules:\n  - name: Bad\n    expr: a >\n    action: "no action"\n    for: 10\n    prority: 3\n  - expr: a > 1\n    where: a > 1\n    priority: 11\n    attempts: 0\n    mode: shadwo\n    missing: maybe\n    limit: 20\n    sla: 0s\n    unless: X\n    args: [1]\n`,
    );
    assert.deepEqual(
      lines.map((line) => line.replace(/^(\S+) (rule \w+: )?/, "$1 ")),
      [
        '2:11: name: "Bad" is not a valid rule name: A rule name is 1 to 64 of a-z, 0-9 and -.',
        "3:14: expr: the expression ends too early",
        '4:14: action: "no action" is not a valid action name: An action name is 1 to 64 letters, digits or . _ -, beginning with a letter.',
        "5:10: for: for has no unit: write 10s or 10ms",
        '6:5: prority: unknown key "prority": did you mean priority?',
        "7:5: the rule has no name",
        "7:5: the rule has no action",
        "8:12: a cannot be read here: only agent.id, agent.type, agent.tier, agent.labels and agent.capabilities can",
        "9:15: priority must be a whole number from 1 to 10",
        "10:15: attempts must be a whole number from 1 to 10",
        '11:11: "shadwo" is no mode: did you mean shadow?',
        '12:14: "maybe" is no missing: write reset or hold',
        "13:12: limit must be a count and a duration: write it as 20/1m",
        "14:10: the duration must be above 0",
        '15:13: "X" is not a valid rule name: A rule name is 1 to 64 of a-z, 0-9 and -.',
        "16:11: args must be a map: write args: { key: value }",
      ],
    );
  });

  test("two rules of one name are refused", () => {
    assert.deepEqual(
      complaints(
        "rules:\n  - {name: a, expr: x > 1, action: b}\n  - {name: a, expr: x > 1, action: b}\n",
      ),
      ["3:12: rule a: name: the name is used in line 2 already: give each rule a name of its own"],
    );
  });

  test("a rule that excuses itself is refused", () => {
    assert.deepEqual(complaints(rule("expr: a > 1\nunless: a")), [
      "5:13: rule a: unless: the rule names itself: name another rule",
    ]);
  });

  test("numbers without a unit, and durations without end, are refused", () => {
    for (const field of ["for", "keep_firing_for", "sla", "deadline", "timeout", "cooldown"]) {
      assert.match(
        complaints(rule(`expr: a > 1\n${field}: 10`))[0] ?? "",
        /has no unit: write 10s or 10ms/,
      );
      assert.match(
        complaints(rule(`expr: a > 1\n${field}: "10"`))[0] ?? "",
        /"10" is not a duration/,
      );
      assert.match(complaints(rule(`expr: a > 1\n${field}: 31d`))[0] ?? "", /longer than 30 days/);
    }
  });

  test("a limit is a count above 0 and a duration", () => {
    for (const limit of [
      "20",
      "0/1m",
      "/1m",
      "20/",
      "20/60",
      "-1/1m",
      "1.5/1m",
      "20 per 1m",
      "20/0s",
      "99999999/1s",
    ]) {
      assert.equal(complaints(rule(`expr: a > 1\nlimit: "${limit}"`)).length, 1, limit);
    }
    assert.deepEqual(only(rule("expr: a > 1\nlimit: 20 / 1m30s")).limit, {
      count: 20,
      perUs: 90_000_000,
    });
  });

  test("what is no rule file is refused with what one is", () => {
    assert.deepEqual(complaints(""), ["1:1: the file has no rules: begin it with a line rules:"]);
    assert.deepEqual(complaints("- name: a"), [
      "1:1: the file has no rules: begin it with a line rules:",
    ]);
    assert.deepEqual(complaints("rule:\n  - name: a"), [
      '1:1: unknown key "rule": did you mean rules?',
    ]);
    assert.deepEqual(complaints("rules: {a: 1}"), [
      "1:8: rules must be a list: write rules: and below it - name: …",
    ]);
    assert.deepEqual(complaints("rules: [1]"), ["1:9: a rule must be a map of fields"]);
    assert.deepEqual(complaints("gates: []\nrules: []"), ["1:1: gates are not available yet"]);
    assert.match(complaints("rules:\n  - name: a\n    name: b\n")[0] ?? "", /^3:5: .*unique/);
    assert.match(complaints("rules: [")[0] ?? "", /^1:9: /);
    assert.match(complaints("rules: []\n---\nrules: []")[0] ?? "", /^2:1: /);
  });

  test("an expression that YAML would read as something else is refused, never cut", () => {
    for (const expr of [
      "!(a > 1)",
      "!twin.on",
      '"w1" == agent.id',
      "[1].exists(x, a > x)",
      "a > 1 ? b > 1 : c > 1",
      "&a > 1",
      "*a > 1",
    ]) {
      assert.notEqual(complaints(rule(`expr: ${expr}`)).length, 0, expr);
      assert.equal(complaints(rule(`expr: ${expr}`))[0]?.startsWith("4:"), true, expr);
    }
    assert.match(complaints(rule("expr: !twin.on a"))[0] ?? "", /stands in quotes or below \|$/);
    assert.equal(only(rule("expr: a > 1\nmode: off")).mode, "off");
    assert.equal(only(rule("expr: '!twin.on'")).source.expr, "!twin.on");
  });

  test("a field of the wrong type is refused", () => {
    assert.deepEqual(complaints(rule("expr: true")), [
      "4:11: rule a: expr: expr must be text: put it in quotes",
    ]);
    assert.match(
      complaints("rules:\n  - {name: 12, expr: 'true', action: b}")[0] ?? "",
      /name must be text/,
    );
    assert.match(
      complaints(rule("expr: a > 1\npriority: high"))[0] ?? "",
      /priority must be a whole number/,
    );
    assert.match(
      complaints(rule("expr: a > 1\nargs: {a: .nan}"))[0] ?? "",
      /^5:15: .*the number is not finite/,
    );
  });
});

test("a file that nests deeper than any rule is refused before it is parsed, brackets in text are not counted", () => {
  const open = "[".repeat(100_000);
  for (const text of [
    open,
    `{"rules":${open}`,
    "{a: ".repeat(1000),
    `rules: ${"- ".repeat(1000)}a`,
  ])
    assert.match(parseRuleFile(text).problems[0]?.message ?? "", /^the file nests too deep$/);
  const rule = { name: "a", expr: "x > 1", action: "b", description: "[{-".repeat(300) };
  const plain = `rules:\n  - name: a\n    expr: x > 1\n    action: b\n    description: ${JSON.stringify(rule.description)}\n`;
  for (const text of [JSON.stringify({ rules: [rule] }), plain])
    assert.deepEqual(parseRuleFile(text).problems, []);
});

test("a file of two documents is refused", () => {
  const { rules, problems } = parseRuleFile("rules: []\n---\nrules: []\n");
  assert.deepEqual([rules, problems[0]?.message], [[], "the file has more than one document"]);
});
