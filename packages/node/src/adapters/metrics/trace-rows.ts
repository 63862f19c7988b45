import { counter, labelled, type MetricRow } from "./row.ts";
import type { MetricSources } from "./sources.ts";

/** Traces of instructions; nothing where nobody asked for them. */
export function traceRows({ traces }: MetricSources): MetricRow[] {
  if (traces === undefined) return [];
  return [
    counter(
      "myelin_traces_exported_total",
      "Traces of instructions that the collector took",
      () => traces.figures.exported,
    ),
    labelled(
      "myelin_traces_dropped_total",
      "Traces given up: too many waited, or the collector did not take them",
      "reason",
      () => Object.entries(traces.figures.dropped),
    ),
  ];
}
