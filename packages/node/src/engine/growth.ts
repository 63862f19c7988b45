/** A copy of `from` that holds `length` cells; the new ones hold `fill`. */
export function grownFloat64(from: Float64Array, length: number, fill: number): Float64Array {
  const to = new Float64Array(length);
  to.set(from);
  if (fill !== 0) to.fill(fill, from.length);
  return to;
}

/** A copy of `from` that holds `length` cells; the new ones hold 0. */
export function grownUint8(from: Uint8Array, length: number): Uint8Array {
  const to = new Uint8Array(length);
  to.set(from);
  return to;
}

/** The next capacity by doubling from `present` that holds `needed` cells, at most `limit`. */
export function doubledCapacity(present: number, needed: number, limit: number): number {
  let capacity = Math.max(present, 1);
  while (capacity < needed) capacity *= 2;
  return Math.min(capacity, limit);
}

/** A copy of `from` that holds `length` cells; the new ones hold `fill`. */
export function grownInt32(from: Int32Array, length: number, fill: number): Int32Array {
  const to = new Int32Array(length);
  to.set(from);
  if (fill !== 0) to.fill(fill, from.length);
  return to;
}
