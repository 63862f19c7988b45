import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Histogram } from "./index.ts";

const smallest = 2 ** -10;
const largest = 2 ** 40;
const value = fc.oneof(
  fc.double({ min: smallest, max: largest, noNaN: true, maxExcluded: true }),
  fc.integer({ min: 1, max: 100_000 }),
  fc.constant(0),
);
const valueList = fc.array(value, { minLength: 1, maxLength: 200 });

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const recorded of values) histogram.record(recorded);
  return histogram;
}

function assertWithin1Percent(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.01, `${actual} for ${expected}`);
}

test("below ascending bounds are all values that do not exceed them, and few that do", () => {
  const bounds = [0, 10, 1000, 1e6, 1e9];
  fc.assert(
    fc.property(valueList, (values) => {
      for (const [at, counted] of histogramOf(values).cumulative(bounds).entries()) {
        const bound = bounds[at] ?? 0;
        const below = values.filter((each) => each <= bound).length;
        const about = values.filter((each) => each <= bound * (1 + 1 / 64)).length;
        assert.ok(counted >= below && counted <= about, `${counted} below ${bound}`);
      }
    }),
  );
});

test("count, minimum, maximum and mean are exact", () => {
  const histogram = histogramOf([3, 1, 4, 1, 5.5]);
  assert.equal(histogram.count, 5);
  assert.equal(histogram.min, 1);
  assert.equal(histogram.max, 5.5);
  assert.equal(histogram.mean, 2.9);
});

test("percentiles are within 1 % of the value of that rank", () => {
  fc.assert(
    fc.property(valueList, fc.double({ min: 0, max: 100, noNaN: true }), (values, percent) => {
      const sorted = values.toSorted((a, b) => a - b);
      const rank = Math.max(1, Math.ceil((percent * values.length) / 100 - 1e-9));
      assertWithin1Percent(histogramOf(values).percentile(percent), sorted[rank - 1] ?? Number.NaN);
    }),
  );
});

test("the ends of the percentiles are the minimum and the maximum", () => {
  const histogram = histogramOf([10.1, 20, 33.3]);
  assert.equal(histogram.percentile(0), 10.1);
  assert.equal(histogram.percentile(100), 33.3);
});

test("rounding does not push a percentile to the next rank", () => {
  const values = Array.from({ length: 1_000 }, (_, index) => (index === 999 ? 1e9 : 1));
  assertWithin1Percent(histogramOf(values).percentile(99.9), 1);
});

test("the mean absolute deviation is within 1 % of the mean and exact figures", () => {
  fc.assert(
    fc.property(valueList, (values) => {
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      const exact = values.reduce((sum, one) => sum + Math.abs(one - mean), 0) / values.length;
      const measured = histogramOf(values).meanAbsoluteDeviation();
      assert.ok(Math.abs(measured - exact) <= 0.01 * (mean + exact));
    }),
  );
});

test("a histogram of merged ones is that of all their values", () => {
  fc.assert(
    fc.property(valueList, fc.array(value, { maxLength: 50 }), (values, others) => {
      const merged = histogramOf(values);
      merged.merge(histogramOf(others));
      const together = histogramOf([...values, ...others]).snapshot();
      const { mean, meanAbsoluteDeviation, ...exact } = merged.snapshot();
      const { mean: meanOfAll, meanAbsoluteDeviation: deviationOfAll, ...exactOfAll } = together;
      assert.deepEqual(exact, exactOfAll);
      assertWithin1Percent(mean, meanOfAll);
      assert.ok(Math.abs(meanAbsoluteDeviation - deviationOfAll) <= deviationOfAll * 1e-6 + 1e-9);
    }),
  );
});

test("what is out of range counts at its ends, and what is no number does not count", () => {
  const histogram = histogramOf([-5, smallest / 2, Number.NaN, 1e300, Number.POSITIVE_INFINITY]);
  assert.equal(histogram.count, 4);
  assert.equal(histogram.min, 0);
  assert.ok(histogram.max > largest * 0.99 && histogram.max <= largest);
  assert.equal(histogram.percentile(50), 0);
});

test("an empty histogram has no figures", () => {
  const histogram = histogramOf([1, 2, 3]);
  histogram.reset();
  assert.deepEqual(histogram.snapshot(), {
    count: 0,
    min: Number.NaN,
    max: Number.NaN,
    mean: Number.NaN,
    p50: Number.NaN,
    p90: Number.NaN,
    p99: Number.NaN,
    p999: Number.NaN,
    meanAbsoluteDeviation: Number.NaN,
  });
  histogram.record(7);
  assert.equal(histogram.snapshot().p50, 7);
});

test("what a histogram holds can be copied, and goes on in another", () => {
  const [one, other] = [new Histogram(), new Histogram()];
  for (const value of [0, 3, 700]) one.record(value);
  for (const value of [1, 9e5]) other.record(value);
  const copy = Histogram.of(structuredClone(one.state()));
  one.record(5);
  copy.merge(Histogram.of(other.state()));
  assert.deepEqual([copy.count, copy.min, copy.max], [5, 0, 9e5]);
  assert.ok(Math.abs(copy.percentile(50) - 3) < 0.05);
  assert.deepEqual(Histogram.of(new Histogram().state()).snapshot(), new Histogram().snapshot());
});
