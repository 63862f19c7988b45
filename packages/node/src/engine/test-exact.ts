// Sums without rounding, for tests.

/** The sum of finite doubles, rounded once. */
export function exactSum(values: readonly number[]): number {
  return roundExact(
    values.reduce((sum, value) => sum + scaled(value), 0n),
    0,
  );
}

/** A double as a whole number of the smallest one, 2^-1074. */
export function scaled(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & ((1n << 52n) - 1n);
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return raw >> 63n === 1n ? -size : size;
}

/** The double next to `total` · 2^-1074 · 2^-`moreBits`. */
export function roundExact(total: bigint, moreBits: number): number {
  const positive = total < 0n ? -total : total;
  const excess = Math.max(0, positive.toString(2).length - 64);
  const cut = positive & ((1n << BigInt(excess)) - 1n);
  const kept = Number(((positive >> BigInt(excess)) << 1n) | (cut === 0n ? 0n : 1n));
  const exponent = excess - 1 - 1_074 - moreBits;
  const first = Math.max(-1_000, Math.min(1_000, exponent));
  const sum = kept * 2 ** first * 2 ** (exponent - first);
  return total < 0n ? -sum : sum;
}
