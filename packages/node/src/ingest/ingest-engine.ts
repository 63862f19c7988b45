import type { Engine } from "../engine/index.ts";

/** The engine, seen from here. */
export type IngestEngine = Pick<
  Engine,
  | "apply"
  | "appliedBefore"
  | "event"
  | "futureToleranceUs"
  | "metric"
  | "setTwin"
  | "tenancy"
  | "timeLine"
>;
