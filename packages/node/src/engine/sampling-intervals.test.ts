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
