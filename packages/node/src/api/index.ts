export type { AgentInsight } from "./agents.ts";
export { idleLoad, type Load, type TopInsight } from "./top.ts";
export { type EnforcementDocument, enforcementDocument } from "./enforcement.ts";
export { type ApiOptions, createApi, createHealth } from "./api.ts";
