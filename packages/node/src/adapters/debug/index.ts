export { createDebug, type DebugOptions } from "./debug.ts";
