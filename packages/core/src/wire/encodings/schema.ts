/*
 * The schema of proto/myelin/v1 as a table, for the encodings that are read and written by the names of
 * its fields. A test holds it to the generated code, field by field.
 */
import { columnForms } from "../column-forms.ts";

/** How the value of a field is written. */
export type FieldKind =
  | "string"
  | "bytes"
  | "bool"
  | "uint32"
  | "uint64"
  | "sint32"
  | "sint64"
  | "float"
  | "double"
  | "enum"
  | "message"
  /** google.protobuf.Struct: an object of any JSON. */
  | "struct"
  /** google.protobuf.Value: any JSON. */
  | "value"
  /** map<string, string>. */
  | "texts";

/** What stands for a field that a peer leaves out; `now` is the receiver's clock as the frame arrives. */
export type Fallback = string | number | typeof now;

/** The receiver's clock. */
export const now: unique symbol = Symbol("now");

/** One field of a message. */
export interface Field {
  readonly number: number;
  readonly kind: FieldKind;
  readonly isRepeated: boolean;
  /** The message that it holds. */
  readonly message?: MessageSchema;
  /** Names of an enum's values, from number 0. */
  readonly values?: readonly string[];
  /** What stands for it when it is left out; always written, so that its default means itself. */
  readonly fallback?: Fallback;
}

/** One kind of message. */
export class MessageSchema {
  /** As errors name it. */
  readonly name: string;
  readonly byName: ReadonlyMap<string, Field>;
  /** Indexed by number: the name and the field. */
  readonly byNumber: readonly (readonly [string, Field] | undefined)[];
  /** Fields with a fallback. */
  readonly withFallback: readonly (readonly [string, Field])[];
  /** True when exactly one of its fields is there. */
  readonly isChoice: boolean;

  constructor(name: string, fields: Readonly<Record<string, Field>>, isChoice = false) {
    const entries = Object.entries(fields);
    const byNumber: (readonly [string, Field] | undefined)[] = [];
    for (const entry of entries) byNumber[entry[1].number] = entry;
    this.name = name;
    this.byName = new Map(entries);
    this.byNumber = byNumber;
    this.withFallback = entries.filter(([, { fallback }]) => fallback !== undefined);
    this.isChoice = isChoice;
  }
}

function of(kind: FieldKind, number: number, fallback?: Fallback): Field {
  const field: Field = { number, kind, isRepeated: false };
  return fallback === undefined ? field : { ...field, fallback };
}

function holding(number: number, message: MessageSchema): Field {
  return { number, kind: "message", isRepeated: false, message };
}

function choice(number: number, ...values: readonly string[]): Field {
  return { number, kind: "enum", isRepeated: false, values: ["unspecified", ...values] };
}

function many(field: Field): Field {
  return { ...field, isRepeated: true };
}

const episode = new MessageSchema("episode", {
  rule: of("string", 1),
  rule_version: of("uint32", 2),
  meaning_version: of("uint32", 3),
  time_line: of("string", 4),
  started_at_us: of("double", 5),
  attempt: of("uint32", 6),
  applied_until_us: of("double", 7),
});

const instruction = new MessageSchema("instruction", {
  id: of("string", 1),
  action: of("string", 2),
  args: of("struct", 3),
  priority: of("uint32", 4),
  deadline_us: of("double", 5),
  timeout_us: of("double", 6),
  created_at_us: of("double", 7),
  episode: holding(8, episode),
});

const error = new MessageSchema("acknowledgement.error", {
  code: of("string", 1),
  message: of("string", 2),
});

const acknowledgement = new MessageSchema("acknowledgement", {
  instruction_id: of("string", 1),
  status: choice(2, "received", "executed", "failed", "rejected", "expired", "canceled"),
  result: of("value", 3),
  error: holding(4, error),
  received_at_us: of("double", 5, now),
  begun_at_us: of("double", 6),
  ended_at_us: of("double", 7),
  episode: holding(8, episode),
  action: of("string", 9),
});

const action = new MessageSchema("hello.actions", {
  name: of("string", 1),
  is_idempotent: of("bool", 2),
});

const sdk = new MessageSchema("hello.sdk", {
  name: of("string", 1),
  version: of("string", 2),
});

const resume = new MessageSchema("hello.resume", {
  session_id: of("string", 1),
  resume_token: of("string", 2),
});

const hello = new MessageSchema("hello", {
  protocol_version: of("uint32", 1, 1),
  agent_id: of("string", 2),
  agent_type: of("string", 3, "agent"),
  part: of("string", 4, "app"),
  incarnation: of("string", 5, "by-hand"),
  tier: of("string", 6, "device"),
  capabilities: many(of("string", 7)),
  labels: of("texts", 8),
  actions: many(holding(9, action)),
  sdk: holding(10, sdk),
  token: of("string", 11),
  resume: holding(12, resume),
  outcomes: many(holding(13, acknowledgement)),
  sent_at_us: of("double", 14, now),
  time_line: of("string", 15),
  actions_follow: of("bool", 16),
});

const limits = new MessageSchema("welcome.limits", {
  max_frame_bytes: of("uint32", 1),
  max_metrics: of("uint32", 2),
  max_outstanding_instructions: of("uint32", 3),
});

const welcome = new MessageSchema("welcome", {
  session_id: of("string", 1),
  resume_token: of("string", 2),
  is_resumed: of("bool", 3),
  heartbeat_interval_ms: of("uint32", 4),
  resume_window_ms: of("uint32", 5),
  limits: holding(6, limits),
  node_id: of("string", 7),
  node_tier: of("string", 8),
  node_version: of("string", 9),
  telemetry_sequence: of("uint64", 10),
  metric_names_known: of("uint32", 11),
  hello_sent_at_us: of("double", 12),
  hello_received_at_us: of("double", 13),
  sent_at_us: of("double", 14),
  redirect_url: of("string", 15),
  column_forms: many(choice(16, ...columnForms)),
});

const ping = new MessageSchema("ping", {
  sent_at_us: of("double", 1, now),
  time_line: of("string", 2),
});

const pong = new MessageSchema("pong", {
  ping_sent_at_us: of("double", 1),
  received_at_us: of("double", 2, now),
  sent_at_us: of("double", 3, now),
  telemetry_sequence: of("uint64", 4),
});

const metricName = new MessageSchema("samples.names", {
  id: of("uint32", 1),
  name: of("string", 2),
});

const samples = new MessageSchema("samples", {
  names: many(holding(1, metricName)),
  base_time_us: of("double", 2, now),
  metrics: many(of("uint32", 3)),
  values: many(of("double", 4)),
  time_offsets_us: many(of("uint64", 5)),
});

const metricForm = new MessageSchema("packed_samples.forms", {
  metric: of("uint32", 1),
  form: choice(2, ...columnForms),
  scale: of("double", 3),
  reference: of("double", 4),
});

const packedSamples = new MessageSchema("packed_samples", {
  version: of("uint64", 1),
  is_full: of("bool", 2),
  count: of("uint32", 3),
  metrics: many(of("uint32", 4)),
  base_time_us: of("double", 5),
  samples_per_instant: of("uint32", 6),
  time_steps: many(of("uint64", 7)),
  forms: many(holding(8, metricForm)),
  unchanged: of("bytes", 9),
  values: of("bytes", 10),
});

const event = new MessageSchema("event", {
  type: of("string", 1),
  attributes: of("struct", 2),
  time_us: of("double", 3, now),
});

const twinDelta = new MessageSchema("twin_delta", {
  version: of("uint64", 1),
  is_full: of("bool", 2),
  patch: of("struct", 3),
  time_us: of("double", 4, now),
});

const settlement = new MessageSchema("settlement", { instruction_ids: many(of("string", 1)) });

const cancellation = new MessageSchema("cancellation", { instruction_id: of("string", 1) });

const flowControl = new MessageSchema("flow_control", {
  dropped_samples: of("uint64", 1),
  dropped_events: of("uint64", 2),
  shed_frames: of("uint64", 3),
  is_telemetry_paused: of("bool", 4),
  needs_full_samples: of("bool", 5),
});

const partState = new MessageSchema("part_state", {
  part: of("string", 1),
  state: choice(2, "running", "paused", "throttled"),
});

const goodbye = new MessageSchema("goodbye", {
  code: of("string", 1),
  message: of("string", 2),
  can_resume: of("bool", 3),
  is_final: of("bool", 4),
});

/** One operation: the name of its kind, and what it says. */
export const operation: MessageSchema = new MessageSchema(
  "operation",
  {
    hello: holding(1, hello),
    welcome: holding(2, welcome),
    ping: holding(3, ping),
    pong: holding(4, pong),
    samples: holding(5, samples),
    event: holding(6, event),
    twin_delta: holding(7, twinDelta),
    instruction: holding(8, instruction),
    acknowledgement: holding(9, acknowledgement),
    settlement: holding(10, settlement),
    cancellation: holding(11, cancellation),
    flow_control: holding(12, flowControl),
    part_state: holding(13, partState),
    goodbye: holding(14, goodbye),
    packed_samples: holding(15, packedSamples),
  },
  true,
);

/** A whole frame. */
export const frame: MessageSchema = new MessageSchema("frame", {
  operations: many(holding(1, operation)),
  sent_at_us: of("double", 2),
  telemetry_sequence: of("uint64", 3),
});
