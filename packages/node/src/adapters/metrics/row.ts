/** A value and what tells it from others of its metric. */
export type MetricValue = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One metric: what it is, and where it is read. Names follow Prometheus: counters end in `_total`, units are base units. */
export interface MetricRow {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly read: () => number | readonly MetricValue[];
}

export function gauge(name: string, help: string, read: () => number): MetricRow {
  return { kind: "gauge", name, help, read };
}

export function counter(name: string, help: string, read: () => number): MetricRow {
  return { kind: "counter", name, help, read };
}

/** A counter with one label, of which each value has a count. */
export function labelled(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [value: string | number, count: number]>,
): MetricRow {
  return {
    kind: "counter",
    name,
    help,
    labelNames: [label],
    read: () => [...read()].map(([value, count]) => [{ [label]: String(value) }, count]),
  };
}
