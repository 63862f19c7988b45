export { createMetrics, type Metrics } from "./metrics.ts";
export { Refusals } from "./refusals.ts";
export type { MetricSources } from "./sources.ts";
