/** Bounds and rhythms of sessions. */
export interface SessionSettings {
  /** Both sides send a ping this often. */
  readonly heartbeatIntervalUs: number;
  /** How long a session without a connection can be resumed. */
  readonly resumeWindowUs: number;
  /** A connection that never says hello ends after this. */
  readonly helloTimeoutUs: number;
  /** A connection on which nothing was heard for this long counts as broken. */
  readonly deadConnectionUs: number;
  /** Most sessions, live and away; one beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxSessions: number;
  /** Most connections, greeting and carrying; one beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxConnections: number;
  /** A larger frame from an agent ends its session with PAYLOAD_TOO_LARGE. */
  readonly maxFrameBytes: number;
  /** Most metric names in one session. */
  readonly maxMetrics: number;
  /** Most instructions sent to one part of an agent and not ended; more wait for its turn. */
  readonly maxOutstanding: number;
  /** A frame towards an agent is cut when it has reached this. */
  readonly outboundFrameBytes: number;
  /** Outbound bytes above which pings and pongs towards the agent are shed. */
  readonly softOutboundBytes: number;
  /** Outbound bytes above which the session ends with SLOW_READER. */
  readonly hardOutboundBytes: number;
  /** Most frames a second of one agent, over all its connections; an agent beyond is told to hold its telemetry. */
  readonly maxFramesPerSecond: number;
  /** Most samples a second of one agent, over all its connections; an agent beyond is told to hold its telemetry. */
  readonly maxSamplesPerSecond: number;
  /** Most events and changes of state a second of one agent, over all its connections; an agent beyond is told to hold its telemetry. */
  readonly maxEventsPerSecond: number;
  /** Most bytes a second of one agent, over all its connections; an agent beyond is told to hold its telemetry. */
  readonly maxBytesPerSecond: number;
  /** What of these rates may come at once, as the time in which it is earned; who is two of it ahead is not read. */
  readonly rateBurstUs: number;
  /** Inbound bytes of one connection that are handled at once; what comes faster than the rate below is bulk. */
  readonly inlineBurstBytes: number;
  /** Inbound bytes a second of one connection that are handled at once. */
  readonly inlineBytesPerSecond: number;
  /** Time that bulk intake may take in one turn of the loop. */
  readonly bulkQuantumUs: number;
  /** Bulk of all connections that is read ahead of being handled; beyond, bulk is left in the network. */
  readonly bulkAheadBytes: number;
  /** Inbound bytes of one connection that may wait as bulk; beyond, its session ends with RESOURCE_EXHAUSTED. */
  readonly maxBacklogBytes: number;
  /** Inbound bytes of all connections that may wait as bulk; beyond, who sent the last ends with RESOURCE_EXHAUSTED. */
  readonly maxBulkBytes: number;
}

/** The bounds that hold unless others are given; `docs/limits.md` has them. */
export const defaultSessionSettings: SessionSettings = {
  heartbeatIntervalUs: 500_000,
  resumeWindowUs: 30_000_000,
  helloTimeoutUs: 10_000_000,
  deadConnectionUs: 10_000_000,
  maxSessions: 100_000,
  maxConnections: 110_000,
  maxFrameBytes: 1 << 20,
  maxMetrics: 4096,
  maxOutstanding: 64,
  outboundFrameBytes: 256 << 10,
  softOutboundBytes: 256 << 10,
  hardOutboundBytes: 4 << 20,
  maxFramesPerSecond: 20_000,
  maxSamplesPerSecond: 1_000_000,
  maxEventsPerSecond: 10_000,
  maxBytesPerSecond: 16 << 20,
  rateBurstUs: 1_000_000,
  inlineBurstBytes: 16 << 10,
  inlineBytesPerSecond: 1 << 20,
  bulkQuantumUs: 300,
  bulkAheadBytes: 256 << 10,
  maxBacklogBytes: 4 << 20,
  maxBulkBytes: 256 << 20,
};

/** The node as its welcome names it. */
export interface NodeIdentity {
  readonly id: string;
  readonly tier: string;
  readonly version: string;
}
