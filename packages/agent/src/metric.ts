import type { ReportOptions } from "./report-options.ts";

/** How a metric is reported. */
export interface MetricOptions {
  /**
   * How far off the node may have its values, in the metric's unit; 0 for not at all. A node that
   * reads compact forms then gets the metric in about a byte a sample.
   */
  readonly tolerance?: number;
}

/** One metric of an agent. */
export class Metric {
  /** As rules read it. */
  readonly name: string;
  readonly #report: (value: number, options: ReportOptions | undefined) => void;

  /** Made by `agent.metric(name)`. */
  constructor(name: string, report: (value: number, options: ReportOptions | undefined) => void) {
    this.name = name;
    this.#report = report;
  }

  /** Reports a sample of the metric. @throws MyelinError INVALID_ARGUMENT for what is no number */
  report(value: number, options?: ReportOptions): void {
    this.#report(value, options);
  }
}
