export type { AgentInsight } from "./agents.ts";
export { idleLoad, type Load, type TopInsight } from "./top.ts";
export { type EnforcementDocument, enforcementDocument } from "./enforcement.ts";
export { createApi, createHealth } from "./api.ts";
export type { DebugSource } from "./debug.ts";
export { createLaneApi } from "./lane-api.ts";
export type { LaneCalls, Lanes } from "./lanes.ts";
export type { ApiOptions } from "./options.ts";
