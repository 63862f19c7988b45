/** The sum of finite doubles, rounded once. */
export function exactSum(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + scaled(value), 0n);
  const positive = total < 0n ? -total : total;
  const excess = Math.max(0, positive.toString(2).length - 64);
  // What is cut off must still tell a tie from what is above one.
  const cut = positive & ((1n << BigInt(excess)) - 1n);
  const kept = Number(((positive >> BigInt(excess)) << 1n) | (cut === 0n ? 0n : 1n));
  const exponent = excess - 1 - 1_074;
  const sum = kept * 2 ** Math.max(-1_000, exponent) * 2 ** Math.min(0, exponent + 1_000);
  return total < 0n ? -sum : sum;
}

/** A double as a whole number of the smallest one, 2^-1074. */
function scaled(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & ((1n << 52n) - 1n);
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return raw >> 63n === 1n ? -size : size;
}
