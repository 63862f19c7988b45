/** Totals since the engine was made. */
export interface EngineCounters {
  /** Samples handed to `apply` and `observe`. */
  samples: number;
  /** Samples dropped as late. */
  late: number;
  /** Samples refused because they were too far ahead of the node's clock. */
  future: number;
  /** Samples refused because there was no room for another series. */
  refused: number;
  /** Evaluations of rules for agents; one that a sample cannot concern counts for each such sample. */
  evaluations: number;
  /** Instructions decided. */
  firings: number;
}

export function noCounts(): EngineCounters {
  return { samples: 0, late: 0, future: 0, refused: 0, evaluations: 0, firings: 0 };
}
