import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseRuleTests } from "@myelin/core/rule-tests";
import { type Failure, runRuleTest } from "./index.ts";

const rules = `
rules:
  - name: spin
    where: agent.type == "worker"
    expr: cpu > 0.9
    for: 3s
    resolve: cpu < 0.5
    action: restart
    args: { cpu: "\${cpu}" }
    cooldown: 5s
    attempts: 2
  - { name: silent, expr: 'absent(beat, "5s")', action: kill }
  - { name: refused, expr: event.type == "tool_call" && event.attrs.tool == "rm", action: pause }
  - { name: many, expr: 'count_events("tool_call", "10s") >= 3', action: slow }
  - { name: queue, expr: twin.queue.depth > 10, action: shed }
  - { name: outlier, expr: 'm > 2 * fleet_avg(m)', action: look, mode: shadow }
  - { name: hung, expr: heartbeat_age > 1, action: kill }
  - { name: careful, expr: n > 0, action: act, limit: 1/1m }
`;

/** What is not as expected, for a test of these lines. */
function failuresOf(lines: string, settings = ""): readonly Failure[] {
  const text = `${rules}${settings}\ntests:\n  - name: t\n${lines.replaceAll(/^/gm, "    ")}\n`;
  const { tests, problems } = parseRuleTests(text);
  assert.deepEqual(problems, []);
  const [only] = tests?.tests ?? [];
  assert.ok(only !== undefined && tests !== undefined);
  return runRuleTest(only, tests.rules, tests.settings).failures;
}

function passes(lines: string, settings = ""): void {
  assert.deepEqual(failuresOf(lines, settings), []);
}

suite("a test of rules", () => {
  test("tells the engine samples, and looks for states and instructions at instants", () => {
    passes(`
agents:
  - { id: a, type: worker, series: { cpu: '0.1 0.95x4 0.6 0.4' } }
  - { id: b, series: { cpu: 0.95x6 } }
expect:
  - { at: 0s, rule: spin, states: inactive }
  - { at: 3999ms, rule: spin, states: { a: pending, b: inactive }, instructions: [] }
  - { at: 4s, rule: spin, states: { a: firing } }
  - { at: 5s, rule: spin, states: { a: firing } }
  - { at: 6s, rule: spin, states: { a: firing } }
  - at: 7s
    rule: spin
    states: inactive
    instructions: [{ agent: a, action: restart, args: { cpu: "0.95" }, at: 4s, attempt: 1 }]`);
  });

  test("runs timers when they are due, behind the inputs of their instant", () => {
    const agents = "agents: [{ id: a, joins: 1s, series: { beat: '_ _ 1 _x4 1' } }]\n";
    passes(`${agents}expect:
  - { at: 6999ms, rule: silent, states: inactive }
  - { at: 7s, rule: silent, states: inactive }`);
    passes(`${agents.replace("_x4 1", "_x5 1")}expect:
  - { at: 6999ms, rule: silent, states: inactive }
  - { at: 7s, rule: silent, states: firing, instructions: [{ at: 7s }] }
  - { at: 8s, rule: silent, states: inactive }`);
  });

  test("tells events, one by one or many, and changes of states and attributes", () => {
    passes(`
agents: [{ id: a, twin: { queue: { depth: 20, kind: x } }, series: { cpu: 0.95x9 } }]
events:
  - { at: 1s, type: tool_call, attrs: { tool: rm } }
  - { at: 2s, type: tool_call, attrs: { tool: ls }, times: 2 }
changes:
  - { at: 4s, twin: { queue: { depth: 5 } } }
  - { at: 5s, type: worker }
expect:
  - { at: 2s, rule: many, states: inactive }
  - { at: 3s, rule: many, states: firing }
  - { at: 3s, rule: queue, states: firing }
  - { at: 4s, rule: queue, states: inactive }
  - { at: 9s, rule: spin, states: firing }
  - at: 9s
    instructions:
      - { rule: queue, at: 0s }
      - { rule: refused, at: 1s }
      - { rule: many, at: 3s }
      - { rule: spin, at: 8s }
      - { rule: silent, at: 5s }`);
  });

  test("ends instructions as it is told, so that attempts and cooldown follow", () => {
    const agents = "agents: [{ id: a, type: worker, series: { cpu: 0.95x20 } }]\n";
    const instructions = (...atSeconds: readonly number[]): string =>
      atSeconds.map((at, index) => `{ at: ${at}s, attempt: ${index + 1} }`).join(", ");
    const expectation = (...atSeconds: readonly number[]): string =>
      `expect: [{ at: 20s, rule: spin, instructions: [${instructions(...atSeconds)}] }]`;
    passes(`${agents}${expectation(3)}`);
    passes(`${agents}outcomes: [{ rule: spin, status: failed }]\n${expectation(3, 8)}`);
    passes(
      `${agents}outcomes: [{ attempt: 1, status: expired, after: 1500ms }]\n${expectation(3, 10)}`,
    );
    passes(`${agents}outcomes: [{ action: other, status: failed }]\n${expectation(3)}`);
  });

  test("lets agents leave and come again, and sends their samples only while they are there", () => {
    passes(`
agents:
  - id: a
    type: worker
    joins: [2s, 12s]
    leaves: 8s
    series: { cpu: 0.95x20 }
expect:
  - { at: 4s, rule: spin, states: pending }
  - { at: 7s, rule: spin, states: firing }
  - { at: 15s, rule: spin, states: firing, instructions: [{ at: 5s }, { at: 15s }] }`);
  });

  test("goes by the settings of the file, and has what rules in shadow and open breakers stop", () => {
    const lines = `
agents:
  - { id: a, series: { m: '1 _x20' } }
  - { id: b, series: { m: '_x10 1.5' } }
expect:
  - { at: 10s, rule: outlier, states: inactive }`;
    passes(lines);
    passes(`
agents:
  - { id: a, series: { m: 1x10, n: 1 } }
  - { id: b, series: { m: 1x10, n: 1 } }
  - { id: c, series: { m: '_x5 9' } }
expect:
  - { at: 5s, rule: outlier, instructions: [{ agent: c, mode: shadow }] }
  - { at: 5s, rule: careful, instructions: [{ agent: a }, { agent: b, mode: suppressed }] }`);
    const isFresh = `
agents:
  - { id: a, series: { m: '1 _x20' } }
  - { id: b, series: { m: '1 _x20' } }
  - { id: c, series: { m: '_x10 4' } }
expect: [{ at: 10s, rule: outlier, states: { c: STATE } }]`;
    passes(isFresh.replace("STATE", "inactive"), "settings: { stale_after: 5s }");
    passes(isFresh.replace("STATE", "inactive"));
    passes(
      isFresh.replace("STATE", "firing").replace("4'", "9'"),
      "settings: { stale_after: 30s }",
    );
    passes(
      isFresh.replace("STATE", "inactive").replace("4'", "9'"),
      "settings: { stale_after: 5s }",
    );
  });

  test("has samples that come late, and waits for them as long as it is told", () => {
    const agents = `
agents:
  - id: a
    type: worker
    series: { cpu: { values: 0.95x9, delay: 1500ms }, other: 1x20 }
`;
    // What is older than the newest of its part is late, and passed over.
    passes(`${agents}expect: [{ at: 12s, rule: spin, states: inactive, instructions: [] }]`);
    const waits = `${agents}expect:
  - { at: 4999ms, rule: spin, states: pending }
  - { at: 12s, rule: spin, instructions: [{ at: 5s }] }`;
    passes(waits, "settings: { lateness: 2s }");
    const [failure] = failuresOf(waits.replace("pending", "firing"), "settings: { lateness: 2s }");
    assert.deepEqual(failure?.actual, ["rule spin, agent a: pending"]);
    assert.ok(failure.excerpt?.rows.some(({ notes }) => notes.includes("from 3s")));
  });

  test("has the node's own view of silence where it is given", () => {
    passes(`
agents: [{ id: a, series: { heartbeat_age: { values: '0x7 0+0.125x9', interval: 125ms }, beat: 1x9 } }]
expect: [{ at: 9s, instructions: [{ rule: hung, at: 2125ms }] }]`);
  });
});

suite("what is not as expected", () => {
  test("is told with the state there is, and the series around the moment", () => {
    const [failure, ...others] = failuresOf(`
agents: [{ id: a, type: worker, series: { cpu: '0.1 _ stale 0.95x9' } }]
changes: [{ at: 7s, labels: { zone: b } }]
expect:
  - at: 4s
    rule: spin
    states: firing`);
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(failure, {
      atUs: 4e6,
      expected: ["rule spin, agent a: firing"],
      actual: ["rule spin, agent a: pending"],
      excerpt: { rule: "spin", agent: "a", metrics: ["cpu"] },
    });
    assert.deepEqual(
      failure?.excerpt?.rows.map(({ atUs, isMoment, values, notes, state }) => [
        atUs / 1e6,
        isMoment,
        ...values,
        notes.join(),
        state,
      ]),
      [
        [0, false, 0.1, "joins", "inactive"],
        [2, false, "NaN", "", "inactive"],
        [3, false, 0.95, "", "pending"],
        [4, true, 0.95, "", "pending"],
      ],
    );
  });

  test("has what was missing and what was too much among the instructions marked", () => {
    const [failure] = failuresOf(`
agents: [{ id: a, series: { beat: '1 _x9' } }]
events: [{ at: 1s, type: tool_call, attrs: { tool: rm } }]
expect:
  - at: 9s
    instructions:
      - { rule: refused }
      - { rule: silent, at: 6s, args: { x: 1 } }`);
    assert.deepEqual(failure?.expected, ["  refused", '* silent {"x":1} at 6s']);
    assert.deepEqual(failure?.actual, [
      "  refused -> a pause {} at 1s",
      "* silent -> a kill {} at 5s",
    ]);
    const moment = failure?.excerpt?.rows.find(({ isMoment }) => isMoment);
    assert.deepEqual([moment?.atUs, moment?.values, moment?.state], [6e6, [undefined], "firing"]);
  });

  test("an instruction that says little takes none that another one needs", () => {
    passes(`
agents: [{ id: a, series: { beat: '1 _x9' } }]
events: [{ at: 1s, type: tool_call, attrs: { tool: rm } }]
expect: [{ at: 9s, instructions: [{ agent: a }, { rule: refused }] }]`);
    const [failure] = failuresOf(`
agents: [{ id: a, series: { beat: 1x9 } }]
expect: [{ at: 5s, instructions: [{}] }]`);
    assert.deepEqual([failure?.expected, failure?.actual], [["* an instruction"], []]);
  });

  test("an agent that is not there has no state", () => {
    const [failure] = failuresOf(`
agents: [{ id: a, leaves: 2s }]
expect: [{ at: 3s, rule: spin, states: inactive }]`);
    assert.deepEqual(failure?.actual, ["rule spin, agent a: the agent is not there"]);
    assert.deepEqual(
      failure?.excerpt?.rows.map(({ notes }) => notes.join()),
      ["joins", "leaves", ""],
    );
  });
});

test("an excerpt has what the rule's functions gave at each instant, by their texts, the first six", () => {
  const settings = `
  - name: average
    expr: avg_over_time(m, "2s") > 5 && default(count_events("call", "3s"), 0) > 9
    resolve: absent(m, "9s") || age(m) > 1 || fleet_max(m) > 99 || quantile_over_time(0.5, metric("a.b"), "1m") > 1 || rate(m, "5s") > 9
    action: look`;
  const [failure, ...others] = failuresOf(
    `
agents: [{ id: a, series: { m: '2 4 9' } }, { id: b, series: { m: 50x3 } }]
events: [{ at: 1s, agent: a, type: call }]
expect: [{ at: 2s, rule: average, states: { a: firing } }]`,
    settings,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(failure?.excerpt?.functions, [
    ...['avg_over_time(m, "2s")', 'count_events("call", "3s")', 'absent(m, "9s")', "age(m)"],
    ...["fleet_max(m)", 'quantile_over_time(0.5, metric("a.b"), "1m")'],
  ]);
  assert.deepEqual(
    failure?.excerpt?.rows.map(({ atUs, values, results }) => [atUs / 1e6, values, results]),
    [
      [0, [undefined, 2], [2, 0, false, 0, 50, undefined]],
      // The event has an evaluation of its own, right after that of the sample.
      [1, [undefined, 4], [3, 1, false, 1e-6, 50, undefined]],
      [2, [undefined, 9], [6.5, 1, false, 0, 50, undefined]],
    ],
  );
});

suite("rules that change within a test", () => {
  const agents = "agents: [{ id: a, type: worker, series: { cpu: 0.95x20, n: 1x20 } }]\n";

  test("begin afresh where their meaning changed, and keep their state where only the rest did", () => {
    passes(`${agents}changes:
  - { at: 2s, rules: { spin: { priority: 9, action: kill } } }
  - { at: 8s, rules: { spin: { for: 1s, cooldown: null } } }
expect:
  - { at: 2s, rule: spin, states: pending }
  - { at: 7s, rule: spin, states: firing, instructions: [{ at: 3s, action: kill }] }
  - { at: 8s, rule: spin, states: pending }
  - { at: 20s, rule: spin, states: firing, instructions: [{ at: 3s }, { at: 9s, action: kill }] }`);
  });

  test("come and go: what is deleted is inactive, what is new is whole", () => {
    passes(`${agents}changes:
  - { at: 5s, rules: { spin: null, fresh: { expr: n > 0, action: look } } }
  - { at: 9s, rules: { fresh: { mode: off } } }
expect:
  - { at: 4s, rule: spin, states: firing }
  - { at: 4s, rule: fresh, states: inactive }
  - { at: 5s, rule: spin, states: inactive }
  - { at: 8s, rule: fresh, states: firing, instructions: [{ at: 5s, action: look }] }
  - { at: 9s, rule: fresh, states: inactive }`);
  });

  test("send nothing for an episode that began in shadow", () => {
    passes(`${agents}changes:
  - { at: 0s, rules: { spin: { mode: shadow } } }
  - { at: 4s, rules: { spin: { mode: enforce } } }
expect:
  - { at: 20s, rule: spin, states: firing, instructions: [{ at: 3s, mode: shadow }] }`);
  });
});

suite("a node that restarts within a test", () => {
  test("goes on with what is pending, and the time that it was down counts for for", () => {
    const agents = "agents: [{ id: a, type: worker, series: { cpu: 0.95x20 } }]\n";
    passes(`${agents}changes: [{ at: 1500ms, restart: true }]
expect: [{ at: 20s, rule: spin, states: firing, instructions: [{ at: 3s }] }]`);
    passes(`${agents}changes: [{ at: 1s, restart: true, down: 4500ms }]
expect:
  - { at: 5s, rule: spin, states: pending, instructions: [] }
  - { at: 20s, rule: spin, states: firing, instructions: [{ at: 5500ms }] }`);
  });

  test("gives no second instruction for an episode, and keeps cooldown and attempts", () => {
    passes(`
agents: [{ id: a, type: worker, series: { cpu: '0.95x4 0.1 0.95x20' } }]
changes: [{ at: 3500ms, restart: true }, { at: 6s, restart: true, down: 1s }]
expect:
  - { at: 4s, rule: spin, instructions: [{ at: 3s }] }
  - { at: 12s, rule: spin, states: firing, instructions: [{ at: 3s }, { at: 9s }] }`);
    const agents = "agents: [{ id: a, type: worker, series: { cpu: 0.95x20 } }]\n";
    passes(`${agents}changes: [{ at: 4s, restart: true, down: 2s }]
outcomes: [{ attempt: 1, status: failed, after: 2s }]
expect: [{ at: 20s, rule: spin, instructions: [{ at: 3s }, { at: 11s, attempt: 2 }] }]`);
  });

  test("counts silence from its beginning, and keeps windows and latest values", () => {
    passes(`
agents: [{ id: a, series: { beat: 1x2, m: 1, cpu: 0.5 } }]
events: [{ at: 2s, type: tool_call }, { at: 3s, type: tool_call }, { at: 7s, type: tool_call }]
changes: [{ at: 4s, restart: true, down: 1s }]
expect:
  - { at: 6999ms, rule: many, states: inactive }
  - { at: 7s, rule: many, states: firing }
  - { at: 9999ms, rule: silent, states: inactive }
  - { at: 10s, rule: silent, states: firing, instructions: [{ at: 10s }] }`);
  });

  test("hears when it is back what agents did meanwhile, in its order, with its own times", () => {
    passes(`
agents:
  - { id: a, type: worker, series: { cpu: 0.95x20 } }
  - { id: b, type: worker, joins: 4s, leaves: 5s, series: { cpu: 0.95x20 } }
  - { id: c, twin: { queue: { depth: 20 } } }
events: [{ at: 4s, agent: c, type: tool_call }, { at: 5s, agent: c, type: tool_call }, { at: 15s, agent: c, type: tool_call }]
changes:
  - { at: 2s, restart: true, down: 6s }
  - { at: 3s, agent: c, twin: { queue: { depth: 1 } } }
expect:
  - { at: 7s, rule: queue, states: { c: firing } }
  - { at: 8s, rule: queue, states: { c: inactive } }
  - { at: 8s, rule: spin, states: { a: firing } }
  - { at: 20s, rule: spin, instructions: [{ agent: a, at: 8s }] }
  - { at: 20s, rule: many, instructions: [] }`);
  });

  test("hears again of samples that waited for older ones", () => {
    const lines = `
agents: [{ id: a, series: { cpu: 0.5x3, n: { values: 1, start: 3s } } }]
changes: [{ at: 3500ms, restart: true }]
expect: [{ at: 20s, rule: careful, instructions: [{ at: 5500ms }] }]`;
    passes(lines, "settings: { lateness: 2s }");
  });

  test("refuses as late what is older than what it had applied before", () => {
    passes(`
agents:
  - id: a
    series: { n: { values: 1, start: 1s, delay: 5s }, cpu: 0.5x4 }
changes: [{ at: 4s, restart: true }]
expect: [{ at: 9s, rule: careful, instructions: [] }]`);
  });
});
