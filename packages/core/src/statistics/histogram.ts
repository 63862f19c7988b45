/*
 * A distribution of durations in little memory.
 *
 * Buckets are log-linear: each power of two is divided into 64 equal ones, so that a bucket's middle
 * is within 1/128 of every value in it. A double's bits say the bucket: exponent and top six bits
 * of the mantissa. Only the range of powers that was seen is held.
 */

/** Buckets a power of two is divided into. */
const bucketsPerOctave = 64;
/** Smallest value that is told apart from 0: 2^-10, about a nanosecond where values are microseconds. */
const smallest = 2 ** -10;
/** Largest value that is told apart: just under 2^40. */
const largest = 2 ** 40 * (1 - 2 ** -20);

const scratch = new DataView(new ArrayBuffer(8));

/** Number of a value's bucket, counted over all of a double's range. */
function bucketOf(value: number): number {
  scratch.setFloat64(0, value);
  return scratch.getUint32(0) >>> 14;
}

/** Where a bucket begins. */
function startOf(bucket: number): number {
  scratch.setUint32(0, bucket << 14);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** Middle of a bucket. */
function middleOf(bucket: number): number {
  scratch.setUint32(0, (bucket << 14) | (1 << 13));
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** Key figures of a distribution; NaN where nothing was recorded. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly meanAbsoluteDeviation: number;
}

/** Everything that a histogram holds, as it is copied from one thread to another. */
export interface HistogramState {
  readonly counts: Float64Array;
  /** Bucket of the first of them. */
  readonly first: number;
  readonly zeros: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Counts values by size, with percentiles within 1 %; count, minimum, maximum and mean are exact.
 * Made for microseconds from 2^-10 to 2^40: what is smaller (or negative) counts as 0, what is larger as
 * the largest. Figures of an empty histogram are NaN.
 */
export class Histogram {
  /** Counts of the buckets from `#first` on. */
  #counts = new Float64Array(0);
  #first = 0;
  #zeros = 0;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** A histogram that holds what another one held. */
  static of({ counts, first, zeros, count, sum, min, max }: HistogramState): Histogram {
    const histogram = new Histogram();
    histogram.#counts = counts.slice();
    histogram.#first = first;
    histogram.#zeros = zeros;
    histogram.#count = count;
    histogram.#sum = sum;
    histogram.#min = min;
    histogram.#max = max;
    return histogram;
  }

  /** Everything it holds now. */
  state(): HistogramState {
    return {
      counts: this.#counts.slice(),
      first: this.#first,
      zeros: this.#zeros,
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
    };
  }

  /** Counts a value; what is no number is passed over. */
  record(value: number): void {
    if (Number.isNaN(value)) return;
    const held = value < smallest ? 0 : Math.min(value, largest);
    this.#count++;
    this.#sum += held;
    if (held < this.#min) this.#min = held;
    if (held > this.#max) this.#max = held;
    if (held === 0) {
      this.#zeros++;
      return;
    }
    const bucket = bucketOf(held);
    this.#reserve(bucket, bucket);
    const at = bucket - this.#first;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The smallest value; NaN when there is none. */
  get min(): number {
    return this.#count === 0 ? Number.NaN : this.#min;
  }

  /** The largest value; NaN when there is none. */
  get max(): number {
    return this.#count === 0 ? Number.NaN : this.#max;
  }

  /** The mean of the values as they were recorded; NaN when there is none. */
  get mean(): number {
    return this.#sum / this.#count;
  }

  /** The sum of the values. */
  get sum(): number {
    return this.#sum;
  }

  /** How many values do not exceed each bound, of bounds that ascend; what is above one by less than 1/64 may count too. */
  cumulative(bounds: readonly number[]): number[] {
    const { length } = this.#counts;
    let seen = this.#zeros;
    let at = 0;
    return bounds.map((bound) => {
      for (; at < length && startOf(this.#first + at) <= bound; at++) seen += this.#counts[at] ?? 0;
      return seen;
    });
  }

  /** The smallest value that at least `percent` (0 to 100) of the values do not exceed. */
  percentile(percent: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil((percent * this.#count) / 100 - 1e-9));
    if (rank >= this.#count) return this.#max;
    let seen = this.#zeros;
    if (seen >= rank) return 0;
    for (const [at, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return this.#within(middleOf(this.#first + at));
    }
    return this.#max;
  }

  /** Mean distance of the values from their mean. */
  meanAbsoluteDeviation(): number {
    const { mean } = this;
    let sum = this.#zeros * mean;
    for (const [at, count] of this.#counts.entries()) {
      if (count > 0) sum += count * Math.abs(this.#within(middleOf(this.#first + at)) - mean);
    }
    return sum / this.#count;
  }

  /** Forgets everything. */
  reset(): void {
    this.#counts = new Float64Array(0);
    this.#first = 0;
    this.#zeros = 0;
    this.#count = 0;
    this.#sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
  }

  /** Adds what another one counted. */
  merge(other: Histogram): void {
    this.#zeros += other.#zeros;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    if (other.#counts.length === 0) return;
    this.#reserve(other.#first, other.#first + other.#counts.length - 1);
    const shift = other.#first - this.#first;
    for (const [at, count] of other.#counts.entries()) {
      this.#counts[at + shift] = (this.#counts[at + shift] ?? 0) + count;
    }
  }

  /** The key figures as they are now. */
  snapshot(): HistogramSnapshot {
    return {
      count: this.#count,
      min: this.min,
      max: this.max,
      mean: this.mean,
      p50: this.percentile(50),
      p90: this.percentile(90),
      p99: this.percentile(99),
      p999: this.percentile(99.9),
      meanAbsoluteDeviation: this.meanAbsoluteDeviation(),
    };
  }

  #within(value: number): number {
    return Math.min(Math.max(value, this.#min), this.#max);
  }

  /** Makes room for the buckets `low` to `high`, in whole octaves. */
  #reserve(low: number, high: number): void {
    const { length } = this.#counts;
    if (length > 0 && low >= this.#first && high < this.#first + length) return;
    const firstOctave = Math.floor(
      (length === 0 ? low : Math.min(low, this.#first)) / bucketsPerOctave,
    );
    const lastOctave = Math.floor(Math.max(high, this.#first + length - 1) / bucketsPerOctave);
    const first = firstOctave * bucketsPerOctave;
    const counts = new Float64Array((lastOctave - firstOctave + 1) * bucketsPerOctave);
    counts.set(this.#counts, length === 0 ? 0 : this.#first - first);
    this.#counts = counts;
    this.#first = first;
  }
}
