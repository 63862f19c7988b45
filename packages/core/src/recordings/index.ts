/** Recordings: what nodes told their rules, and telemetry that people have as text. */
import { Csv } from "./csv.ts";
import { JsonLines } from "./json-lines.ts";
import { TelemetryReader } from "./telemetry-reader.ts";

export { defaultAttributes } from "./attributes.ts";
export type { DataProblem } from "./data-problem.ts";
export type { Behind } from "./frames.ts";
export type { Recorded, RecordedSample } from "./recorded.ts";
export type { TelemetryReader } from "./telemetry-reader.ts";

/** A reader of CSV. */
export function csvReader(): TelemetryReader {
  return new TelemetryReader((telling) => new Csv(telling));
}

/** A reader of JSON lines. */
export function jsonLinesReader(): TelemetryReader {
  return new TelemetryReader((telling) => new JsonLines(telling));
}
