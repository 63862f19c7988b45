export { type DemoOptions, runDemo } from "./demo.ts";
export { jsonTimeline, readableTimeline } from "./timeline.ts";
