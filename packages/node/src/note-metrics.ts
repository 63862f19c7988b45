import type { Engine } from "./engine/index.ts";
import type { IngestOptions } from "./ingest/index.ts";
import type { Told } from "./recording/index.ts";

/** The engine as ingest sees it, noting which metrics are reported; `told` is the engine, or what records it too. */
export function noteMetrics(
  engine: Engine,
  told: Told,
  note: (name: string) => void,
): IngestOptions["engine"] {
  return {
    futureToleranceUs: engine.futureToleranceUs,
    metric: (name) => {
      const index = told.metric(name);
      note(name);
      return index;
    },
    apply: (slot, part, count, metrics, values, timesUs, nowUs) =>
      told.apply(slot, part, count, metrics, values, timesUs, nowUs),
    appliedBefore: (slot, part, untilUs) => engine.appliedBefore(slot, part, untilUs),
    event: (slot, part, event, atUs, nowUs) => told.event(slot, part, event, atUs, nowUs),
    setTwin: (slot, twin, fields, part, atUs, nowUs) =>
      told.setTwin(slot, twin, fields, part, atUs, nowUs),
    tenancy: (slot) => engine.tenancy(slot),
    timeLine: (slot, part) => engine.timeLine(slot, part),
  };
}
