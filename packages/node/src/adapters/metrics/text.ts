/**
 * Metrics in Prometheus' text format, version 0.0.4. It has classic histograms only: native ones need the format in
 * protobuf.
 */
import type { Histogram } from "@myelin/core/statistics";
import type { Labels, MetricRow } from "./row.ts";

/** The content type that a scraper is told. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8";

/** Bounds of the buckets of durations, microseconds: three to a decade. */
const boundsUs: readonly number[] = [
  10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6,
  1e7, 3e7, 6e7,
];

/** One metric as it is written; empty where nothing is known of it. */
export function textOf(row: MetricRow): string {
  const samples = [...samplesOf(row)];
  if (samples.length === 0) return "";
  const { name, help, kind } = row;
  const head = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${kind}\n`;
  return `${head}${samples.join("\n")}\n`;
}

function* samplesOf(row: MetricRow): Generator<string, void> {
  const { name } = row;
  if (row.kind === "histogram") {
    for (const [labels, distribution] of row.read()) yield* bucketsOf(name, labels, distribution);
    return;
  }
  const read = row.read();
  if (read === undefined) return;
  if (typeof read === "number") yield sample(name, {}, read);
  else for (const [labels, value] of read) yield sample(name, labels, value);
}

function* bucketsOf(name: string, labels: Labels, durations: Histogram): Generator<string, void> {
  const { count, sum } = durations;
  for (const [at, below] of durations.cumulative(boundsUs).entries()) {
    const le = String((boundsUs[at] ?? 0) / 1e6);
    yield sample(`${name}_bucket`, { ...labels, le }, below);
  }
  yield sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
  yield sample(`${name}_sum`, labels, sum / 1e6);
  yield sample(`${name}_count`, labels, count);
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberOf(value)}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
