import type { WindowFunction } from "@myelin/core/rules";
import { exactSum, roundExact, scaled } from "../test-exact.ts";
import {
  AggregateWindow,
  BlockPool,
  QuantileWindow,
  SeriesLog,
  WindowSpan,
  windowReadings,
} from "./index.ts";

/** A sample as tests give it: microseconds, value. */
export type Point = readonly [timeUs: number, value: number];

type Plain = Exclude<WindowFunction, "quantile_over_time">;
/** All window functions but quantiles. */
export const plainFunctions: readonly Plain[] = Object.keys(windowReadings) as Plain[];

/** Windows of all functions over one metric, of one width. */
export class TestWindows {
  readonly log: SeriesLog;
  readonly #windows: ReadonlyMap<Plain, AggregateWindow>;
  readonly #quantiles: QuantileWindow;

  constructor(widthUs: number, bound = 1_024, pool: BlockPool = new BlockPool()) {
    this.log = new SeriesLog(pool, bound, 4);
    const span = new WindowSpan(this.log, widthUs);
    this.#windows = new Map(
      plainFunctions.map((name) => [
        name,
        new AggregateWindow(span, windowReadings[name].aggregate),
      ]),
    );
    this.#quantiles = new QuantileWindow(span);
  }

  /** What a function gives at `nowUs`; NaN is unknown. */
  read(name: Plain, slot: number, nowUs: number): number {
    const window = this.#windows.get(name);
    if (window === undefined || !window.gather(slot, nowUs)) return Number.NaN;
    return windowReadings[name].read(window.cells, 0);
  }

  quantile(slot: number, nowUs: number, quantile: number): number {
    return this.#quantiles.quantile(slot, nowUs, quantile);
  }
}

/** What a function gives of a window's samples, made anew from all of them; NaN is unknown. */
export function naive(name: Plain, points: readonly Point[]): number {
  const values = points.map(([, value]) => value);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  const pairs = values.slice(1).map((after, index) => [values[index] as number, after] as const);
  const isFinite = values.every(Number.isFinite);
  const isSpan = isFinite && last[0] > first[0];
  const increase = (): number =>
    exactSum(pairs.flatMap(([before, after]) => (after >= before ? [after, -before] : [after])));
  switch (name) {
    case "count_over_time":
      return values.length;
    case "last_over_time":
      return last[1];
    case "min_over_time":
      return Math.min(...values);
    case "max_over_time":
      return Math.max(...values);
    case "sum_over_time":
      return isFinite ? exactSum(values) : values.reduce((sum, value) => sum + value, 0);
    case "avg_over_time":
      return naive("sum_over_time", points) / values.length;
    case "stddev_over_time":
      return isFinite ? exactDeviation(values) : Number.NaN;
    case "changes":
      return pairs.filter(([before, after]) => before !== after).length;
    case "resets":
      return pairs.filter(([before, after]) => after < before).length;
    case "delta":
      return isSpan ? last[1] - first[1] : Number.NaN;
    case "increase":
      return isSpan ? increase() : Number.NaN;
    case "rate":
      return isSpan ? increase() / ((last[0] - first[0]) / 1e6) : Number.NaN;
    case "deriv":
      return isSpan ? exactSlope(points) : Number.NaN;
  }
}

/** √(n·Σx² − (Σx)²) / n, rounded at the root only. */
function exactDeviation(values: readonly number[]): number {
  const count = BigInt(values.length);
  const sum = values.reduce((total, value) => total + scaled(value), 0n);
  const squares = values.reduce((total, value) => total + scaled(value) ** 2n, 0n);
  return Math.sqrt(roundExact(count * squares - sum * sum, 1_074)) / values.length;
}

function exactSlope(points: readonly Point[]): number {
  const count = BigInt(points.length);
  const origin = points[0]?.[0] ?? 0;
  let [times, values, products, squares] = [0n, 0n, 0n, 0n];
  for (const [timeUs, value] of points) {
    const time = BigInt(timeUs - origin);
    times += time;
    values += scaled(value);
    products += time * scaled(value);
    squares += time * time;
  }
  const above = roundExact(count * products - times * values, 0);
  return (above / Number(count * squares - times * times)) * 1e6;
}

export function naiveQuantile(values: readonly number[], quantile: number): number {
  const ordered = values.toSorted((a, b) => a - b);
  const rank = quantile * (ordered.length - 1);
  const [below, above] = [ordered[Math.floor(rank)], ordered[Math.ceil(rank)]];
  if (below === undefined || above === undefined) return Number.NaN;
  const part = rank - Math.floor(rank);
  if (part === 0 || below === above) return below;
  const isFinite = Number.isFinite(below) && Number.isFinite(above);
  return isFinite ? below + (above - below) * part : below + above;
}

/** True when two results are the same, but for `tolerance` of their size. */
export function isNear(actual: number, expected: number, tolerance: number): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Math.abs(actual - expected) <= tolerance * Math.abs(expected);
}
