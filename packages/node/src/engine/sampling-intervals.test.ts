import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetricName } from "@myelin/core/ids";
import { MetricColumns } from "./metric-columns.ts";
import { SamplingIntervals } from "./sampling-intervals.ts";

const startUs = 1_760_000_000_000_000;
const secondUs = 1_000_000;

test("a metric's interval is the median of what was seen of it, and not known before", () => {
  const columns = new MetricColumns(1 << 20);
  const column = columns.declare(parseMetricName("cpu"));
  columns.makeDense(column, 2);
  const intervals = new SamplingIntervals(columns.all);
  let atUs = startUs;
  const frame = (gapUs: number): void => {
    atUs += gapUs;
    // Two samples in each frame: the second is not what comes between frames.
    intervals.look(1, 2, Int32Array.of(0, 0), Float64Array.of(atUs, atUs + 1), atUs);
    column.timesUs[1] = atUs;
  };
  frame(0);
  for (const gapUs of [2 * secondUs, 60 * secondUs]) frame(gapUs);
  assert.equal(intervals.intervalUs(0), undefined);
  for (const gapUs of [2 * secondUs, 0, 2 * secondUs]) frame(gapUs);
  assert.equal(intervals.intervalUs(0), 2 * secondUs);
  assert.equal(intervals.intervalUs(1), undefined);
});

test("frames are looked at now and then", () => {
  const intervals = new SamplingIntervals([]);
  intervals.look(0, 0, new Int32Array(0), new Float64Array(0), startUs);
  assert.equal(intervals.dueUs, startUs + 10_000);
});

test("an interval is told when it is known, again when it has changed much or was not heard, and not for less", () => {
  const columns = new MetricColumns(1 << 20);
  const column = columns.declare(parseMetricName("cpu"));
  columns.makeDense(column, 1);
  const told: [string, number][] = [];
  let isHeard = false;
  const intervals = new SamplingIntervals(columns.all, ({ name }, intervalUs) => {
    told.push([name, intervalUs]);
    return isHeard;
  });
  let atUs = startUs;
  const frames = (count: number, gapUs: number): void => {
    for (let frame = 0; frame < count; frame += 1) {
      atUs += gapUs;
      intervals.look(0, 1, Int32Array.of(0), Float64Array.of(atUs), atUs);
      column.timesUs[0] = atUs;
    }
  };
  frames(4, secondUs);
  assert.deepEqual(told, [["cpu", secondUs]]);
  isHeard = true;
  frames(30, secondUs);
  frames(30, 1.4 * secondUs);
  assert.deepEqual(told, [
    ["cpu", secondUs],
    ["cpu", secondUs],
  ]);
  frames(30, 0.5 * secondUs);
  assert.deepEqual(told.slice(2), [["cpu", 0.5 * secondUs]]);
});
