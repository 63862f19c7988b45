export { createLog, type LogOptions } from "./adapters/log/index.ts";
export { type NodeOptions, type RunningNode, startNode } from "./main.ts";
export { defaultSessionSettings, type SessionSettings } from "./session/index.ts";
export { type ArcSettings, defaultArcSettings } from "./settings.ts";
export { nodeVersion } from "./version.ts";
