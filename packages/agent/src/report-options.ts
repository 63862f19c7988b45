/** When something was observed. */
export interface ReportOptions {
  /** Microseconds since the Unix epoch; now by default. */
  readonly timeUs?: number;
}
