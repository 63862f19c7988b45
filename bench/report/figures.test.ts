import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf, exitCodeOf, held, heldAbove, machine, type Report, tableOf } from "./index.ts";

const fast = held({ name: "p50", value: 100, unit: "us", ratio: 1.5, target: 2 });
const slow = held({ name: "p99", value: 300, unit: "us", ratio: 3, target: 2.5 });
const free = held({ name: "floor", value: 66.25, unit: "us" });
const rate = heldAbove({ name: "rate", value: 900, unit: "1/s", target: 1000 });

const reportOf = (...figures: Report["figures"]): Report => ({
  bench: "loop",
  machine: { cores: 2 },
  figures,
});

test("a figure is held against its target by its ratio where there is one, else by its value", () => {
  assert.deepEqual([fast.met, slow.met, free.met, rate.met], [true, false, undefined, false]);
  assert.equal(held({ name: "start", value: 400, unit: "ms", target: 400 }).met, true);
  assert.equal(heldAbove({ name: "rate", value: 1000, unit: "1/s", target: 1000 }).met, true);
});

test("a run that missed a target, or does not count, exits 1, any other 0", () => {
  assert.equal(exitCodeOf(reportOf(fast, free)), 0);
  assert.equal(exitCodeOf(reportOf()), 0);
  assert.equal(exitCodeOf(reportOf(fast, slow)), 1);
  assert.equal(exitCodeOf(reportOf(rate)), 1);
  assert.equal(exitCodeOf({ ...reportOf(fast), void: "the generator was late" }), 1);
});

test("for machines a run is one JSON document, in one line", () => {
  const line = documentOf({ ...reportOf(fast, slow, free), machine: machine() });
  assert.match(line, /^[^\n]+\n$/);
  const document = JSON.parse(line);
  assert.deepEqual(Object.keys(document), ["bench", "machine", "figures"]);
  assert.equal(document.bench, "loop");
  assert.equal(document.machine.node, process.version);
  assert.deepEqual(document.figures, [
    { name: "p50", value: 100, unit: "us", ratio: 1.5, target: 2, met: true },
    { name: "p99", value: 300, unit: "us", ratio: 3, target: 2.5, met: false },
    { name: "floor", value: 66.25, unit: "us" },
  ]);
});

test("for people a run is a table that says what was missed, and why a run is void", () => {
  const text = tableOf({ ...reportOf(fast, slow, free, rate), void: "the generator was late" });
  const lines = text.split("\n").map((line) => line.replaceAll(/ {2,}/g, "|"));
  assert.deepEqual(lines, [
    "bench loop (cores 2)",
    "figure|value|ratio|target",
    "p50|100 us|1.50 x|<= 2 x|met",
    "p99|300 us|3.00 x|<= 2.5 x|MISSED",
    "floor|66.3 us",
    "rate|900 1/s|>= 1000 1/s|MISSED",
    "",
    "VOID: the generator was late",
    "",
  ]);
});
