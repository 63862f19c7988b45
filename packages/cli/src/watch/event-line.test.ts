import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine } from "./index.ts";

const time = "2026-11-21T10:10:27.118220Z";

test("an agent's event is one line: what, at whom, and its attributes", () => {
  const data = {
    time,
    kind: "events",
    type: "process_exited",
    agent: "w1",
    part: "supervisor",
    attributes: { code: 1, signal: null },
  };
  assert.equal(
    eventLine({ name: "events", data }),
    "10:10:27.118220  event process_exited at w1 (supervisor): code 1, signal -",
  );
  assert.equal(
    eventLine({ name: "events", data: { ...data, attributes: {} } }),
    "10:10:27.118220  event process_exited at w1 (supervisor)",
  );
});

test("of an event with much to tell the line stays short, and nothing in it reaches the terminal", () => {
  const attributes = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`a${at}`, "x".repeat(1000)]),
  );
  const type = `\u001b[2J${"t".repeat(10_000)}`;
  const data = { time, type, agent: "w1", part: "app", attributes };
  const line = eventLine({ name: "events", data }) ?? "";
  assert.ok(line.length < 1000, `${line.length}`);
  assert.match(line, /, 12 more$/);
  assert.ok(!line.includes("\u001b"));
});
