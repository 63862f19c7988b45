import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseTime } from "../instruction/index.ts";
import { problemsOf, read } from "./test-support.ts";

const nine = "2026-11-21T09:00:00Z";
const atUs = parseTime(nine);
const lines = (...values: unknown[]): string =>
  values.map((value) => JSON.stringify(value)).join("\n");
const of = (rest: object): object => ({ time: nine, agent: "w1", ...rest });

suite("telemetry as JSON lines", () => {
  test("a line tells a sample, several, an event, a state, a joining or a leaving", () => {
    const text = lines(
      of({ join: { type: "worker", labels: { zone: "a" }, capabilities: ["gpu"] } }),
      of({ metric: "cpu", value: 0.5 }),
      of({ samples: { mem: 1, heartbeat_age: 2, disk: "-Infinity" }, time: atUs }),
      of({ event: "tool_call", attrs: { tool: "grep" } }),
      of({ twin: { llm: { state: "idle" } } }),
      of({ leave: true }),
    );
    const base = { atUs, agent: "w1" };
    const timeUs = atUs;
    assert.deepEqual(read("jsonl", text).told, [
      {
        ...base,
        kind: "join",
        attributes: {
          ...{ id: "w1", type: "worker", tier: "device" },
          ...{ labels: { zone: "a" }, capabilities: ["gpu"] },
        },
      },
      {
        ...{ ...base, kind: "samples", part: 1 },
        samples: [
          { metric: "cpu", value: 0.5, timeUs },
          { metric: "mem", value: 1, timeUs },
          { metric: "disk", value: Number.NEGATIVE_INFINITY, timeUs },
        ],
      },
      {
        ...{ ...base, kind: "samples", part: 0 },
        samples: [{ metric: "heartbeat_age", value: 2, timeUs }],
      },
      { ...base, kind: "event", part: 1, timeUs, type: "tool_call", attrs: { tool: "grep" } },
      { ...base, kind: "twin", part: 1, timeUs, twin: { llm: { state: "idle" } } },
      { ...base, kind: "leave" },
    ]);
  });

  test("nothing is read as something else: each problem has its place and its mend", () => {
    const text = lines(
      of({ metric: "cpu", value: "0.5" }),
      of({ metric: "cpu" }),
      of({ value: 1 }),
      of({ metrc: "cpu", value: 1 }),
      of({ metric: "cpu", value: 1, event: "x" }),
      of({ samples: { cpu: null, "a b": 1 } }),
      of({ leave: false }),
      of({ join: { tier: "desk", label: {} } }),
      { agent: 7, twin: [] },
      [1],
    );
    const numbers = 'write a number, or one of "NaN", "Infinity", "-Infinity"';
    const things = "write one of metric, samples, event, twin, join, leave";
    assert.deepEqual(problemsOf("jsonl", `${text}\n{"time":`), [
      `1:60 "0.5" is a text, no number: ${numbers}`,
      `2:45 metric without its value: ${numbers}`,
      `3:1 the line tells nothing of the agent: ${things}`,
      '4:45 unknown key "metrc": did you mean metric?',
      `4:1 the line tells nothing of the agent: ${things}`,
      "5:70 metric and event in one line: write a line for each",
      `6:56 "null" is no number: ${numbers}`,
      '6:67 "a b" is not a valid metric name: A metric name is 1 to 128 letters, digits or _ . : / -, beginning with a letter or _.',
      '7:45 leave says nothing but true: write "leave": true',
      '8:67 unknown key "label": did you mean labels?',
      '8:53 "desk" is no tier: it is device, edge, cloud',
      '9:1 there is no time: write "time": "2026-11-21T09:30:00.250Z"',
      '9:2 "7" is no text: write it in quotes',
      "10:1 the line is no object: write {…}",
      "11:1 the line is no JSON: Unexpected end of JSON input: write one object a line",
    ]);
  });

  test("what is nested too deep is refused, blank lines are passed over", () => {
    const deep = `{"time":"${nine}","agent":"w1","twin":{"a":${"[".repeat(40)}${"]".repeat(40)}}}`;
    const [problem, ...rest] = problemsOf("jsonl", `\n  \n${deep}\n`);
    assert.match(problem ?? "", /^3:1 it is nested deeper than 32 levels/);
    assert.deepEqual(rest, []);
  });
});
