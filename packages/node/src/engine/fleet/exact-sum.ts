/**
 * The sum of doubles, to which any can be added and from which any can be taken away: exact, so it is the same in whatever
 * order they came and went. A number in fixed point, long enough for every double (Kulisch; Neal's small superaccumulator).
 *
 * Invariants
 * 1. The sum is Σ `#limbs[i]` · 2^(32·i − 1074); limbs are whole numbers of either sign below 2^53.
 * 2. Limbs outside `#low` to `#high` are 0. Infinities are counted apart.
 */
const limbCount = 68;
const limbBase = 2 ** 32;
/** As many changes of less than 2^32 as a limb takes before it is carried on. */
const changesBetweenCarries = 2 ** 20;
const smallestExponent = -1_074;
/** Powers of two are looked up: to work one out costs as much as all the rest of an addition. */
const powers: Float64Array = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** exponent);
/** By limb, what its unit is as a product of two, since by itself it may be too small for a double. */
const unitHalves: Float64Array = Float64Array.from(
  { length: limbCount },
  (_, limb) => 2 ** Math.trunc((32 * limb + smallestExponent) / 2),
);
const unitRests: Float64Array = Float64Array.from({ length: limbCount }, (_, limb) => {
  const exponent = 32 * limb + smallestExponent;
  return 2 ** (exponent - Math.trunc(exponent / 2));
});

export class ExactSum {
  readonly #limbs: Float64Array = new Float64Array(limbCount);
  readonly #digits: Float64Array = new Float64Array(limbCount);
  #low: number = limbCount;
  #high = -1;
  #changes = 0;
  #positiveInfinities = 0;
  #negativeInfinities = 0;
  readonly #double: Float64Array = new Float64Array(1);
  readonly #words: Uint32Array = new Uint32Array(this.#double.buffer);

  add(value: number): void {
    this.#change(value, 1);
  }

  subtract(value: number): void {
    this.#change(value, -1);
  }

  /** The sum, rounded once; NaN of infinities of both signs. */
  get value(): number {
    if (this.#positiveInfinities > 0)
      return this.#negativeInfinities > 0 ? Number.NaN : Number.POSITIVE_INFINITY;
    if (this.#negativeInfinities > 0) return Number.NEGATIVE_INFINITY;
    return this.#rounded();
  }

  #change(value: number, sign: number): void {
    if (!Number.isFinite(value)) {
      if (value > 0) this.#positiveInfinities += sign;
      else this.#negativeInfinities += sign;
      return;
    }
    this.#double[0] = value;
    const high = this.#words[1] as number;
    const exponent = (high >>> 20) & 0x7ff;
    const upper = (high & 0xf_ffff) + (exponent === 0 ? 0 : 0x10_0000);
    const lower = this.#words[0] as number;
    if (upper === 0 && lower === 0) return;
    const shift = Math.max(exponent - 1, 0);
    const limb = shift >>> 5;
    const scale = powers[shift & 31] as number;
    const signed = value < 0 ? -sign : sign;
    const first = lower * scale;
    const firstCarry = Math.floor(first / limbBase);
    const second = upper * scale + firstCarry;
    const secondCarry = Math.floor(second / limbBase);
    const limbs = this.#limbs;
    limbs[limb] = (limbs[limb] as number) + signed * (first - firstCarry * limbBase);
    limbs[limb + 1] = (limbs[limb + 1] as number) + signed * (second - secondCarry * limbBase);
    limbs[limb + 2] = (limbs[limb + 2] as number) + signed * secondCarry;
    if (limb < this.#low) this.#low = limb;
    if (limb + 2 > this.#high) this.#high = limb + 2;
    this.#changes += 1;
    if (this.#changes === changesBetweenCarries) this.#carry();
  }

  /** Carries on, so that every limb but the highest is from 0 to below 2^32. */
  #carry(): void {
    this.#changes = 0;
    if (this.#high < limbCount - 1) this.#high += 1;
    let carry = 0;
    for (let limb = this.#low; limb < this.#high; limb += 1) {
      const sum = (this.#limbs[limb] as number) + carry;
      carry = Math.floor(sum / limbBase);
      this.#limbs[limb] = sum - carry * limbBase;
    }
    this.#limbs[this.#high] = (this.#limbs[this.#high] as number) + carry;
  }

  #rounded(): number {
    const sign = this.#takeDigits();
    if (sign === 0) return 0;
    const digits = this.#digits;
    let top = Math.min(this.#high + 2, limbCount - 1);
    while (digits[top] === 0) top -= 1;
    const high = digits[top] as number;
    const middle = top > 0 ? (digits[top - 1] as number) : 0;
    const low = top > 1 ? (digits[top - 2] as number) : 0;
    let hasRest = false;
    for (let limb = this.#low; limb < top - 2 && !hasRest; limb += 1) hasRest = digits[limb] !== 0;
    // One rounding: what is below the last digit only says on which side of a tie the sum is.
    const isWide = high >= 2 ** 21;
    const leading = isWide ? high * limbBase : (high * limbBase + middle) * limbBase;
    const following = isWide ? middle : low;
    const hasMore = hasRest || (isWide && low !== 0);
    const sum = leading + (following + (hasMore ? 0.5 : 0));
    const unit = top - (isWide ? 1 : 2);
    if (unit < 0) return sign * (sum * 2 ** (16 * unit - 537) * 2 ** (16 * unit - 537));
    return sign * (sum * (unitHalves[unit] as number) * (unitRests[unit] as number));
  }

  /** Writes the sum without its sign as digits from 0 to below 2^32; gives the sign. */
  #takeDigits(): number {
    const end = Math.min(this.#high + 2, limbCount - 1);
    if (this.#writeDigits(1, end) >= 0) {
      for (let limb = this.#low; limb <= end; limb += 1) if (this.#digits[limb] !== 0) return 1;
      return 0;
    }
    this.#writeDigits(-1, end);
    return -1;
  }

  /** Gives what is carried beyond the last digit: negative when the sum, times `sign`, is. */
  #writeDigits(sign: number, end: number): number {
    let carry = 0;
    for (let limb = this.#low; limb <= end; limb += 1) {
      const sum = sign * (this.#limbs[limb] as number) + carry;
      carry = Math.floor(sum / limbBase);
      this.#digits[limb] = sum - carry * limbBase;
    }
    return carry;
  }
}
