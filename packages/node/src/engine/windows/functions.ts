/** What each window function makes of an aggregate. NaN is unknown. */
import type { WindowFunction } from "@myelin/core/rules";
import {
  type Aggregate,
  countOf,
  endsOf,
  extremesOf,
  increaseOf,
  slopeOf,
  spreadOf,
  stepsOf,
  sumOf,
} from "./aggregate.ts";
import { bucketsPerWindow } from "./buckets.ts";
import { ratio } from "./double-double.ts";

/** A function over what an aggregate made of a window's samples. */
export interface WindowReading {
  readonly aggregate: Aggregate;
  read(cells: Float64Array, at: number): number;
}

const microsecondsPerSecond = 1e6;
/** What pairs leave of parts that cancel each other out. */
const leftOfNothing = 2 ** -95;

/** Of samples at two times, with no infinity among them. */
function spanUs(cells: Float64Array, at: number): number {
  const lengthUs = (cells[at + 2] as number) - (cells[at] as number);
  return cells[at + 4] === 0 && lengthUs > 0 ? lengthUs : Number.NaN;
}

function increase(cells: Float64Array, at: number): number {
  return spanUs(cells, at) > 0 ? (cells[at + 5] as number) : Number.NaN;
}

/** All window functions but quantiles. */
export const windowReadings: Readonly<
  Record<Exclude<WindowFunction, "quantile_over_time">, WindowReading>
> = {
  count_over_time: { aggregate: countOf, read: (cells, at) => cells[at] as number },
  sum_over_time: { aggregate: sumOf, read: (cells, at) => cells[at + 1] as number },
  avg_over_time: {
    aggregate: sumOf,
    read: (cells, at) => (cells[at + 1] as number) / (cells[at] as number),
  },
  stddev_over_time: {
    aggregate: spreadOf,
    read: (cells, at) => {
      const high = cells[at + 3] as number;
      if (!Number.isFinite(cells[at + 1]) || !Number.isFinite(high)) return Number.NaN;
      return Math.sqrt(ratio(high, cells[at + 4] as number, cells[at] as number, 0, 1));
    },
  },
  min_over_time: { aggregate: extremesOf, read: (cells, at) => cells[at] as number },
  max_over_time: { aggregate: extremesOf, read: (cells, at) => cells[at + 1] as number },
  last_over_time: { aggregate: endsOf, read: (cells, at) => cells[at + 3] as number },
  delta: {
    aggregate: endsOf,
    read: (cells, at) =>
      spanUs(cells, at) > 0 ? (cells[at + 3] as number) - (cells[at + 1] as number) : Number.NaN,
  },
  increase: { aggregate: increaseOf, read: increase },
  rate: {
    aggregate: increaseOf,
    read: (cells, at) => increase(cells, at) / (spanUs(cells, at) / microsecondsPerSecond),
  },
  changes: { aggregate: stepsOf, read: (cells, at) => cells[at + 2] as number },
  resets: { aggregate: stepsOf, read: (cells, at) => cells[at + 3] as number },
  deriv: {
    aggregate: slopeOf,
    read: (cells, at) => {
      const squares = cells[at + 5] as number;
      if (!(squares > 0) || !Number.isFinite(cells[at + 3])) return Number.NaN;
      const high = cells[at + 7] as number;
      const low = cells[at + 8] as number;
      if (Math.abs(high) <= (cells[at + 9] as number) * leftOfNothing) return 0;
      return ratio(high, low, squares, cells[at + 6] as number, microsecondsPerSecond);
    },
  },
};

/** To be raised when what is kept of windows means something else though the names and sizes of aggregates are the same. */
const formVersion = 1;

/** What the buckets of windows are kept as on disk: buckets of another form mean nothing here. */
export const windowForm: string = [
  formVersion,
  bucketsPerWindow,
  ...new Set(
    Object.values(windowReadings).map(({ aggregate: { name, cells } }) => `${name} ${cells}`),
  ),
].join(", ");
