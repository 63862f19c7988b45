import type { Engine } from "./engine/index.ts";
import type { IngestOptions } from "./ingest/index.ts";

/** The engine as ingest sees it, noting which metrics are reported. */
export function noteMetrics(engine: Engine, note: (name: string) => void): IngestOptions["engine"] {
  return {
    futureToleranceUs: engine.futureToleranceUs,
    metric: (name) => {
      const index = engine.metric(name);
      note(name);
      return index;
    },
    apply: (slot, part, count, metrics, values, timesUs, nowUs) =>
      engine.apply(slot, part, count, metrics, values, timesUs, nowUs),
    appliedBefore: (slot, part, untilUs) => engine.appliedBefore(slot, part, untilUs),
    event: (slot, part, event, atUs, nowUs) => engine.event(slot, part, event, atUs, nowUs),
    setTwin: (slot, twin, fields, part, atUs, nowUs) =>
      engine.setTwin(slot, twin, fields, part, atUs, nowUs),
    tenancy: (slot) => engine.tenancy(slot),
    timeLine: (slot, part) => engine.timeLine(slot, part),
  };
}
