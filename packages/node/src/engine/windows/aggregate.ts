/**
 * What can be made of consecutive samples and put together from parts: an associative operation on a few doubles, the
 * cells. Nothing is ever taken away from one, so what has left a window leaves no trace.
 */
import { addTo, joinMoments } from "./double-double.ts";

export interface Aggregate {
  readonly name: string;
  /** How many doubles one takes. */
  readonly cells: number;
  /** Makes that of one sample. */
  readonly one: (into: Float64Array, at: number, timeUs: number, value: number) => void;
  /** Makes that of two consecutive parts; the result may take the place of either. */
  readonly join: (
    earlier: Float64Array,
    earlierAt: number,
    later: Float64Array,
    laterAt: number,
    into: Float64Array,
    at: number,
  ) => void;
}

/** Cells: number of samples. */
export const countOf: Aggregate = {
  name: "count",
  cells: 1,
  one(into, at) {
    into[at] = 1;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    into[at] = (earlier[earlierAt] as number) + (later[laterAt] as number);
  },
};

/** Cells: number of samples, sum as a pair. */
export const sumOf: Aggregate = {
  name: "sum",
  cells: 3,
  one(into, at, _timeUs, value) {
    into[at] = 1;
    into[at + 1] = value;
    into[at + 2] = 0;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    into[at] = (earlier[earlierAt] as number) + (later[laterAt] as number);
    addTo(
      earlier[earlierAt + 1] as number,
      earlier[earlierAt + 2] as number,
      later[laterAt + 1] as number,
      later[laterAt + 2] as number,
      into,
      at + 1,
    );
  },
};

/** Cells: number of samples, sum as a pair, sum of the squared differences from the mean as a pair. */
export const spreadOf: Aggregate = {
  name: "squares",
  cells: 5,
  one(into, at, timeUs, value) {
    sumOf.one(into, at, timeUs, value);
    into[at + 3] = 0;
    into[at + 4] = 0;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    joinMoments(earlier, earlierAt, later, laterAt, 1, 1, 3, into, at);
    sumOf.join(earlier, earlierAt, later, laterAt, into, at);
  },
};

/** Cells: least, greatest. */
export const extremesOf: Aggregate = {
  name: "extremes",
  cells: 2,
  one(into, at, _timeUs, value) {
    into[at] = value;
    into[at + 1] = value;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    const least = earlier[earlierAt] as number;
    const greatest = earlier[earlierAt + 1] as number;
    const otherLeast = later[laterAt] as number;
    const otherGreatest = later[laterAt + 1] as number;
    into[at] = otherLeast < least ? otherLeast : least;
    into[at + 1] = otherGreatest > greatest ? otherGreatest : greatest;
  },
};

/** Cells: first and last, each time and value; number of infinities. */
export const endsOf: Aggregate = {
  name: "ends",
  cells: 5,
  one(into, at, timeUs, value) {
    into[at] = timeUs;
    into[at + 1] = value;
    into[at + 2] = timeUs;
    into[at + 3] = value;
    into[at + 4] = Number.isFinite(value) ? 0 : 1;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    const infinities = (earlier[earlierAt + 4] as number) + (later[laterAt + 4] as number);
    into[at] = earlier[earlierAt] as number;
    into[at + 1] = earlier[earlierAt + 1] as number;
    into[at + 2] = later[laterAt + 2] as number;
    into[at + 3] = later[laterAt + 3] as number;
    into[at + 4] = infinities;
  },
};

/** Cells: those of {@link endsOf}; increase of the counter as a pair. */
export const increaseOf: Aggregate = {
  name: "increase",
  cells: 7,
  one(into, at, timeUs, value) {
    endsOf.one(into, at, timeUs, value);
    into[at + 5] = 0;
    into[at + 6] = 0;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    const before = earlier[earlierAt + 3] as number;
    const after = later[laterAt + 1] as number;
    const high = later[laterAt + 5] as number;
    const low = later[laterAt + 6] as number;
    const earlierHigh = earlier[earlierAt + 5] as number;
    const earlierLow = earlier[earlierAt + 6] as number;
    endsOf.join(earlier, earlierAt, later, laterAt, into, at);
    addTo(earlierHigh, earlierLow, high, low, into, at + 5);
    // A counter that is lower than before has restarted at 0.
    addTo(into[at + 5] as number, into[at + 6] as number, after, 0, into, at + 5);
    if (after >= before)
      addTo(into[at + 5] as number, into[at + 6] as number, -before, 0, into, at + 5);
  },
};

/** Cells: first value, last value, changes, resets. */
export const stepsOf: Aggregate = {
  name: "steps",
  cells: 4,
  one(into, at, _timeUs, value) {
    into[at] = value;
    into[at + 1] = value;
    into[at + 2] = 0;
    into[at + 3] = 0;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    const before = earlier[earlierAt + 1] as number;
    const after = later[laterAt] as number;
    const changes = (earlier[earlierAt + 2] as number) + (later[laterAt + 2] as number);
    const resets = (earlier[earlierAt + 3] as number) + (later[laterAt + 3] as number);
    into[at] = earlier[earlierAt] as number;
    into[at + 1] = later[laterAt + 1] as number;
    into[at + 2] = changes + (after === before ? 0 : 1);
    into[at + 3] = resets + (after < before ? 1 : 0);
  },
};

/**
 * Cells: number of samples, and as pairs the sums of times and of values, the sum of the squared differences of the times
 * from their mean, and that of the products of these with those of the values; and how large the parts of the last one
 * were, which tells what is left of 0. Times are in microseconds, so that their sums are exact.
 */
export const slopeOf: Aggregate = {
  name: "moments",
  cells: 10,
  one(into, at, timeUs, value) {
    into.fill(0, at, at + 10);
    into[at] = 1;
    into[at + 1] = timeUs;
    into[at + 3] = value;
  },
  join(earlier, earlierAt, later, laterAt, into, at) {
    joinMoments(earlier, earlierAt, later, laterAt, 1, 1, 5, into, at);
    const share = joinMoments(earlier, earlierAt, later, laterAt, 1, 3, 7, into, at);
    into[at + 9] =
      (earlier[earlierAt + 9] as number) + (later[laterAt + 9] as number) + Math.abs(share);
    for (let pair = 1; pair < 5; pair += 2) {
      addTo(
        earlier[earlierAt + pair] as number,
        earlier[earlierAt + pair + 1] as number,
        later[laterAt + pair] as number,
        later[laterAt + pair + 1] as number,
        into,
        at + pair,
      );
    }
    into[at] = (earlier[earlierAt] as number) + (later[laterAt] as number);
  },
};
