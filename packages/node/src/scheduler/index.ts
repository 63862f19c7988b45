export { Backlog } from "./backlog.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";
