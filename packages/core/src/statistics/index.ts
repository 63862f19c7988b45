export { Histogram, type HistogramSnapshot } from "./histogram.ts";
