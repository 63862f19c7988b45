export { createDebug, createLaneDebug, type DebugOptions } from "./debug.ts";
export { configurationOf, redactorOf } from "./shown-options.ts";
