export { Backlog } from "./backlog.ts";
export { Overload } from "./overload.ts";
export { type OverloadFigures, Scheduler, type SchedulerOptions } from "./scheduler.ts";
