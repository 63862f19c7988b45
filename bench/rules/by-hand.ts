/**
 * The same arithmetic as the rules', written by hand for just that: what it costs to know the answer, without time
 * lines, late samples, unknown values, episodes and changes of the rules. The floor of `rules`.
 */
import { type Case, forUs, groups, lowThreshold, quantile, threshold, windowUs } from "./cases.ts";

/** Samples of one agent: `metrics[i]` counts from 0. */
export interface Frame {
  readonly metrics: Int32Array;
  readonly values: Float64Array;
  readonly timesUs: Float64Array;
}

/** Takes a frame of the agent in a slot; gives how often a rule has fired so far, so that nothing is left out. */
export type Apply = (slot: number, frame: Frame) => number;

/** The loop for a case. */
export function byHand(what: Case): Apply {
  switch (what.byHand) {
    case "threshold":
      return thresholdByHand(what);
    case "for":
      return forByHand(what);
    case "average":
      return averageByHand(what);
    case "quantile":
      return quantileByHand(what);
    case "fleet":
      return fleetByHand(what);
  }
}

/** For each metric a number for each agent. */
function perSeries({ metrics, agents }: Case): readonly Float64Array[] {
  return Array.from({ length: metrics }, () => new Float64Array(agents));
}

function thresholdByHand(what: Case): Apply {
  const { agents } = what;
  const [latest, timesUs] = [perSeries(what), perSeries(what)];
  const readers = Math.min(what.conditions.length, what.metrics * what.rulesPerMetric);
  const rules = Float64Array.from(
    { length: readers },
    (_, at) => threshold + (at % what.rulesPerMetric),
  );
  const isFiring = Array.from({ length: readers }, () => new Uint8Array(agents));
  let firings = 0;
  return (slot, frame) => {
    for (let at = 0; at < frame.values.length; at += 1) {
      const metric = frame.metrics[at] as number;
      const value = frame.values[at] as number;
      (latest[metric] as Float64Array)[slot] = value;
      (timesUs[metric] as Float64Array)[slot] = frame.timesUs[at] as number;
      const end = Math.min((metric + 1) * what.rulesPerMetric, readers);
      for (let rule = metric * what.rulesPerMetric; rule < end; rule += 1) {
        const states = isFiring[rule] as Uint8Array;
        const isHot = value > (rules[rule] as number) ? 1 : 0;
        if (isHot === 1 && states[slot] === 0) firings += 1;
        states[slot] = isHot;
      }
    }
    return firings;
  };
}

function forByHand(what: Case): Apply {
  const [latest, timesUs, sinceUs] = [perSeries(what), perSeries(what), perSeries(what)];
  let firings = 0;
  return (slot, frame) => {
    for (let at = 0; at < frame.values.length; at += 1) {
      const metric = frame.metrics[at] as number;
      const value = frame.values[at] as number;
      const timeUs = frame.timesUs[at] as number;
      (latest[metric] as Float64Array)[slot] = value;
      (timesUs[metric] as Float64Array)[slot] = timeUs;
      const since = sinceUs[metric] as Float64Array;
      if (!(value > lowThreshold)) since[slot] = 0;
      else if (since[slot] === 0) since[slot] = timeUs;
      else if (timeUs - (since[slot] as number) >= forUs) firings += 1;
    }
    return firings;
  };
}

/** The samples of one series in the window, oldest first. */
class Ring {
  readonly values: Float64Array;
  readonly timesUs: Float64Array;
  first = 0;
  count = 0;

  constructor(intervalUs: number) {
    const capacity = Math.ceil(windowUs / intervalUs) + 1;
    this.values = new Float64Array(capacity);
    this.timesUs = new Float64Array(capacity);
  }

  push(value: number, timeUs: number): void {
    const { length } = this.values;
    const at = (this.first + this.count) % length;
    this.values[at] = value;
    this.timesUs[at] = timeUs;
    this.count += 1;
  }

  /** Whether the oldest has left the window. */
  isOver(nowUs: number): boolean {
    return this.count > 0 && (this.timesUs[this.first] as number) <= nowUs - windowUs;
  }

  shift(): number {
    const value = this.values[this.first] as number;
    this.first = (this.first + 1) % this.values.length;
    this.count -= 1;
    return value;
  }
}

function rings({ agents, metrics, intervalUs }: Case): readonly Ring[] {
  return Array.from({ length: metrics * agents }, () => new Ring(intervalUs));
}

function averageByHand(what: Case): Apply {
  const { agents } = what;
  const series = rings(what);
  const sums = new Float64Array(what.metrics * agents);
  let firings = 0;
  return (slot, frame) => {
    for (let at = 0; at < frame.values.length; at += 1) {
      const key = (frame.metrics[at] as number) * agents + slot;
      const value = frame.values[at] as number;
      const timeUs = frame.timesUs[at] as number;
      const ring = series[key] as Ring;
      let sum = (sums[key] as number) + value;
      while (ring.isOver(timeUs)) sum -= ring.shift();
      ring.push(value, timeUs);
      sums[key] = sum;
      if (sum / ring.count > lowThreshold) firings += 1;
    }
    return firings;
  };
}

/** Values in order, in an array that is moved at each change: with some hundred of them nothing is faster. */
class Sorted {
  readonly values: Float64Array;
  count = 0;

  constructor(intervalUs: number) {
    this.values = new Float64Array(Math.ceil(windowUs / intervalUs) + 1);
  }

  add(value: number): void {
    const at = this.#placeOf(value);
    this.values.copyWithin(at + 1, at, this.count);
    this.values[at] = value;
    this.count += 1;
  }

  remove(value: number): void {
    const at = this.#placeOf(value);
    this.values.copyWithin(at, at + 1, this.count);
    this.count -= 1;
  }

  quantile(): number {
    const rank = quantile * (this.count - 1);
    const low = Math.floor(rank);
    const value = this.values[low] as number;
    return low === rank ? value : value + (rank - low) * ((this.values[low + 1] as number) - value);
  }

  #placeOf(value: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.values[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function quantileByHand(what: Case): Apply {
  const { agents } = what;
  const series = rings(what);
  const orders = series.map(() => new Sorted(what.intervalUs));
  let firings = 0;
  return (slot, frame) => {
    for (let at = 0; at < frame.values.length; at += 1) {
      const key = (frame.metrics[at] as number) * agents + slot;
      const value = frame.values[at] as number;
      const timeUs = frame.timesUs[at] as number;
      const ring = series[key] as Ring;
      const sorted = orders[key] as Sorted;
      while (ring.isOver(timeUs)) sorted.remove(ring.shift());
      ring.push(value, timeUs);
      sorted.add(value);
      if (sorted.quantile() > 1) firings += 1;
    }
    return firings;
  };
}

/** With the agents of a group as those of a number modulo {@link groups}. */
function fleetByHand(what: Case): Apply {
  const [latest, timesUs] = [perSeries(what), perSeries(what)];
  const sums = new Float64Array(what.metrics * groups);
  const members = what.agents / groups;
  let firings = 0;
  return (slot, frame) => {
    for (let at = 0; at < frame.values.length; at += 1) {
      const metric = frame.metrics[at] as number;
      const value = frame.values[at] as number;
      const values = latest[metric] as Float64Array;
      const group = metric * groups + (slot % groups);
      const sum = (sums[group] as number) + value - (values[slot] as number);
      sums[group] = sum;
      values[slot] = value;
      (timesUs[metric] as Float64Array)[slot] = frame.timesUs[at] as number;
      if (sum / members > lowThreshold) firings += 1;
    }
    return firings;
  };
}
