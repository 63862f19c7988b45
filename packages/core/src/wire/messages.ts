import type { JsonObject, JsonValue } from "../json/index.ts";

/** One action a part handles. */
export interface Action {
  readonly name: string;
  /** True when performing it twice does no harm. */
  readonly isIdempotent: boolean;
}

/** Name and version of an SDK. */
export interface Sdk {
  readonly name: string;
  readonly version: string;
}

/** Continues a session after its connection broke. */
export interface Resume {
  readonly sessionId: string;
  readonly resumeToken: string;
}

/** A part of an agent joins a node, anew or by resuming a session. */
export interface Hello {
  readonly protocolVersion: number;
  readonly agentId: string;
  readonly agentType: string;
  readonly part: string;
  readonly incarnation: string;
  readonly tier: string;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly actions: readonly Action[];
  readonly sdk?: Sdk;
  /** Empty where the node asks for none. */
  readonly token: string;
  readonly resume?: Resume;
  /** What became of recent instructions that the node has not settled yet. */
  readonly outcomes: readonly Acknowledgement[];
  /** Agent's clock when this hello was sent, microseconds since the epoch. */
  readonly sentAtUs: number;
  readonly timeLine: string;
  /** True when a further hello will declare the actions; until then they are unknown. */
  readonly actionsFollow: boolean;
}

/** Bounds of one session. */
export interface Limits {
  /** Largest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Most metric names in one session. */
  readonly maxMetrics: number;
  /** Most instructions sent to this part of the agent and not ended. */
  readonly maxOutstandingInstructions: number;
}

/** The node admits a part. */
export interface Welcome {
  readonly sessionId: string;
  readonly resumeToken: string;
  readonly isResumed: boolean;
  /** How often both sides send a ping, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  /** How long a session without a connection can be resumed, in milliseconds. */
  readonly resumeWindowMs: number;
  readonly limits?: Limits;
  readonly nodeId: string;
  readonly nodeTier: string;
  readonly nodeVersion: string;
  /** Highest telemetry sequence received in this session. */
  readonly telemetrySequence: number;
  /** How many metric names of this session the node knows (ids 1 to this). */
  readonly metricNamesKnown: number;
  /** `sentAtUs` of the hello, returned: agent's clock, microseconds since the epoch. */
  readonly helloSentAtUs: number;
  /** Node's clock when the hello arrived, microseconds since the epoch. */
  readonly helloReceivedAtUs: number;
  /** Node's clock when this welcome was sent, microseconds since the epoch. */
  readonly sentAtUs: number;
  /** Where the agent belongs when this session is none; else empty. */
  readonly redirectUrl: string;
  /** Forms of packed samples that the node reads; empty: none. */
  readonly columnForms: readonly ColumnForm[];
}

/** Asks for a pong. */
export interface Ping {
  /** Sender's clock, microseconds since the epoch. */
  readonly sentAtUs: number;
  readonly timeLine: string;
}

/** Answers a ping. */
export interface Pong {
  /** `sentAtUs` of the ping, returned: microseconds since the epoch. */
  readonly pingSentAtUs: number;
  /** Clock of the side that answers when the ping arrived, microseconds since the epoch. */
  readonly receivedAtUs: number;
  /** The same clock when this pong was sent, microseconds since the epoch. */
  readonly sentAtUs: number;
  /** From the node: the highest that it has received, so that the agent can forget what it kept. */
  readonly telemetrySequence: number;
}

/** Declares a metric name for the session. */
export interface MetricDeclaration {
  /** From 1. */
  readonly id: number;
  readonly name: string;
}

/** How a value of packed samples is written; `docs/wire.md` has the forms and their bounds. */
export type ColumnForm = "f64" | "f32" | "f16" | "i8" | "i8_delta";

/** How the values of a metric are written from here on. */
export interface MetricForm {
  /** Id of the metric. */
  readonly metric: number;
  readonly form: ColumnForm;
  /** Step of the quantized forms, in the metric's unit; 0 for the others. */
  readonly scale: number;
  /** What the quantized forms count from, in the metric's unit; absent: the metric's last value. */
  readonly reference?: number;
}

/** Samples in their compact form; the schema says what each field means. */
export interface PackedSamples {
  readonly version: number;
  readonly isFull: boolean;
  readonly count: number;
  /** The pattern of metric ids; empty: that of the operation before. */
  readonly metrics: ArrayLike<number>;
  /** Microseconds since the epoch on the agent's clock. */
  readonly baseTimeUs?: number;
  readonly samplesPerInstant: number;
  /** Differences of the steps from instant to instant, zigzag-coded. */
  readonly timeSteps: ArrayLike<number>;
  readonly forms: readonly MetricForm[];
  readonly unchanged: Uint8Array;
  readonly values: Uint8Array;
}

/** Something that happened at an agent. */
export interface EventMessage {
  readonly type: string;
  readonly attributes: JsonObject;
  /** Agent's clock when it happened, microseconds since the epoch. */
  readonly timeUs: number;
}

/** A change of the state that the agent reports, by JSON merge patch (RFC 7396). */
export interface TwinDelta {
  readonly version: number;
  /** True when `patch` is the whole state, not a change. */
  readonly isFull: boolean;
  readonly patch: JsonObject;
  /** Agent's clock of the change, microseconds since the epoch. */
  readonly timeUs: number;
}

/** The episode of a rule that caused an instruction. */
export interface Episode {
  readonly rule: string;
  readonly ruleVersion: number;
  readonly meaningVersion: number;
  readonly timeLine: string;
  /** Start of the episode, event time on the node's clock, microseconds since the epoch. */
  readonly startedAtUs: number;
  /** 1 for the first instruction of the episode. */
  readonly attempt: number;
  /** Newest sample of the time line that was applied when it was decided, on its part's clock; 0 when there was none. */
  readonly appliedUntilUs: number;
}

/** A command to an agent. */
export interface InstructionMessage {
  readonly id: string;
  readonly action: string;
  readonly args: JsonObject;
  /** 1 to 10. */
  readonly priority: number;
  /** Not to be begun after this instant of the node's clock, microseconds since the epoch. */
  readonly deadlineUs: number;
  /** How long it may run once begun, microseconds. */
  readonly timeoutUs: number;
  /** Node's clock when it came to be, microseconds since the epoch. */
  readonly createdAtUs: number;
  /** Absent for instructions given by hand. */
  readonly episode?: Episode;
}

/** How far an instruction has come at the agent. */
export type AcknowledgementStatus =
  | "received"
  | "executed"
  | "failed"
  | "rejected"
  | "expired"
  | "canceled";

/** What went wrong with an instruction; `code` is one of the error catalogue. */
export interface AcknowledgementError {
  readonly code: string;
  readonly message: string;
}

/** How far an instruction has come, and with what outcome. */
export interface Acknowledgement {
  readonly instructionId: string;
  readonly status: AcknowledgementStatus;
  readonly result?: JsonValue;
  readonly error?: AcknowledgementError;
  /** Agent's clock when it arrived, microseconds since the epoch. */
  readonly receivedAtUs: number;
  /** Agent's clock when it began, microseconds since the epoch; 0 when it did not. */
  readonly begunAtUs: number;
  /** Agent's clock when it ended, microseconds since the epoch; 0 when it has not. */
  readonly endedAtUs: number;
  readonly episode?: Episode;
  readonly action: string;
}

/** Outcomes that the node has on disk. */
export interface Settlement {
  readonly instructionIds: readonly string[];
}

/** Calls an instruction off if it has not begun. */
export interface Cancellation {
  readonly instructionId: string;
}

/** What was shed, as totals of the session, and whether telemetry may flow. */
export interface FlowControl {
  readonly droppedSamples: number;
  readonly droppedEvents: number;
  readonly shedFrames: number;
  readonly isTelemetryPaused: boolean;
  /** True when packed samples were passed over because some before them are missing. */
  readonly needsFullSamples: boolean;
}

/** How a part is held. */
export type PartStateName = "running" | "paused" | "throttled";

/** The sender vouches for another part of its agent. */
export interface PartState {
  readonly part: string;
  readonly state: PartStateName;
}

/** The session or the connection ends. */
export interface Goodbye {
  /** A code of the error catalogue; empty for a plain leave. */
  readonly code: string;
  readonly message: string;
  readonly canResume: boolean;
  /** True when the agent should not connect again by itself. */
  readonly isFinal: boolean;
}
