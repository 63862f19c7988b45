/**
 * How often metrics come, as far as that was seen: now and then a frame is looked at, and how long after the agent's last
 * sample of the same metric each of its samples is. A hundred looks a second at the most, so that samples cost nothing.
 *
 * Who is to know of another thread is told: when an interval becomes known, and when it has changed much.
 */
import type { MetricColumn } from "./metric-columns.ts";

const betweenLooksUs = 10_000;
/** Intervals of a metric that are kept; what is told is their median, which pauses and bursts do not move. */
const kept = 7;
const fewest = 3;
/** An interval is told again when it is so many times what was told, or the inverse. */
const muchChanged = 1.5;

/** The latest intervals of a metric. */
interface Seen {
  readonly intervalsUs: number[];
  /** Where the next one goes. */
  next: number;
  /** The look that saw it last: of a frame only the first sample of a metric counts. */
  look: number;
  /** What was told; undefined before. */
  toldUs: number | undefined;
}

/** Is told of an interval; false when it was not heard. */
export type IntervalListener = (metric: MetricColumn, intervalUs: number) => boolean;

export class SamplingIntervals {
  /** The next frame that comes at this time, or later, is to be looked at. */
  dueUs: number = Number.NEGATIVE_INFINITY;
  readonly #columns: readonly MetricColumn[];
  readonly #seen: (Seen | undefined)[] = [];
  readonly #listener: IntervalListener | undefined;
  #look = 0;

  /** @param columns Of all metrics by their indexes; more may come. */
  constructor(columns: readonly MetricColumn[], listener?: IntervalListener) {
    this.#columns = columns;
    this.#listener = listener;
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
      const seen = (this.#seen[metric] ??= newlySeen());
      if (seen.look === this.#look) continue;
      seen.look = this.#look;
      if (!(intervalUs > 0)) continue;
      seen.intervalsUs[seen.next] = intervalUs;
      seen.next = (seen.next + 1) % kept;
      if (this.#listener !== undefined) this.#tell(this.#listener, metric, seen);
    }
  }

  /** Tells as soon as an interval is known, and then looks whether it has changed each time all that is kept is new. */
  #tell(listener: IntervalListener, metric: number, seen: Seen): void {
    if (seen.toldUs !== undefined && seen.next !== 0) return;
    const intervalUs = this.intervalUs(metric);
    const column = this.#columns[metric];
    if (intervalUs === undefined || column === undefined) return;
    const { toldUs } = seen;
    const isMuch =
      toldUs === undefined ||
      intervalUs >= toldUs * muchChanged ||
      intervalUs <= toldUs / muchChanged;
    if (isMuch && listener(column, intervalUs)) seen.toldUs = intervalUs;
  }

  /** About how often a metric comes from an agent, microseconds; undefined where too little was seen. */
  intervalUs(metric: number): number | undefined {
    const { intervalsUs = [] } = this.#seen[metric] ?? {};
    if (intervalsUs.length < fewest) return undefined;
    return intervalsUs.toSorted((a, b) => a - b)[Math.floor(intervalsUs.length / 2)];
  }
}

function newlySeen(): Seen {
  return { intervalsUs: [], next: 0, look: 0, toldUs: undefined };
}
