/** Figures of one agent since it was made. */
export interface AgentStatistics {
  /** Samples given up for want of room. */
  readonly droppedSamples: number;
  /** Events given up for want of room. */
  readonly droppedEvents: number;
  /** Telemetry kept until it is sent and confirmed, in bytes. */
  readonly bufferedBytes: number;
  /** How often the connection was live again. */
  readonly reconnects: number;
  /** Handlers that run. */
  readonly runningInstructions: number;
  /** Least round-trip time of late; undefined before the first welcome. */
  readonly rttUs: number | undefined;
  /** Node's clock minus the agent's; 0 before the first welcome. */
  readonly offsetUs: number;
}
