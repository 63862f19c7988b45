/*
 * Numbers of IEEE 754 in 16 bits. By hand: `Float16Array` and its kin cost 25 ns a value, this 2 to 4.
 */

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** What the lowest bit of the significand counts, by exponent. */
const units = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

const infinity = 0x7c00;
const notANumber = 0x7e00;
/** From here on the nearest is infinity. */
const tooLarge = 65_520;

/** The number nearest to `value`, or one of the two that are. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return notANumber;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= tooLarge) return sign | infinity;
  single[0] = size;
  // The exponent that 32 bits have for it; where those round up to the next, the sum below carries back.
  const exponent = Math.max(1, ((singleBits[0] as number) >> 23) - 112);
  const significand = Math.round(size / (units[exponent] as number));
  return sign | (((exponent - 1) << 10) + significand);
}

/** The value of the 16 bits. */
export function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const significand = bits & 1023;
  let size: number;
  if (exponent === 31) size = significand === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  else size = (exponent === 0 ? significand : significand + 1024) * (units[exponent] as number);
  return bits >= 0x8000 ? -size : size;
}
