/** Functions over the samples of a window, made anew from all of them each time. */
import { exactSlope, exactSum, exactVariance } from "./exact-sum.ts";

/** A sample in a window: instants in microseconds, in order of time. */
export interface Point {
  readonly atUs: number;
  readonly value: number;
}

/** A sample as a sketch has it: the middle of its bin, of which there are 64 to each power of two. */
export function sketched(point: Point): Point {
  if (point.value === 0 || !Number.isFinite(point.value)) return point;
  const size = Math.abs(point.value);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, size);
  bits.setBigUint64(0, ((bits.getBigUint64(0) >> 46n) << 46n) | (1n << 45n));
  return { ...point, value: Math.sign(point.value) * bits.getFloat64(0) };
}

/** What a function gives of a window's samples, NaN among them; undefined is unknown. */
export function overWindow(
  name: string,
  samples: readonly Point[],
  quantile: number,
): number | undefined {
  const points = samples.filter(({ value }) => !Number.isNaN(value));
  const values = points.map(({ value }) => value);
  const last = values.at(-1);
  if (last === undefined) return undefined;
  switch (name) {
    case "count_over_time":
      return values.length;
    case "last_over_time":
      return last;
    case "min_over_time":
      return Math.min(...values);
    case "max_over_time":
      return Math.max(...values);
    case "sum_over_time":
      return sum(values);
    case "avg_over_time": {
      const total = sum(values);
      return total === undefined ? undefined : total / values.length;
    }
    case "stddev_over_time":
      return deviation(values);
    case "quantile_over_time":
      return quantileOf(values, quantile);
    case "changes":
      return pairs(values).filter(([before, after]) => before !== after).length;
    case "resets":
      return pairs(values).filter(([before, after]) => after < before).length;
    default:
      return slope(name, points);
  }
}

/** Infinities of both signs have no sum. */
export function sum(values: readonly number[]): number | undefined {
  const infinities = values.filter((value) => !Number.isFinite(value));
  const [first] = infinities;
  if (first === undefined) return exactSum(values);
  return infinities.every((value) => value === first) ? first : undefined;
}

function deviation(values: readonly number[]): number | undefined {
  return values.every(Number.isFinite) ? Math.sqrt(exactVariance(values)) : undefined;
}

/** Between the two values about rank q·(n − 1); a whole rank is its value. */
function quantileOf(values: readonly number[], quantile: number): number | undefined {
  const ordered = values.toSorted((a, b) => a - b);
  const rank = quantile * (values.length - 1);
  const [below, above] = [ordered[Math.floor(rank)], ordered[Math.ceil(rank)]];
  if (below === undefined || above === undefined) return undefined;
  const part = rank - Math.floor(rank);
  if (part === 0 || below === above) return below;
  const isFinite = Number.isFinite(below) && Number.isFinite(above);
  const between = isFinite ? below + (above - below) * part : below + above;
  return Number.isNaN(between) ? undefined : between;
}

/** Functions that need samples at two times, and no infinity. */
function slope(name: string, points: readonly Point[]): number | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first.atUs === last.atUs) return undefined;
  if (!points.every(({ value }) => Number.isFinite(value))) return undefined;
  const seconds = (last.atUs - first.atUs) / 1e6;
  const values = points.map(({ value }) => value);
  switch (name) {
    case "delta":
      return last.value - first.value;
    case "increase":
      return increase(values);
    case "rate":
      return increase(values) / seconds;
    case "deriv":
      return exactSlope(points);
    default:
      throw new Error(`${name} is no function over a window`);
  }
}

/** A counter that is lower than before has restarted at 0. */
function increase(values: readonly number[]): number {
  return exactSum(
    pairs(values).map(([before, after]) => (after >= before ? after - before : after)),
  );
}

function pairs(values: readonly number[]): (readonly [number, number])[] {
  return values.slice(1).map((after, index) => [values[index] ?? after, after] as const);
}
