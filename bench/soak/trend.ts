/** How a series of values goes on over time: the line of least squares through it. */
export interface Trend {
  readonly mean: number;
  /** Change an hour. */
  readonly perHour: number;
  /** With a probability of 95 % the change is within so much of that. */
  readonly withinPerHour: number;
}

/** One value and when it was, in hours. */
export interface Point {
  readonly atHours: number;
  readonly value: number;
}

/**
 * The trend of at least four points. What one value has in common with the next widens the interval, by their
 * correlation: (1 + r) / (1 - r) times the variance (Bayley and Hammersley, 1946, for a long series).
 */
export function trendOf(points: readonly Point[]): Trend {
  const count = points.length;
  const meanOf = (numbers: readonly number[]): number =>
    numbers.reduce((sum, number) => sum + number, 0) / count;
  const atMean = meanOf(points.map(({ atHours }) => atHours));
  const mean = meanOf(points.map(({ value }) => value));
  let spread = 0;
  let together = 0;
  for (const { atHours, value } of points) {
    spread += (atHours - atMean) ** 2;
    together += (atHours - atMean) * (value - mean);
  }
  const perHour = together / spread;
  const rests = points.map(({ atHours, value }) => value - mean - perHour * (atHours - atMean));
  let squares = 0;
  let neighbours = 0;
  for (const [at, rest] of rests.entries()) {
    squares += rest ** 2;
    neighbours += rest * (rests[at - 1] ?? 0);
  }
  const correlation = squares === 0 ? 0 : Math.min(0.95, Math.max(0, neighbours / squares));
  const variance = (squares / (count - 2) / spread) * ((1 + correlation) / (1 - correlation));
  return { mean, perHour, withinPerHour: quantile(count - 2) * Math.sqrt(variance) };
}

/** Of Student's distribution, for 95 % on both sides together; within 4 % from three degrees of freedom on. */
function quantile(degrees: number): number {
  return 1.96 + 2.37 / degrees + 2.8 / degrees ** 2;
}
