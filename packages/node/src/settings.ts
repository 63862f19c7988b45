/** Bounds of a node, with what happens at each. */
export interface ArcSettings {
  /** Most agents known, present and gone; a newcomer beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxAgents: number;
  /** Most agents present at once; a newcomer beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxPresentAgents: number;
  /** Most parts of one agent; one beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxParts: number;
  /** Most metric names in the node; samples of one beyond are refused and counted. */
  readonly maxMetrics: number;
  /** Samples further ahead of the node's clock are refused and counted. */
  readonly futureToleranceUs: number;
  /** Samples wait so long for older ones, and are applied in order; it adds to the latency of all that rules decide. */
  readonly latenessUs: number;
  /** Most samples that wait for older ones; when one more comes those of its agent wait no longer, and are counted. */
  readonly maxHeldSamples: number;
  /** A window with more samples passes to buckets, and its quantiles to a sketch. */
  readonly windowSamples: number;
  /** How old a latest value may be to count in a fleet or a group. */
  readonly staleAfterUs: number;
  /** The log of windows is not made anew while it is shorter; beyond, once it is twice as long as what it tells. */
  readonly leastHistoryBytes: number;
  /** Most rules in force; an application beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxRules: number;
  /** Most instructions of rules open, and as many by hand; callers beyond are refused, decisions of rules beyond are shed and accounted. */
  readonly maxOpenInstructions: number;
  /** Most episodes kept for the node's next start; of one beyond the agent keeps the outcome itself, and it is counted. */
  readonly maxEpisodes: number;
  /** After its start the node waits this long for other parts of an agent that was there before, with rules whose action they may have begun. */
  readonly partsWaitUs: number;
  /** Most instructions of rules in the scheduler's queue; beyond, the lowest score is shed and accounted. */
  readonly maxQueued: number;
  /** The same while the node is overloaded and sheds. */
  readonly maxQueuedOverloaded: number;
  /** A load above this percentage of what the node can do is overload; a number that is never reached turns it off. */
  readonly overloadPercent: number;
  /** Overload is over when the load is below this percentage. */
  readonly reliefPercent: number;
  /** The load is looked at this often; a look may go one step back, each fifth one step further. */
  readonly overloadIntervalUs: number;
  /** A delay of the loop that counts as full load. */
  readonly fullDelayUs: number;
  /** Bytes waiting to be taken by agents that count as full load. */
  readonly fullOutboundBytes: number;
  /** Instructions whose score is below this percentage are delayed while the node is overloaded. */
  readonly delayBelowPercent: number;
  /** Longest time for which they are delayed; half of an instruction's sla or deadline where that is shorter. */
  readonly maxDelayUs: number;
  /** Time in which age raises the score of a waiting instruction by 1, up to that percentage. */
  readonly ageingUs: number;
  /** Executions after which the weights of the score move; a number that is never reached keeps them. */
  readonly weightsEvery: number;
  /** Most instructions of rules that wait for one part, or for an agent that is away; beyond, the lowest score is shed and accounted. */
  readonly maxWaiting: number;
  /** Bytes of instructions written in one turn of the loop; the rest goes in the next. */
  readonly turnBudgetBytes: number;
  /** Failures in a row that open the breaker over a part of an agent. */
  readonly breakerFailures: number;
  /** How long that breaker stays open before it lets one instruction try. */
  readonly breakerOpenUs: number;
  /** How long after its timeout an instruction may still be answered. */
  readonly answerGraceUs: number;
  /** An instruction without any answer is sent again after this. */
  readonly resendAfterUs: number;
  /** Most who watch the node at once; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxWatchers: number;
  /** Most events kept for those who watch; who is further behind is told what was lost. */
  readonly maxWatchEvents: number;
  /** Most memory of the events kept, by an estimate; who is further behind is told what was lost. */
  readonly maxWatchBytes: number;
  /** Bytes towards one watcher that the network has not taken; beyond, the events kept are its buffer. */
  readonly watcherBytes: number;
  /** A sign of life is sent this often; who has taken nothing for two of them is cut off with SLOW_READER. */
  readonly watchKeepAliveUs: number;
  /** How long events are kept after the last watcher left. */
  readonly watchLingerUs: number;
  /** How long ledger entries are collected before they are written. */
  readonly ledgerGroupDelayUs: number;
}

/** The bounds that hold unless others are given; `docs/limits.md` has them. */
export const defaultArcSettings: ArcSettings = {
  maxAgents: 100_000,
  maxPresentAgents: 100_000,
  maxParts: 8,
  maxMetrics: 10_000,
  futureToleranceUs: 60_000_000,
  latenessUs: 0,
  maxHeldSamples: 262_144,
  windowSamples: 1024,
  staleAfterUs: 30_000_000,
  leastHistoryBytes: 16 << 20,
  maxRules: 10_000,
  maxOpenInstructions: 65_536,
  maxEpisodes: 262_144,
  partsWaitUs: 6_000_000,
  maxQueued: 65_536,
  maxQueuedOverloaded: 4096,
  overloadPercent: 80,
  reliefPercent: 70,
  overloadIntervalUs: 100_000,
  fullDelayUs: 50_000,
  fullOutboundBytes: 64 << 20,
  delayBelowPercent: 50,
  maxDelayUs: 100_000,
  ageingUs: 5_000_000,
  weightsEvery: 1000,
  maxWaiting: 1024,
  turnBudgetBytes: 256 << 10,
  breakerFailures: 5,
  breakerOpenUs: 10_000_000,
  answerGraceUs: 2_000_000,
  resendAfterUs: 2_000_000,
  ledgerGroupDelayUs: 1000,
  maxWatchers: 64,
  maxWatchEvents: 16_384,
  maxWatchBytes: 64 << 20,
  watcherBytes: 1 << 20,
  watchKeepAliveUs: 15_000_000,
  watchLingerUs: 30_000_000,
};
