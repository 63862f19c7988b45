/** Bounds of what a node listens on, with what happens at each. */
export interface HttpBounds {
  /** Most connections over TCP, WebSocket and HTTP together, and as many over the Unix socket; one beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxSockets: number;
  /** Most connections within their TLS handshake, beyond those; one more ends. */
  readonly maxHandshakes: number;
  /** A TLS handshake that takes longer ends its connection. */
  readonly handshakeWithinUs: number;
  /** A request that is not whole by then ends its connection. */
  readonly requestWithinUs: number;
  /** Larger headers of a request are refused with PAYLOAD_TOO_LARGE. */
  readonly maxHeaderBytes: number;
  /** A larger body of a request is refused with PAYLOAD_TOO_LARGE. */
  readonly maxBodyBytes: number;
  /** Bodies held at once; one beyond is refused with RESOURCE_EXHAUSTED. */
  readonly maxHeldBodiesBytes: number;
  /** Most requests on one connection that are not answered yet; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxPipelined: number;
}

/** The bounds that hold unless others are given; `docs/limits.md` has them. */
export const defaultHttpBounds: HttpBounds = {
  maxSockets: 60_000,
  maxHandshakes: 256,
  handshakeWithinUs: 10_000_000,
  requestWithinUs: 15_000_000,
  maxHeaderBytes: 16 << 10,
  maxBodyBytes: 4 << 20,
  maxHeldBodiesBytes: 128 << 20,
  maxPipelined: 16,
};

/** Bounds of what a node keeps on disk, with what happens at each. */
export interface StorageBounds {
  /** Most tokens kept; one that has ended makes room, else one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxTokens: number;
  /** Most instructions by hand kept, open and ended; the oldest ended go, else one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxInstructions: number;
  /** How long ended instructions by hand are kept. */
  readonly instructionRetentionUs: number;
  /** Most operations waiting for the disk; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxQueuedOperations: number;
  /** Most ledger entries in memory while the disk does not take them; beyond, the oldest are dropped and counted. */
  readonly maxBufferedEntries: number;
  /** Days for which the ledger is kept; older files are deleted. */
  readonly ledgerRetentionDays: number;
  /** Most that the ledger takes on disk; beyond, the oldest days are deleted, of today alone its oldest hundredth. */
  readonly ledgerMaxBytes: number;
  /** Most that the recording takes on disk, of all lanes together; beyond, its oldest sixteenth goes. */
  readonly recordingMaxBytes: number;
}

/** The bounds that hold unless others are given; `docs/limits.md` has them. */
export const defaultStorageBounds: StorageBounds = {
  maxTokens: 10_000,
  maxInstructions: 1_000_000,
  instructionRetentionUs: 7 * 86_400e6,
  maxQueuedOperations: 10_000,
  maxBufferedEntries: 100_000,
  ledgerRetentionDays: 7,
  ledgerMaxBytes: 2 * 2 ** 30,
  recordingMaxBytes: 2 ** 30,
};
