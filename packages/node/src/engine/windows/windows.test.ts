import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bucketsPerWindow } from "./buckets.ts";
import {
  isNear,
  naive,
  naiveQuantile,
  plainFunctions,
  type Point,
  TestWindows,
} from "./test-support.ts";

const originUs = 1_760_000_000_000_000;

interface Step {
  readonly slot: number;
  readonly gapUs: number;
  readonly value: number;
  /** How long after the sample the windows are read; undefined: they are not. */
  readonly readAfterUs: number | undefined;
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 4, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(1e15, -1e15, 1e-9, 1e140) },
  { weight: 1, arbitrary: fc.constantFrom(Infinity, -Infinity, Number.NaN) },
);

/** Many gaps are the same, so that samples come to lie on the edges of windows and buckets. */
const gap = (maxGapUs: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, maxGapUs / 4, maxGapUs / 2),
    fc.integer({ min: 0, max: Math.ceil(maxGapUs / 10) }),
    fc.integer({ min: 0, max: maxGapUs }),
  );

const steps = (maxGapUs: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      slot: fc.integer({ min: 0, max: 1 }),
      gapUs: gap(maxGapUs),
      value,
      readAfterUs: fc.option(fc.oneof(fc.constant(0), gap(maxGapUs * 4)), { nil: undefined }),
    }),
    { maxLength: 120, size: "max" },
  );

const quantiles = [0, 0.25, 0.5, 0.99, 1];
const tolerance = 1e-12;

/** Compares all functions with what comes of all samples that are in the window. */
function compare(
  windows: TestWindows,
  slot: number,
  nowUs: number,
  inWindow: readonly Point[],
  isExact: boolean,
): void {
  // What cancels out leaves its own rounding; squares of what is near 0 are 0.
  const reach = Math.max(...inWindow.map(([, each]) => Math.abs(each)), 1e-100) * 1e-15;
  const slopeReach = (reach * inWindow.length * 10) / timeSpread(inWindow);
  for (const name of plainFunctions) {
    const actual = windows.read(name, slot, nowUs);
    const expected = naive(name, inWindow);
    const isClose =
      isNear(actual, expected, tolerance) ||
      Math.abs(actual - expected) <= (name === "deriv" ? slopeReach : reach);
    assert.ok(isClose, `${name}: ${actual} is not ${expected} of ${JSON.stringify(inWindow)}`);
  }
  const values = inWindow.map(([, each]) => each);
  for (const quantile of quantiles) {
    const actual = windows.quantile(slot, nowUs, quantile);
    const expected = naiveQuantile(values, quantile);
    const off = isExact ? 0 : Math.max(...neighbours(values, quantile).map(Math.abs)) / 128;
    const isClose = isNear(actual, expected, 0) || Math.abs(actual - expected) <= off;
    assert.ok(isClose || isBeyond(expected), `${quantile}: ${actual} is not ${expected}`);
  }
}

/** The values about the rank of a quantile. */
function neighbours(values: readonly number[], quantile: number): number[] {
  const ordered = values.toSorted((a, b) => a - b);
  const rank = quantile * (ordered.length - 1);
  return ordered.slice(Math.floor(rank), Math.ceil(rank) + 1);
}

/** What no bin tells from 0. */
function isBeyond(expected: number): boolean {
  return Math.abs(expected) < 1e-300;
}

/** How far the times lie from their mean, seconds: the root of the sum of squares. */
function timeSpread(points: readonly Point[]): number {
  const seconds = points.map(([timeUs]) => (timeUs - originUs) / 1e6);
  const mean = seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
  return Math.sqrt(seconds.reduce((sum, each) => sum + (each - mean) ** 2, 0));
}

describe("windows", () => {
  test("of an agent that has left hold nothing of it", () => {
    const windows = new TestWindows(1_000_000, 8);
    for (let number = 0; number < 40; number += 1)
      windows.log.append(1, originUs + number * 1_000, number);
    assert.equal(windows.read("count_over_time", 1, originUs + 40_000), 40);
    windows.log.release(1);
    compare(windows, 1, originUs + 40_000, [], true);
    windows.log.append(1, originUs + 41_000, 5);
    compare(windows, 1, originUs + 41_000, [[originUs + 41_000, 5]], true);
  });

  test("take a sample of a new time line in its place", () => {
    const windows = new TestWindows(1_000_000);
    windows.log.append(0, originUs, 1);
    windows.log.append(0, originUs + 500_000, 5);
    assert.equal(windows.read("sum_over_time", 0, originUs + 500_000), 6);
    windows.log.append(0, originUs + 200_000, 3);
    const all: Point[] = [
      [originUs, 1],
      [originUs + 200_000, 3],
      [originUs + 500_000, 5],
    ];
    compare(windows, 0, originUs + 500_000, all, true);
    compare(windows, 0, originUs + 1_200_000, all.slice(2), true);
  });

  test("give what comes of all samples in (t − w, t], whatever came and went before", () => {
    fc.assert(
      fc.property(steps(2_000), fc.constantFrom(1_000, 5_000, 50_000), (taken, widthUs) => {
        const windows = new TestWindows(widthUs);
        const points: Point[][] = [[], []];
        const readUs = [0, 0];
        let nowUs = originUs;
        for (const step of taken) {
          nowUs += step.gapUs;
          const { slot } = step;
          windows.log.append(slot, nowUs, step.value);
          if (!Number.isNaN(step.value)) points[slot]?.push([nowUs, step.value]);
          if (step.readAfterUs === undefined) continue;
          const atUs = Math.max(readUs[slot] ?? 0, nowUs + step.readAfterUs);
          readUs[slot] = atUs;
          const inWindow = (points[slot] ?? []).filter(([timeUs]) => timeUs > atUs - widthUs);
          compare(windows, slot, atUs, inWindow, true);
        }
      }),
    );
  });

  test("of more than the bound's samples are of the buckets that reach into them, and of fewer again exact", () => {
    const bound = 8;
    fc.assert(
      fc.property(
        fc.constantFrom(40, 800, 4_000).chain(steps),
        fc.constantFrom(bucketsPerWindow * 10, 10_007, bucketsPerWindow * 500),
        (taken, widthUs) => {
          const windows = new TestWindows(widthUs, bound);
          const points: Point[][] = [[], []];
          const readUs = [0, 0];
          let nowUs = originUs;
          for (const step of taken) {
            nowUs += step.gapUs;
            const { slot } = step;
            windows.log.append(slot, nowUs, step.value);
            const all = points[slot] ?? [];
            if (!Number.isNaN(step.value)) all.push([nowUs, step.value]);
            if (step.readAfterUs === undefined) continue;
            const atUs = Math.max(readUs[slot] ?? 0, nowUs + step.readAfterUs);
            readUs[slot] = atUs;
            const edgeUs = atUs - widthUs;
            const exact = all.filter(([timeUs]) => timeUs > edgeUs);
            const isExact = exact.length <= bound;
            const width = BigInt(widthUs);
            const reaches = ([timeUs]: Point): boolean =>
              (BigInt(timeUs) * 256n + width - 1n) / width > (BigInt(edgeUs) * 256n) / width;
            compare(windows, slot, atUs, isExact ? exact : all.filter(reaches), isExact);
          }
        },
      ),
    );
  });
});

describe("spreads and slopes are to the last bit what exact arithmetic gives, whatever was read before", () => {
  const stepUs = 250_000;
  const [widthUs, bound] = [4 * stepUs, 1_024];

  /** All is whole and small, so that only the last division rounds. */
  function exactly(samples: readonly (readonly [step: number, value: number])[]): {
    deviation: number;
    slope: number;
  } {
    const count = samples.length;
    let [times, values, products, timeSquares, squares] = [0, 0, 0, 0, 0];
    for (const [step, value] of samples) {
      times += step;
      values += value;
      products += step * value;
      timeSquares += step * step;
      squares += value * value;
    }
    const above = (1e6 / stepUs) * (count * products - times * values);
    return {
      deviation: Math.sqrt((count * squares - values * values) / (count * count)),
      slope: above / (count * timeSquares - times * times),
    };
  }

  test("in windows of random whole numbers", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: -3, max: 3 }), fc.boolean()),
          { minLength: 2, maxLength: 40, size: "max" },
        ),
        (steps) => {
          const windows = new TestWindows(widthUs, bound);
          const all: [step: number, value: number][] = [];
          let now = 0;
          for (const [gap, sample, isRead] of steps) {
            now += gap;
            all.push([now, sample]);
            const nowUs = originUs + now * stepUs;
            windows.log.append(0, nowUs, sample);
            if (!isRead) continue;
            const { deviation, slope } = exactly(all.filter(([step]) => step > now - 4));
            assert.equal(windows.read("stddev_over_time", 0, nowUs), deviation);
            const actual = windows.read("deriv", 0, nowUs);
            if (Number.isNaN(slope)) assert.ok(Number.isNaN(actual));
            else assert.ok(actual === slope, `${actual} is not ${slope}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("in a window whose slope is 2, and whose times and values have no finite means", () => {
    const windows = new TestWindows(widthUs, bound);
    for (const [step, sample] of [
      [0, 0],
      [0, 3],
      [1, 2],
    ] as const)
      windows.log.append(0, originUs + step * stepUs, sample);
    assert.equal(windows.read("deriv", 0, originUs + stepUs), 2);
  });
});
