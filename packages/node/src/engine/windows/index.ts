/** Windows over the samples of a metric, or over events, kept by difference. */
export { AggregateWindow } from "./aggregate-window.ts";
export { BlockPool } from "./block-pool.ts";
export { type WindowReading, windowForm, windowReadings } from "./functions.ts";
export { QuantileWindow } from "./quantile-window.ts";
export { type LogReader, SeriesLog } from "./series-log.ts";
export { WindowSpan } from "./window-span.ts";
