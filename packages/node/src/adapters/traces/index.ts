export { traceLog } from "./trace-log.ts";
export { openTraces, type TraceOptions, type Traces } from "./traces.ts";
