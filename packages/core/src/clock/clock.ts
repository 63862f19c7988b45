/** A callback that was asked for and can be called off. */
export interface Timer {
  /** Calls it off; harmless when it has run. */
  cancel(): void;
}

/** Time as the stations and the SDK see it; a port, so that it can be virtual. */
export interface Clock {
  /** Microseconds since the Unix epoch, with fractions; never goes back while the process lives. */
  nowUs(): number;
  /** Calls `callback` once, `delayUs` microseconds from now or somewhat later. */
  schedule(delayUs: number, callback: () => void): Timer;
  /** Calls `callback` in a later turn of the loop, after waiting input had its chance. */
  defer(callback: () => void): void;
}
