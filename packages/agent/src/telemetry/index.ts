export type { Batch, QueuedBatch } from "./buffer.ts";
export { Telemetry, type TelemetryOptions } from "./telemetry.ts";
