export type { AgentInsight } from "./agents.ts";
export { type ApiOptions, createApi } from "./api.ts";
