import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { test } from "node:test";
import type { JsonObject } from "@myelin/core/json";
import { widthOf } from "../output/index.ts";
import { render, type View } from "./render.ts";
import type { TopState } from "./state.ts";

const calm: JsonObject = {
  time: "2026-11-21T10:10:34.879155Z",
  node: {
    id: "edge-1",
    tier: "edge",
    version: "0.1.0",
    uptimeSeconds: 7260,
    state: "serving",
    enforcement: { isOn: true },
  },
  load: {
    samplesPerSecond: 26_635,
    framesPerSecond: 2478,
    bytesPerSecond: 553_881,
    instructionsPerSecond: 5.5,
    cpu: 0.46,
    eventLoop: 0.45,
    memoryBytes: 344_666_931,
    sessions: 3,
    openInstructions: 4064,
    watchers: 1,
  },
  overload: { level: 0, delayed: 0, shed: { queue: 0, overload: 0, agent: 0, open: 0 } },
  latencyUs: { total: { p50: 1680.9, p99: 1_992_000 }, node: { p50: 190.4, p99: 1830.2 } },
  counts: { executed: 27_632, failed: 0, rejected: 12 },
  agents: {
    live: 28,
    hung: 1,
    away: 1,
    gone: 0,
    shown: Array.from({ length: 30 }, (_, at) => ({
      id: `w${at}`,
      type: "worker",
      state: at === 0 ? "hung" : "live",
      cpu: at / 30,
      heartbeatAgeSeconds: 0.021,
      firing: ["hot"],
      outstanding: at,
    })),
  },
  rules: Array.from({ length: 9 }, (_, at) => ({
    name: `rule-${at}`,
    mode: "enforce",
    firing: at,
  })),
  instructions: Array.from({ length: 9 }, (_, at) => ({
    endedAt: "2026-11-21T10:10:34.500000Z",
    agent: `w${at}`,
    action: "restart",
    actor: "rule:hot",
    status: "rejected",
    totalUs: null,
    error: { code: "SHED", message: "dropped from a full queue in favour of higher scores" },
  })),
};

function shown(changes: Partial<TopState> & { readonly document?: JsonObject }): TopState {
  const address = "http://127.0.0.1:7400";
  return { address, sort: "state", document: calm, problem: undefined, scrolled: 0, ...changes };
}

const view: View = { columns: 80, rows: undefined, hasColor: false, hasKeys: true };

test("no line is wider than the terminal, and there are no more of them than it has", () => {
  for (let columns = 1; columns <= 170; columns += 13)
    for (const rows of [1, 5, 24, 60])
      for (const hasColor of [false, true]) {
        const lines = render(shown({}), { columns, rows, hasColor, hasKeys: true });
        assert.ok(lines.length <= rows, `${lines.length} of ${rows}`);
        for (const line of lines)
          assert.ok(widthOf(stripVTControlCharacters(line)) <= columns, `${columns}: ${line}`);
      }
});

test("80 columns show every figure of the head whole", () => {
  const lines = render(shown({}), view);
  assert.deepEqual(lines.slice(0, lines.indexOf("")), [
    "edge-1  edge  0.1.0  http://127.0.0.1:7400  up 2 h 1 min  serving  10:10:34",
    "agents 28 live, 1 hung, 1 away, 0 gone  sessions 3  watchers 1",
    "cpu 46 %  loop 45 %  memory 328.7 MiB  overload none  0 delayed, 0 shed",
    "samples 26,635/s  frames 2,478/s  received 540.9 KiB/s",
    "instructions 5.5/s, 4,064 open",
    "latency total p50 1.68 ms p99 1.99 s  node p50 190 us p99 1.83 ms",
    "27,632 executed  12 rejected",
  ]);
});

test("overload stands out, in words and with what it cost", () => {
  const shed = { queue: 1, overload: 33_880, agent: 2, open: 3 };
  const headAt = (level: number): string => {
    const document = { ...calm, overload: { level, delayed: 21_300, shed } };
    return render(shown({ document }), { ...view, columns: 160, hasColor: true })[2] ?? "";
  };
  assert.match(headAt(0), / {2}overload none {2}21,300 delayed, 33,886 shed$/);
  assert.ok(headAt(1).includes("\u001b[33mOVERLOAD 1: bulk waits\u001b[0m"));
  assert.ok(headAt(2).includes("\u001b[31mOVERLOAD 2: low scores are delayed\u001b[0m"));
  assert.ok(headAt(3).includes("\u001b[31mOVERLOAD 3: low scores are shed\u001b[0m"));
});

test("a node that tells nothing of overload is shown without it", () => {
  const { overload: _, ...older } = calm;
  const [, , line] = render(shown({ document: older }), view);
  assert.equal(line, "cpu 46 %  loop 45 %  memory 328.7 MiB");
});

test("rules that are switched off, and a node that does not answer, have lines of their own", () => {
  const enforcement = { isOn: false, actor: "token:ops", reason: "the sensors lie" };
  const document = { ...calm, node: { ...(calm["node"] as JsonObject), enforcement } };
  const [, trouble, off] = render(shown({ document, problem: "UNAVAILABLE: no node" }), view);
  assert.equal(trouble, "UNAVAILABLE: no node");
  assert.equal(off, "ENFORCEMENT OFF by token:ops: the sensors lie");
});

test("each table has its share of a small terminal, and the agents scroll", () => {
  const small = { ...view, rows: 24 };
  const of = (start: string, scrolled = 0): string[] =>
    render(shown({ scrolled }), small).filter((line) => line.startsWith(start));
  assert.equal(of("w").length, 6);
  assert.equal(of("rule-").length, 2);
  assert.equal(of("10:10:34.500").length, 2);
  assert.match(of("w", 5)[0] ?? "", /^w5 /);
  assert.match(of("w", 900)[0] ?? "", /^w29 /);
});

test("what others wrote cannot steer the terminal", () => {
  const evil = "\u001b]0;x\u0007\u202e";
  const document = {
    ...calm,
    node: { ...(calm["node"] as JsonObject), id: evil },
    agents: { live: 1, shown: [{ id: evil, type: evil, state: evil, firing: [evil] }] },
    rules: [{ name: evil, mode: evil }],
    instructions: [{ agent: evil, action: evil, error: { code: evil, message: evil } }],
  };
  const text = render(shown({ document, problem: evil }), view).join("");
  assert.equal(text, stripVTControlCharacters(text));
  assert.ok(!["\u0007", "\u001b", "\u202e"].some((control) => text.includes(control)));
});
