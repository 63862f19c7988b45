export type { AgentInsight } from "./agents.ts";
export type { Load, TopInsight } from "./top.ts";
export { type EnforcementDocument, enforcementDocument } from "./enforcement.ts";
export { type ApiOptions, createApi, createHealth } from "./api.ts";
