/**
 * Buckets of a window of `w`: bucket k holds the samples of ((k − 1)·w/256, k·w/256] of event time. One is in the window
 * until all of it has left.
 *
 * Times are whole microseconds, and w/256 need not be: so time is taken apart into whole windows and a rest, whose
 * product with 256 is exact.
 */

/** Buckets in the width of a window. */
export const bucketsPerWindow = 256;

/** The number of the bucket that an instant is in. */
export function bucketOf(timeUs: number, widthUs: number): number {
  const windows = wholeWindows(timeUs, widthUs);
  const restUs = timeUs - windows * widthUs;
  return windows * bucketsPerWindow + Math.ceil((restUs * bucketsPerWindow) / widthUs);
}

/** The number of the oldest bucket that reaches beyond an instant. */
export function oldestBucketAfter(edgeUs: number, widthUs: number): number {
  const windows = wholeWindows(edgeUs, widthUs);
  const restUs = edgeUs - windows * widthUs;
  return windows * bucketsPerWindow + Math.floor((restUs * bucketsPerWindow) / widthUs) + 1;
}

function wholeWindows(timeUs: number, widthUs: number): number {
  const windows = Math.floor(timeUs / widthUs);
  return windows * widthUs > timeUs ? windows - 1 : windows;
}

/** How far back the buckets of a window reach at most, microseconds. */
export function reachOfBuckets(widthUs: number): number {
  return widthUs + Math.ceil(widthUs / bucketsPerWindow);
}
