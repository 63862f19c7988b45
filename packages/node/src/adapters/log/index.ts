export { createLog, type LogOptions } from "./log.ts";
export { logNotice } from "./notice-log.ts";
export { recentLines } from "./recent.ts";
