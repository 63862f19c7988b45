import type { Histogram } from "@myelin/core/statistics";

/** What tells a value from others of its metric. */
export type Labels = Readonly<Record<string, string>>;

/** A value and its labels. */
export type MetricValue = readonly [labels: Labels, value: number];

/** A distribution and its labels; of durations in microseconds. */
export type MetricDistribution = readonly [labels: Labels, distribution: Histogram];

interface Named {
  readonly name: string;
  readonly help: string;
}

/** A number that is read at each scrape; undefined where it is not known. */
export interface NumberRow extends Named {
  readonly kind: "counter" | "gauge";
  readonly read: () => number | undefined | readonly MetricValue[];
}

/** Durations, shown in seconds. */
export interface HistogramRow extends Named {
  readonly kind: "histogram";
  readonly read: () => readonly MetricDistribution[];
}

/** One metric: what it is, and where it is read. Names follow Prometheus: counters end in `_total`, units are base units. */
export type MetricRow = NumberRow | HistogramRow;

export function gauge(name: string, help: string, read: NumberRow["read"]): MetricRow {
  return { kind: "gauge", name, help, read };
}

export function counter(name: string, help: string, read: NumberRow["read"]): MetricRow {
  return { kind: "counter", name, help, read };
}

export function histogram(name: string, help: string, read: HistogramRow["read"]): MetricRow {
  return { kind: "histogram", name, help, read };
}

/** A counter with one label, of which each value has a count. */
export function labelled(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [value: string | number, count: number]>,
): MetricRow {
  return counter(name, help, () => valuesBy(label, read()));
}

/** Values with one label. */
export function valuesBy(
  label: string,
  values: Iterable<readonly [value: string | number, number: number]>,
): MetricValue[] {
  return [...values].map(([value, number]) => [{ [label]: String(value) }, number]);
}
