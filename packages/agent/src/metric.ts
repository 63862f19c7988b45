import type { ReportOptions } from "./report-options.ts";

/** One metric of an agent. */
export class Metric {
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
