/** The sum of finite doubles, rounded once. */
export function exactSum(values: readonly number[]): number {
  return rounded(
    values.reduce((sum, value) => sum + scaled(value), 0n),
    0,
  );
}

/** The mean of the squared differences of finite doubles from their mean, rounded once. */
export function exactVariance(values: readonly number[]): number {
  const count = BigInt(values.length);
  const [sum, squares] = [
    total(values.map(scaled)),
    total(values.map((each) => scaled(each) ** 2n)),
  ];
  return exactRatio(count * squares - sum * sum, count * count, smallestBits);
}

/** The slope of the line of least squares through points of whole microseconds, a second, rounded once. */
export function exactSlope(
  points: readonly { readonly atUs: number; readonly value: number }[],
): number {
  const count = BigInt(points.length);
  const times = points.map(({ atUs }) => BigInt(atUs));
  const values = points.map(({ value }) => scaled(value));
  const products = total(times.map((time, at) => time * (values[at] ?? 0n)));
  const squares = total(times.map((time) => time * time));
  const above = count * products - total(times) * total(values);
  return exactRatio(above * 1_000_000n, count * squares - total(times) ** 2n, 0);
}

const smallestBits = 1_074;

function total(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}

/** The double next to `above` by `below`, times 2^-1074 and 2^-`moreBits`. */
function exactRatio(above: bigint, below: bigint, moreBits: number): number {
  const bits = below.toString(2).length + 64;
  const positive = (above < 0n ? -above : above) << BigInt(bits);
  // What is cut off must still tell a tie from what is above one.
  const quotient = ((positive / below) << 1n) | (positive % below === 0n ? 0n : 1n);
  return rounded(above < 0n ? -quotient : quotient, moreBits + bits + 1);
}

/** The double next to `whole` · 2^-1074 · 2^-`moreBits`. */
function rounded(whole: bigint, moreBits: number): number {
  const positive = whole < 0n ? -whole : whole;
  const excess = Math.max(0, positive.toString(2).length - 64);
  // What is cut off must still tell a tie from what is above one.
  const cut = positive & ((1n << BigInt(excess)) - 1n);
  const kept = Number(((positive >> BigInt(excess)) << 1n) | (cut === 0n ? 0n : 1n));
  const exponent = excess - 1 - smallestBits - moreBits;
  const first = Math.max(-1_000, Math.min(1_000, exponent));
  const size = kept * 2 ** first * 2 ** (exponent - first);
  return whole < 0n ? -size : size;
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
