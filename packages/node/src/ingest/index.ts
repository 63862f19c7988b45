/** Ingest: from a session's frames to the engine's columns and twins. */
export type { IngestCounters } from "./counters.ts";
export { Ingest, type IngestOptions, type IntakeRequest } from "./ingest.ts";
export { mergePatch } from "./merge-patch.ts";
export { SessionIntake } from "./session-intake.ts";
export { noCounts } from "./counters.ts";
export { HeldBack, type HeldBackOptions } from "./held-back.ts";
