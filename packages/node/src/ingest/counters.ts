/** Totals since the node started. */
export interface IngestCounters {
  /** Samples received, without those that a resume repeats. */
  receivedSamples: number;
  /** Metric names that agents may not send, or for which there was no room. */
  refusedNames: number;
  /** Samples of refused names. */
  refusedSamples: number;
  /** Samples of frames that could not be read to their end. */
  discardedSamples: number;
  /** Samples passed over because packed samples before them are missing. */
  missedSamples: number;
  /** Samples that did not wait for older ones since too many waited already. */
  hurriedSamples: number;
  /** Changes of twins refused for their size. */
  refusedTwinDeltas: number;
  /** Events received, without those that a resume repeats. */
  events: number;
}

export function noCounts(): IngestCounters {
  return {
    receivedSamples: 0,
    refusedNames: 0,
    refusedSamples: 0,
    discardedSamples: 0,
    missedSamples: 0,
    hurriedSamples: 0,
    refusedTwinDeltas: 0,
    events: 0,
  };
}
