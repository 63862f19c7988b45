import type { Registry } from "prom-client";
import type { MetricRow, MetricValue } from "./row.ts";
import { type MetricSources, rowsOf } from "./rows.ts";

/** The node's metrics as Prometheus reads them. */
export interface Metrics {
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
}

type Prometheus = typeof import("prom-client");

/**
 * Gathers the node's figures at each reading; nothing is counted twice on the hot path. The library
 * is loaded at the first reading: a node starts 50 ms sooner without it.
 */
export function createMetrics(sources: MetricSources): Metrics {
  let registry: Promise<Registry> | undefined;
  return {
    read: async () => {
      registry ??= import("prom-client").then(({ default: library }) =>
        register(library, rowsOf(sources)),
      );
      const loaded = await registry;
      return { contentType: loaded.contentType, text: await loaded.metrics() };
    },
  };
}

function register(library: Prometheus, rows: readonly MetricRow[]): Registry {
  const registry = new library.Registry();
  library.collectDefaultMetrics({ register: registry });
  for (const { kind, name, help, labelNames = [], read } of rows) {
    const options = { name, help, labelNames: [...labelNames], registers: [registry] };
    if (kind === "gauge") {
      const gauge = new library.Gauge({
        ...options,
        collect: () => {
          gauge.reset();
          for (const [labels, value] of valuesOf(read())) gauge.set(labels, value);
        },
      });
    } else {
      const counter = new library.Counter({
        ...options,
        collect: () => {
          counter.reset();
          for (const [labels, value] of valuesOf(read())) counter.inc(labels, value);
        },
      });
    }
  }
  return registry;
}

function valuesOf(read: number | readonly MetricValue[]): readonly MetricValue[] {
  return typeof read === "number" ? [[{}, read]] : read;
}
