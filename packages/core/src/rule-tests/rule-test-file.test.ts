import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatProblem } from "../rules/index.ts";
import { checkTests, parseRuleTests, type RuleTest, type RuleTests } from "./index.ts";

function testsOf(text: string): RuleTests {
  const { tests, problems } = parseRuleTests(text);
  assert.deepEqual(problems, []);
  assert.ok(tests !== undefined);
  return tests;
}

function only(text: string): RuleTest {
  const [first, ...others] = testsOf(text).tests;
  assert.ok(first !== undefined);
  assert.deepEqual(others, []);
  return first;
}

/** What is wrong with a file, as lines. */
function problemsOf(text: string): string[] {
  const { tests, problems } = parseRuleTests(text);
  assert.equal(tests, undefined);
  return problems.map((problem) => formatProblem(problem));
}

/** A file with one test of these lines. */
function withTest(...lines: readonly string[]): string {
  return ["rule_files: [r.yaml]", "tests:", "  - name: t", ...lines.map((line) => `    ${line}`)]
    .join("\n")
    .concat("\n");
}

const agent = "agents: [{ id: a, series: { m: 1 } }]";
const expectation = "expect: [{ at: 1s, instructions: [] }]";

const whole = `
rule_files: [rules.yaml, more/rules.yaml]
interval: 500ms
settings: { stale_after: 10s, window_samples: 64, lateness: 2s }
rules:
  - { name: r, expr: m > 1, action: act }
tests:
  - name: everything
    agents:
      - id: a
        type: worker
        tier: edge
        labels: { zone: a, rack: 7 }
        capabilities: [gpu]
        twin: { queue: { depth: 1 } }
        joins: [1s, 20s]
        leaves: 10s
        series:
          m: 0+10x2 _ stale
          n: { values: 7, interval: 2s, start: 3s, delay: 1s }
      - id: b
    events:
      - { at: 2s, agent: a, type: tool_call, attrs: { tool: shell }, times: 3, every: 1s }
    changes:
      - { at: 3s, agent: a, twin: { queue: null }, labels: { zone: b } }
    outcomes:
      - { rule: r, agent: a, action: act, attempt: 1, status: failed, after: 200ms }
    expect:
      - { at: 1m, rule: r, states: { a: firing } }
      - at: 2m
        rule: r
        agent: a
        states: pending
        instructions:
          - { rule: r, agent: a, action: act, args: { x: 1 }, at: 7s, attempt: 2, mode: shadow }
`;

suite("a file of tests", () => {
  test("is read with all that it can say", () => {
    const file = testsOf(whole);
    const paths = file.ruleFiles.map(({ path, line }) => [path, line]);
    assert.deepEqual(paths, [
      ["rules.yaml", 2],
      ["more/rules.yaml", 2],
    ]);
    assert.deepEqual(
      file.rules.map(({ name }) => name),
      ["r"],
    );
    assert.deepEqual(file.settings, { latenessUs: 2e6, staleAfterUs: 10e6, windowSamples: 64 });
    const { agents, events, changes, outcomes, expectations } = only(whole);
    const [first, second] = agents;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(first.attributes, {
      ...{ id: "a", type: "worker", tier: "edge", capabilities: ["gpu"] },
      labels: { zone: "a", rack: "7" },
    });
    assert.deepEqual([first.joinsUs, first.leavesUs], [[1e6, 20e6], [10e6]]);
    assert.deepEqual(first.series, [
      ...[
        {
          metric: "m",
          startUs: 0,
          intervalUs: 5e5,
          delayUs: 0,
          values: [0, 10, 20, undefined, Number.NaN],
        },
      ],
      ...[{ metric: "n", startUs: 3e6, intervalUs: 2e6, delayUs: 1e6, values: [7] }],
    ]);
    assert.deepEqual(second.attributes, {
      ...{ id: "b", type: "agent", tier: "device", labels: {}, capabilities: [] },
    });
    assert.deepEqual([second.joinsUs, second.leavesUs, second.series], [[0], [], []]);
    assert.partialDeepStrictEqual(events, [
      { agent: "a", atUs: 2e6, type: "tool_call", attrs: { tool: "shell" }, times: 3 },
    ]);
    assert.partialDeepStrictEqual(changes, [
      { twin: { queue: null }, attributes: { labels: { zone: "b" } } },
    ]);
    assert.partialDeepStrictEqual(outcomes, [{ attempt: 1, status: "failed", afterUs: 2e5 }]);
    assert.partialDeepStrictEqual(expectations, [
      { atUs: 60e6, states: [{ rule: "r", agent: "a", state: "firing" }], line: 29 },
      {
        states: [{ rule: "r", agent: "a", state: "pending", line: 33 }],
        instructions: [{ atUs: 7e6, attempt: 2, args: { x: 1 }, mode: "shadow", line: 35 }],
      },
    ]);
  });

  test("may be JSON, too", () => {
    const text = JSON.stringify({
      rules: [{ name: "r", expr: "m > 1", action: "act" }],
      tests: [
        {
          name: "t",
          agents: [{ id: "a", series: { m: "1 2" } }],
          expect: [{ at: 0, rule: "r", states: "inactive" }],
        },
      ],
    });
    assert.equal(only(text).expectations[0]?.states[0]?.state, "inactive");
    assert.equal(testsOf(text).rules.length, 1);
  });

  test("means by one state that of every agent, and the only agent where none is named", () => {
    const { expectations } = only(
      withTest("agents: [{ id: a }, { id: b }]", "expect: [{ at: 0s, rule: r, states: firing }]"),
    );
    assert.deepEqual(
      expectations[0]?.states.map((state) => [state.agent, state.state]),
      [
        ["a", "firing"],
        ["b", "firing"],
      ],
    );
    const { events } = only(withTest(agent, "events: [{ at: 1s, type: x }]", expectation));
    assert.equal(events[0]?.agent, "a");
  });

  test("names the nearest key for one that there is not, and the own one for promtool's", () => {
    assert.deepEqual(problemsOf("rule_file: [r.yaml]\ntests: [{ name: t }]\n"), [
      '1:1: unknown key "rule_file": did you mean rule_files?',
      "1:1: the file has no rules to test: name them below rule_files:",
      "2:9: the test has no agents: write agents: - id: …",
      "2:9: the test expects nothing: write expect: - at: …",
    ]);
    assert.deepEqual(problemsOf(withTest(agent, "expect: [{ eval_time: 1s, instructions: [] }]")), [
      '5:16: unknown key "eval_time": write at',
      "5:14: it does not say when: write at:",
    ]);
    assert.deepEqual(problemsOf(withTest(agent, "sereis: {}", expectation)), [
      '5:5: unknown key "sereis": there are name, interval, agents, events, changes, outcomes, expect',
    ]);
  });

  test("says where it is wrong, and how to mend it", () => {
    const wrong: readonly (readonly [problem: string, ...lines: string[]])[] = [
      [
        '4:30: "x3" is no part of a series: write values with spaces between: 1, 0+10x5 (a+bxn: n+1 samples), 5x3, _ or _x3 (none), stale (a NaN)',
        ...["agents: [{ id: a, series: { m: '1 x3' } }]", expectation],
      ],
      [
        '5:16: "10" is not a duration: Write number-unit pairs, such as 250us, 10ms, 1.5s, 2m, 1h or 1m30s.',
        ...[agent, "expect: [{ at: 10, instructions: [] }]"],
      ],
      [
        "5:30: states are of a rule: write rule: beside states:",
        ...[agent, "expect: [{ at: 1s, states: { a: firing } }]"],
      ],
      [
        '5:41: "fireing" is no state of a rule: did you mean firing?',
        ...[agent, "expect: [{ at: 1s, rule: r, states: fireing }]"],
      ],
      ["5:14: it expects nothing: write states: or instructions:", agent, "expect: [{ at: 1s }]"],
      [
        "4:32: an interval is longer than 0s",
        ...["agents: [{ id: a, series: { m: { values: 1, interval: 0s } } }]", expectation],
      ],
      ["4:26: there is an agent a already", ...["agents: [{ id: a }, { id: a }]", expectation]],
      [
        "4:14: joins and leaves are not in turn: as in joins: [0s, 30s], leaves: 20s",
        ...["agents: [{ id: a, joins: 5s, leaves: 4s }]", expectation],
      ],
      [
        "5:14: it does not say which agent: write agent:",
        ...["agents: [{ id: a }, { id: b }]", "events: [{ at: 1s, type: x }]", expectation],
      ],
      [
        "5:15: nothing changes: write twin:, labels:, rules:, restart: …",
        ...[agent, "changes: [{ at: 1s }]", expectation],
      ],
      [
        "5:15: rules stands beside agent, restart: write a change for each, at the same instant if need be",
        ...[agent, "changes: [{ at: 1s, agent: a, restart: true, rules: {} }]", expectation],
      ],
      [
        "5:15: down without restart: write restart: true",
        ...[agent, "changes: [{ at: 1s, down: 3s }]", expectation],
      ],
      [
        "5:36: restart is to be true",
        ...[agent, "changes: [{ at: 1s, restart: yes }]", expectation],
      ],
      [
        "5:60: the node is down already by then",
        ...[
          agent,
          "changes: [{ at: 1s, restart: true, down: 3s }, { at: 2s, restart: true }]",
          expectation,
        ],
      ],
      [
        "5:34: rules is to be a map of what changes of each: as in rules: { spin: { for: 5s }, other: null }",
        ...[agent, "changes: [{ at: 1s, rules: [{ name: r }] }]", expectation],
      ],
      [
        '5:36: "R!" is not a valid rule name: A rule name is 1 to 64 of a-z, 0-9 and -.',
        ...[agent, "changes: [{ at: 1s, rules: { R!: null } }]", expectation],
      ],
      [
        "5:39: twin.x is no number that JSON can carry",
        ...[agent, "changes: [{ at: 1s, twin: { x: .inf } }]", expectation],
      ],
    ];
    for (const [problem, ...lines] of wrong) {
      const [first = ""] = problemsOf(withTest(...lines));
      assert.equal(
        first.replace(/^\d+:\d+/, ""),
        problem.replace(/^\d+:\d+/, ""),
        lines.join("\n"),
      );
      assert.equal(first.split(":")[0], problem.split(":")[0], first);
    }
  });

  test("has faults of rules in it where they stand", () => {
    const text = "rules:\n  - { name: r, expr: m >, action: act }\ntests: []\n";
    const [first = ""] = problemsOf(text);
    assert.match(first, /^2:\d+: rule r: expr: /);
    assert.deepEqual(problemsOf("tests: ["), [
      "1:9: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ]);
    assert.deepEqual(problemsOf("just text"), [
      "1:1: the file has no tests: begin it with a line tests:",
    ]);
  });

  test("gives each test a name of its own", () => {
    const one = `  - { name: t, ${agent}, ${expectation} }\n`;
    assert.deepEqual(problemsOf(`rule_files: [r.yaml]\ntests:\n${one}${one}`), [
      "4:5: the name is used in line 3 already: give each test a name of its own",
    ]);
  });

  test("nests only so deep, and is only so long", () => {
    assert.match(problemsOf("[".repeat(100_000)).join(), /nests too deep|sufficiently indented/);
    assert.deepEqual(problemsOf(" ".repeat(1_048_577)), [
      "1:1: the file is longer than 1048576 characters: split it",
    ]);
  });
});

test("names of rules and agents that there are not are told with the nearest", () => {
  const { tests, rules } = testsOf(`
rules: [{ name: spin-stop, expr: m > 1, action: act }]
tests:
  - name: t
    agents: [{ id: worker }]
    events: [{ at: 1s, agent: worke, type: x }]
    outcomes: [{ rule: spin-stp, status: failed }]
    expect: [{ at: 1s, rule: spin-stop, states: { other: firing } }]
`);
  assert.deepEqual(
    checkTests(tests, rules).map((problem) => formatProblem(problem)),
    [
      "6:14: there is no agent worke: did you mean worker?",
      "7:16: there is no rule spin-stp: did you mean spin-stop?",
      "8:58: there is no agent other: there are worker",
    ],
  );
});

test("changes of rules are checked against the rules that there are then, each fault at its field", () => {
  const problemsOfChanges = (changes: string): readonly string[] => {
    const { tests, rules } = testsOf(`
rules: [{ name: spin, expr: m > 1, for: 5s, action: act }]
tests:
  - name: t
    agents: [{ id: a }]
    changes: [${changes}]
    expect: [{ at: 1s, rule: fresh, instructions: [] }]
`);
    return checkTests(tests, rules).map((problem) => formatProblem(problem));
  };
  const fresh = "{ at: 1s, rules: { fresh: { expr: m > 2, action: act } } }";
  assert.deepEqual(problemsOfChanges(fresh), []);
  assert.deepEqual(
    problemsOfChanges(`${fresh}, { at: 2s, rules: { fresh: { expr: m >, fro: 5s }, spni: null } }`),
    [
      '6:119: rule fresh: fro: unknown key "fro": did you mean for?',
      "6:109: rule fresh: expr: the expression ends too early",
      "6:125: there is no rule spni at that time: did you mean spin?",
    ],
  );
  assert.deepEqual(problemsOfChanges("{ at: 1s, rules: { fresh: { expr: m > 2 } } }"), [
    "6:34: there is no rule fresh at that time: a rule that is new then has expr and action",
  ]);
  assert.deepEqual(
    problemsOfChanges(
      `${fresh}, { at: 2s, rules: { spin: null } }, { at: 3s, rules: { spin: { for: 1s } } }`,
    ),
    ["6:129: there is no rule spin at that time: a rule that is new then has expr and action"],
  );
});
