export { Histogram, type HistogramSnapshot, type HistogramState } from "./histogram.ts";
