import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseTime } from "../instruction/index.ts";
import { csvReader } from "./index.ts";
import { problemsOf, read } from "./test-support.ts";

const nine = "2026-11-21T09:00:00Z";
const nineUs = parseTime(nine);

function frame(
  agent: string,
  atUs: number,
  samples: Record<string, number>,
  timeUs = atUs,
): object {
  const list = Object.entries(samples).map(([metric, value]) => ({ metric, value, timeUs }));
  return { kind: "samples", atUs, agent, part: 1, samples: list };
}

suite("telemetry as CSV", () => {
  test("a row a sample: those of one agent and instant are one frame, though other agents' stand between", () => {
    const text = `time,agent,metric,value
${nine},w1,cpu,0.5
${nine},w2,cpu,1e-3
${nine},w1,mem,-Inf
2026-11-21T09:00:01.5Z,w1,cpu,NaN
`;
    assert.deepEqual(read("csv", text).told, [
      frame("w1", nineUs, { cpu: 0.5, mem: Number.NEGATIVE_INFINITY }),
      frame("w2", nineUs, { cpu: 0.001 }),
      frame("w1", nineUs + 1_500_000, { cpu: Number.NaN }),
    ]);
  });

  test("a row an instant: a metric a column, an empty cell is no sample, columns stand in any order", () => {
    const text = `cpu,time,mem,agent\r\n0.5,${nineUs},,w1\r\n,${nineUs + 1},2,"w1"\r\n`;
    const expected = [frame("w1", nineUs, { cpu: 0.5 }), frame("w1", nineUs + 1, { mem: 2 })];
    assert.deepEqual(read("csv", text).told, expected);
  });

  test("type, tier and labels join an agent, and again when they change", () => {
    const text = `time,agent,cpu,type,label.zone,tier
${nine},w1,1,worker,a,
${nine},w2,1,,,edge
${nine},w1,2,worker,a,
${nine},w1,3,worker,b,
`;
    const told = read("csv", text).told.filter(({ kind }) => kind === "join");
    const common = { tier: "device", capabilities: [] };
    assert.deepEqual(
      told.map((entry) => entry.kind === "join" && entry.attributes),
      [
        { ...common, id: "w1", type: "worker", labels: { zone: "a" } },
        { ...common, id: "w2", type: "agent", labels: {}, tier: "edge" },
        { ...common, id: "w1", type: "worker", labels: { zone: "b" } },
      ],
    );
  });

  test("quoted cells hold commas, quotes and ends of lines", () => {
    const text = `time,"agent","label.note",cpu\n${nine},w1,"a ""b"", c\nd",1\n${nine},w1,e,2\n`;
    const joins = read("csv", text).told.flatMap((entry) =>
      entry.kind === "join" ? [entry.attributes.labels["note"]] : [],
    );
    assert.deepEqual(joins, ['a "b", c\nd', "e"]);
  });

  test("what is older than lines before keeps its time, is told in the file's order, and is counted", () => {
    const reader = csvReader();
    const rows = `time,agent,cpu\n${nineUs + 9},w1,1\n${nineUs},w1,2\n${nineUs + 4},w1,3\n`;
    const told = [...reader.read(new TextEncoder().encode(rows)), ...reader.end()];
    assert.deepEqual(told, [
      frame("w1", nineUs + 9, { cpu: 1 }),
      frame("w1", nineUs + 9, { cpu: 2 }, nineUs),
      frame("w1", nineUs + 9, { cpu: 3 }, nineUs + 4),
    ]);
    assert.deepEqual(reader.behind, { lines: 2, firstLine: 3, mostUs: 9 });
  });

  test("every line is checked, and each problem has its place and its mend", () => {
    const text = `time,agent,metric,value
1767225600,w1,cpu,1
1767225600000,w1,cpu,1
yesterday,w 1,cpu,1
${nine},w1,cpu
${nine},w1,cpu usage,1
${nine},w1,cpu,0x10
${nine},w1,cpu,1 2
${nine},w1,"cpu"x,1
${nine},w1,cpu,1"2"
${nine},w1,cpu,"1
`;
    const mend =
      "write ISO 8601 in UTC (2026-11-21T09:30:00.250Z) or whole microseconds since 1970";
    const number = "write it like 0.9, 12 or 1e-3; NaN, Inf and -Inf are values, too";
    assert.deepEqual(problemsOf("csv", text), [
      `2:1 1767225600 is no instant in microseconds: it looks like seconds: ${mend}`,
      `3:1 1767225600000 is no instant in microseconds: it looks like milliseconds: ${mend}`,
      `4:1 "yesterday" is not a time: ${mend}`,
      '4:11 "w 1" is not a valid agent id: An agent id is 1 to 128 letters, digits or . _ : @ ~ + = -, beginning with a letter or digit.',
      "5:1 the row has 3 cells, the heading 4: give each row as many; quote cells with commas",
      '6:25 "cpu usage" is not a valid metric name: A metric name is 1 to 128 letters, digits or _ . : / -, beginning with a letter or _.',
      `7:29 "0x10" is no number: ${number}`,
      `8:29 "1 2" is no number: ${number}`,
      '9:1 after a quoted cell stands "x": write a comma',
      '10:1 a quote within "1\\"2\\"": quote the whole cell; " within is ""',
      '11:1 a quote that begins here does not end: end it; " within is ""',
    ]);
    assert.deepEqual(read("csv", text).told, []);
  });

  test("a heading that says no telemetry is refused", () => {
    const form = "the heading is time,agent,metric,value or time,agent,<metric>,<metric>…";
    const refused = (heading: string): string[] => problemsOf("csv", `${heading}\n1,2,3\n`);
    assert.deepEqual(refused("when,agent,cpu"), [`1:1 there is no column time: ${form}`]);
    assert.deepEqual(refused("time,agent"), [`1:1 there is no column of a metric: ${form}`]);
    assert.deepEqual(refused("time,agent,value"), [`1:12 a column value without metric: ${form}`]);
    assert.deepEqual(refused("time,agent,metric,value,cpu"), [
      `1:25 unknown column "cpu": ${form}; type, tier, label.x`,
    ]);
    assert.deepEqual(refused("time,agent,cpu,cpu"), [
      '1:16 the column "cpu" is there twice: name each once',
    ]);
    assert.match(problemsOf("csv", "")[0] ?? "", /^1:1 there is no heading/);
  });

  test("the first twenty problems are told, all are counted; bytes that are no text and endless lines are refused", () => {
    const many = read("csv", `time,agent,cpu\n${"x\n".repeat(1000)}`);
    assert.deepEqual([many.problems.length, many.problemCount], [20, 1000]);
    const wrong = read("csv", Uint8Array.of(0x74, 0x0a, 0xff, 0xfe, 0x0a));
    assert.match(wrong.problems.at(-1)?.message ?? "", /no UTF-8/);
    const long = read("csv", `time,agent,cpu\n${"x".repeat(3e6)}\n${nine},w1,x\n`, 65_536);
    assert.deepEqual(
      long.problems.map(({ line, message }) => `${line} ${message}`),
      ["2 the line is longer than 1048576 characters", '3 "x" is no number'],
    );
  });

  test("in whatever pieces a text comes, it tells the same", () => {
    const text = `time,agent,"label.é",cpu\n${nine},w1,"ü\r\nx",1\r\n\n${nine},w2,,2\n${nineUs},w1,é,3`;
    const whole = read("csv", text);
    assert.equal(whole.problemCount, 0);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (pieceBytes) => {
        assert.deepEqual(read("csv", text, pieceBytes), whole);
      }),
    );
  });
});
