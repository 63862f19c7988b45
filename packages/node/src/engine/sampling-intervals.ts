/**
 * How often metrics come, as far as that was seen: now and then a frame is looked at, and how long after the agent's last
 * sample of the same metric each of its samples is. A hundred looks a second at the most, so that samples cost nothing.
 */
import type { MetricColumn } from "./metric-columns.ts";

const betweenLooksUs = 10_000;
/** Intervals of a metric that are kept; what is told is their median, which pauses and bursts do not move. */
const kept = 7;
const fewest = 3;

/** The latest intervals of a metric. */
interface Seen {
  readonly intervalsUs: number[];
  /** Where the next one goes. */
  next: number;
  /** The look that saw it last: of a frame only the first sample of a metric counts. */
  look: number;
}

export class SamplingIntervals {
  /** The next frame that comes at this time, or later, is to be looked at. */
  dueUs: number = Number.NEGATIVE_INFINITY;
  readonly #columns: readonly MetricColumn[];
  readonly #seen: (Seen | undefined)[] = [];
  #look = 0;

  /** @param columns Of all metrics by their indexes; more may come. */
  constructor(columns: readonly MetricColumn[]) {
    this.#columns = columns;
  }

  /** Looks at a frame of an agent before it is applied. */
  look(
    slot: number,
    count: number,
    metrics: Int32Array,
    timesUs: Float64Array,
    nowUs: number,
  ): void {
    this.dueUs = nowUs + betweenLooksUs;
    this.#look += 1;
    for (let index = 0; index < count; index += 1) {
      const metric = metrics[index] as number;
      const beforeUs = this.#columns[metric]?.timesUs[slot] ?? Number.NaN;
      const intervalUs = (timesUs[index] as number) - beforeUs;
      const seen = (this.#seen[metric] ??= { intervalsUs: [], next: 0, look: 0 });
      if (seen.look === this.#look) continue;
      seen.look = this.#look;
      if (!(intervalUs > 0)) continue;
      seen.intervalsUs[seen.next] = intervalUs;
      seen.next = (seen.next + 1) % kept;
    }
  }

  /** About how often a metric comes from an agent, microseconds; undefined where too little was seen. */
  intervalUs(metric: number): number | undefined {
    const { intervalsUs = [] } = this.#seen[metric] ?? {};
    if (intervalsUs.length < fewest) return undefined;
    return intervalsUs.toSorted((a, b) => a - b)[Math.floor(intervalsUs.length / 2)];
  }
}
