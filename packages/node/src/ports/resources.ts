/** What of the machine the node uses, as shares of what it may: 1 is all of it. */
export interface ResourceUse {
  /** Share of the time since the last reading in which the loop worked. */
  readonly loopShare: number;
  /** Memory in use, of what the process may have. */
  readonly memoryShare: number;
}

/** Measures what the node uses. */
export interface Resources {
  /** Use since the last reading, for the loop, and now, for memory. Cheap enough for ten readings a second. */
  read(): ResourceUse;
}
