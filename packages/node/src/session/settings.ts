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
  /** Most sessions, live and away. */
  readonly maxSessions: number;
  readonly maxFrameBytes: number;
  /** Most metric names in one session. */
  readonly maxMetrics: number;
  /** Most instructions sent to one agent and not ended. */
  readonly maxOutstanding: number;
  /** Outbound bytes above which telemetry towards the agent is shed. */
  readonly softOutboundBytes: number;
  /** Outbound bytes above which the session ends with SLOW_READER. */
  readonly hardOutboundBytes: number;
  /** Inbound bytes of one connection handled at once in one turn of the loop; the rest is bulk. */
  readonly inlineBytesPerTurn: number;
  /** Time that bulk intake may take in one turn of the loop. */
  readonly bulkQuantumUs: number;
}

export const defaultSessionSettings: SessionSettings = {
  heartbeatIntervalUs: 500_000,
  resumeWindowUs: 30_000_000,
  helloTimeoutUs: 10_000_000,
  deadConnectionUs: 10_000_000,
  maxSessions: 100_000,
  maxFrameBytes: 1 << 20,
  maxMetrics: 4096,
  maxOutstanding: 64,
  softOutboundBytes: 256 << 10,
  hardOutboundBytes: 4 << 20,
  inlineBytesPerTurn: 16 << 10,
  bulkQuantumUs: 300,
};

/** The node as its welcome names it. */
export interface NodeIdentity {
  readonly id: string;
  readonly tier: string;
  readonly version: string;
}
