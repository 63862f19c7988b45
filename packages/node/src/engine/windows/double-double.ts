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
 * The difference of two means, of pairs at `left` and `right` over `leftCount` and `rightCount` values: exact but for
 * its last bits even where the means are nearly the same.
 */
export function meanDifference(
  leftHigh: number,
  leftLow: number,
  leftCount: number,
  rightHigh: number,
  rightLow: number,
  rightCount: number,
): number {
  const a = rightHigh * leftCount;
  const b = leftHigh * rightCount;
  const errorA = productError(rightHigh, leftCount, a);
  const errorB = productError(leftHigh, rightCount, b);
  const difference = a - b;
  const rest = sumError(a, -b, difference);
  const low = errorA - errorB + (rightLow * leftCount - leftLow * rightCount);
  return (difference + (rest + low)) / leftCount / rightCount;
}
