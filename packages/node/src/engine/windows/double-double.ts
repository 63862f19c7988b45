/**
 * Sums of doubles as a pair (high, low) whose exact sum is meant: about 106 bits, so that what has left a window leaves
 * nothing worth a name behind, whatever the order. Error-free transformations of Knuth and Dekker.
 */

/** What `sum`, which is a + b rounded, lacks of a + b. */
function sumError(a: number, b: number, sum: number): number {
  const ofB = sum - a;
  return a - (sum - ofB) + (b - ofB);
}

const splitter = 134_217_729;

/** What `product`, which is a · b rounded, lacks of a · b; 0 where that cannot be said, at the rim of the range. */
function productError(a: number, b: number, product: number): number {
  const scaledA = splitter * a;
  const scaledB = splitter * b;
  const highA = scaledA - (scaledA - a);
  const highB = scaledB - (scaledB - b);
  const lowA = a - highA;
  const lowB = b - highB;
  const error = lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
  return error === error ? error : 0;
}

/** Writes the pair (high + otherHigh, low + otherLow) to `to`. What is not finite has no low part. */
export function addTo(
  high: number,
  low: number,
  otherHigh: number,
  otherLow: number,
  into: Float64Array,
  to: number,
): void {
  const sum = high + otherHigh;
  const rest = sumError(high, otherHigh, sum) + (low + otherLow);
  const newHigh = sum + rest;
  const newLow = rest - (newHigh - sum);
  if (newLow === newLow) {
    into[to] = newHigh;
    into[to + 1] = newLow;
  } else {
    into[to] = sum;
    into[to + 1] = 0;
  }
}

/**
 * By how much the mean of the sum at `pair` is more in the later part than in the earlier one, times the counts of both,
 * which lie before the sums: a pair, of which it gives one half.
 */
function crossDifference(
  earlier: Float64Array,
  earlierAt: number,
  later: Float64Array,
  laterAt: number,
  pair: number,
  half: "high" | "low",
): number {
  const before = earlier[earlierAt] as number;
  const after = later[laterAt] as number;
  const earlierHigh = earlier[earlierAt + pair] as number;
  const laterHigh = later[laterAt + pair] as number;
  const a = laterHigh * before;
  const b = earlierHigh * after;
  const difference = a - b;
  const low =
    (later[laterAt + pair + 1] as number) * before -
    (earlier[earlierAt + pair + 1] as number) * after;
  const errors = productError(laterHigh, before, a) - productError(earlierHigh, after, b);
  const rest = sumError(a, -b, difference) + (errors + low);
  const high = difference + rest;
  return half === "high" ? high : rest - (high - difference);
}

/**
 * Writes the pair at `moment` of two parts together: the sum of the products of what lies above the means of the sums at
 * `first` and `second` (Chan, Golub, LeVeque). The sums and counts of both parts must still be in their places. Gives how
 * much is new beside what both had.
 */
export function joinMoments(
  earlier: Float64Array,
  earlierAt: number,
  later: Float64Array,
  laterAt: number,
  first: number,
  second: number,
  moment: number,
  into: Float64Array,
  at: number,
): number {
  const before = earlier[earlierAt] as number;
  const after = later[laterAt] as number;
  const parts = before * after * (before + after);
  const high = crossDifference(earlier, earlierAt, later, laterAt, first, "high");
  const low = crossDifference(earlier, earlierAt, later, laterAt, first, "low");
  const otherHigh = crossDifference(earlier, earlierAt, later, laterAt, second, "high");
  const otherLow = crossDifference(earlier, earlierAt, later, laterAt, second, "low");
  const product = high * otherHigh;
  const rest = productError(high, otherHigh, product) + (high * otherLow + low * otherHigh);
  addTo(
    earlier[earlierAt + moment] as number,
    earlier[earlierAt + moment + 1] as number,
    later[laterAt + moment] as number,
    later[laterAt + moment + 1] as number,
    into,
    at + moment,
  );
  const share = product / parts;
  addTo(
    into[at + moment] as number,
    into[at + moment + 1] as number,
    share,
    quotientError(product, rest, parts, 0, share),
    into,
    at + moment,
  );
  return share;
}

/** What `quotient`, which is about (high, low) by (otherHigh, otherLow), lacks of that. */
function quotientError(
  high: number,
  low: number,
  otherHigh: number,
  otherLow: number,
  quotient: number,
): number {
  const product = quotient * otherHigh;
  const error = productError(quotient, otherHigh, product);
  return (high - product - error + low - quotient * otherLow) / otherHigh;
}

/** The pair (high, low) by the pair (otherHigh, otherLow), times `factor`: rounded once. */
export function ratio(
  high: number,
  low: number,
  otherHigh: number,
  otherLow: number,
  factor: number,
): number {
  const quotient = high / otherHigh;
  const rest = quotientError(high, low, otherHigh, otherLow, quotient);
  const result = quotient * factor;
  return result + (productError(quotient, factor, result) + rest * factor);
}
