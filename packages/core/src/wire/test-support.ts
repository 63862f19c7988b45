import {
  create,
  fromBinary,
  fromJson,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { columnForms } from "./column-forms.ts";
import { type FrameVisitor, readFrame } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { FrameSchema } from "./gen/myelin/v1/frame_pb.ts";
import type {
  Acknowledgement,
  AcknowledgementStatus,
  Cancellation,
  Episode,
  EventMessage,
  FlowControl,
  Goodbye,
  Hello,
  InstructionMessage,
  MetricDeclaration,
  PackedSamples,
  PartState,
  PartStateName,
  Ping,
  Pong,
  Settlement,
  TwinDelta,
  Welcome,
} from "./messages.ts";
import type { OutgoingSamples } from "./sample-columns.ts";

/** Samples without reused memory, to be compared. */
export interface PlainSamples {
  readonly names: readonly MetricDeclaration[];
  readonly metrics: readonly number[];
  readonly values: readonly number[];
  readonly timesUs: readonly number[];
}

/** One operation of any kind, in plain form. */
export type PlainOperation =
  | { readonly kind: "hello"; readonly value: Hello }
  | { readonly kind: "welcome"; readonly value: Welcome }
  | { readonly kind: "ping"; readonly value: Ping }
  | { readonly kind: "pong"; readonly value: Pong }
  | { readonly kind: "samples"; readonly value: PlainSamples }
  | { readonly kind: "packedSamples"; readonly value: PackedSamples }
  | { readonly kind: "event"; readonly value: EventMessage }
  | { readonly kind: "twinDelta"; readonly value: TwinDelta }
  | { readonly kind: "instruction"; readonly value: InstructionMessage }
  | { readonly kind: "acknowledgement"; readonly value: Acknowledgement }
  | { readonly kind: "settlement"; readonly value: Settlement }
  | { readonly kind: "cancellation"; readonly value: Cancellation }
  | { readonly kind: "flowControl"; readonly value: FlowControl }
  | { readonly kind: "partState"; readonly value: PartState }
  | { readonly kind: "goodbye"; readonly value: Goodbye };

/** A whole frame, in plain form. */
export interface PlainFrame {
  readonly sentAtUs: number;
  readonly telemetrySequence: number;
  readonly operations: readonly PlainOperation[];
}

/** Reads a frame by the hand-written reader, remembering everything. */
export function readPlain(bytes: Uint8Array): PlainFrame {
  return visitPlain((visitor) => readFrame(bytes, visitor));
}

/** Remembers everything that `read` tells a visitor. */
export function visitPlain(read: (visitor: FrameVisitor) => void): PlainFrame {
  const operations: PlainOperation[] = [];
  let header: [number, number] | undefined;
  const note =
    <Kind extends PlainOperation["kind"]>(kind: Kind) =>
    (value: Extract<PlainOperation, { kind: Kind }>["value"]): void => {
      operations.push({ kind, value } as PlainOperation);
    };
  const visitor: FrameVisitor = {
    onHeader: (...told) => {
      header = told;
    },
    onHello: note("hello"),
    onWelcome: note("welcome"),
    onPing: note("ping"),
    onPong: note("pong"),
    onSamples: ({ names, count, metrics, values, timesUs }) =>
      note("samples")({
        names,
        metrics: [...metrics.subarray(0, count)],
        values: [...values.subarray(0, count)],
        timesUs: [...timesUs.subarray(0, count)],
      }),
    onPackedSamples: (packed) => note("packedSamples")(copyOf(packed)),
    onEvent: note("event"),
    onTwinDelta: note("twinDelta"),
    onInstruction: note("instruction"),
    onAcknowledgement: note("acknowledgement"),
    onSettlement: note("settlement"),
    onCancellation: note("cancellation"),
    onFlowControl: note("flowControl"),
    onPartState: note("partState"),
    onGoodbye: note("goodbye"),
  };
  read(visitor);
  const [sentAtUs, telemetrySequence] = header ?? [Number.NaN, -1];
  return { sentAtUs, telemetrySequence, operations };
}

/** Writes a frame by the hand-written writer. */
export function writePlain(frame: PlainFrame): Uint8Array {
  const writer = new FrameWriter();
  writer.header(frame.sentAtUs, frame.telemetrySequence);
  for (const operation of frame.operations) {
    switch (operation.kind) {
      case "hello":
        writer.hello(operation.value);
        break;
      case "welcome":
        writer.welcome(operation.value);
        break;
      case "ping":
        writer.ping(operation.value);
        break;
      case "pong":
        writer.pong(operation.value);
        break;
      case "samples":
        writer.samples(outgoing(operation.value));
        break;
      case "packedSamples":
        writer.packedSamples(operation.value);
        break;
      case "event":
        writer.event(operation.value);
        break;
      case "twinDelta":
        writer.twinDelta(operation.value);
        break;
      case "instruction":
        writer.instruction(operation.value);
        break;
      case "acknowledgement":
        writer.acknowledgement(operation.value);
        break;
      case "settlement":
        writer.settlement(operation.value);
        break;
      case "cancellation":
        writer.cancellation(operation.value);
        break;
      case "flowControl":
        writer.flowControl(operation.value);
        break;
      case "partState":
        writer.partState(operation.value);
        break;
      case "goodbye":
        writer.goodbye(operation.value);
        break;
    }
  }
  return writer.take();
}

/** Packed samples without memory that they share with the frame. */
function copyOf(packed: PackedSamples): PackedSamples {
  return {
    ...packed,
    metrics: Array.from(packed.metrics),
    timeSteps: Array.from(packed.timeSteps),
    unchanged: Uint8Array.from(packed.unchanged),
    values: Uint8Array.from(packed.values),
  };
}

function outgoing({ names, metrics, values, timesUs }: PlainSamples): OutgoingSamples {
  const baseTimeUs = timesUs[0] ?? 0;
  return {
    names,
    baseTimeUs,
    metrics,
    values: Float64Array.from(values),
    offsetsUs: timesUs.map((timeUs) => timeUs - baseTimeUs),
    count: values.length,
  };
}

/** Writes a frame by the generated code. */
export function writeGenerated(frame: PlainFrame): Uint8Array {
  const init = {
    ...(Number.isNaN(frame.sentAtUs) ? {} : { sentAtUs: frame.sentAtUs }),
    telemetrySequence: BigInt(frame.telemetrySequence),
    operations: frame.operations.map(({ kind, value }) => ({
      kind: { case: kind, value: kind === "samples" ? samplesInit(value) : initOf(value) },
    })),
  };
  return toBinary(FrameSchema, create(FrameSchema, init as MessageInitShape<typeof FrameSchema>));
}

/** Reads a frame by the generated code. */
export function readGenerated(bytes: Uint8Array): PlainFrame {
  const frame = fromBinary(FrameSchema, bytes);
  return {
    sentAtUs: frame.sentAtUs ?? Number.NaN,
    telemetrySequence: Number(frame.telemetrySequence),
    operations: frame.operations.flatMap(({ kind }) => {
      if (kind.case === undefined) return [];
      const value = kind.case === "samples" ? samplesOf(kind.value) : plainOf(kind.value);
      return [{ kind: kind.case, value } as PlainOperation];
    }),
  };
}

const statuses: readonly string[] = [
  "",
  "received",
  "executed",
  "failed",
  "rejected",
  "expired",
  "canceled",
] satisfies ("" | AcknowledgementStatus)[];
const states: readonly string[] = ["", "running", "paused", "throttled"] satisfies (
  | ""
  | PartStateName
)[];
const wide: ReadonlySet<string> = new Set([
  "telemetrySequence",
  "droppedSamples",
  "droppedEvents",
  "shedFrames",
  "version",
]);
/** Fields of type Struct; plain messages always have them. */
const structs: Readonly<Record<string, string>> = {
  "myelin.v1.Instruction": "args",
  "myelin.v1.Event": "attributes",
  "myelin.v1.TwinDelta": "patch",
};
/** Repeated fields of 64 bits. */
const wideLists: ReadonlySet<string> = new Set(["timeSteps"]);
const verbatim: ReadonlySet<string> = new Set([...Object.values(structs), "labels"]);

/** What the generated code wants for a plain message; both name the fields alike. */
function initOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(initOf);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      if (wide.has(name) && typeof field === "number") return [name, BigInt(field)];
      if (wideLists.has(name) && Array.isArray(field)) return [name, field.map(BigInt)];
      if (name === "form") return [name, 1 + columnForms.indexOf(field)];
      if (name === "columnForms" && Array.isArray(field))
        return [name, field.map((form) => 1 + columnForms.indexOf(form))];
      if (name === "status") return [name, statuses.indexOf(field)];
      if (name === "state") return [name, states.indexOf(field)];
      if (name === "result") return [name, fromJson(ValueSchema, field)];
      return [name, verbatim.has(name) ? field : initOf(field)];
    }),
  );
}

/** The plain form of a generated message. */
function plainOf(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  const { $typeName, ...fields } = value as { $typeName: string };
  const struct = structs[$typeName];
  return {
    ...(struct === undefined ? {} : { [struct]: {} }),
    ...Object.fromEntries(
      Object.entries(fields)
        .filter(([, field]) => field !== undefined)
        .map(([name, field]: [string, unknown]) => {
          if (name === "form") return [name, columnForms[Number(field) - 1]];
          if (name === "columnForms" && Array.isArray(field))
            return [name, field.map((form) => columnForms[Number(form) - 1])];
          if (name === "status") return [name, statuses[Number(field)]];
          if (name === "state") return [name, states[Number(field)]];
          if (name === "result") return [name, toJson(ValueSchema, field as Value)];
          return [name, verbatim.has(name) ? field : plainOf(field)];
        }),
    ),
  };
}

function samplesInit({ names, metrics, values, timesUs }: PlainSamples): unknown {
  const baseTimeUs = timesUs[0] ?? 0;
  return {
    names,
    baseTimeUs,
    metrics,
    values,
    timeOffsetsUs: timesUs.map((timeUs) => BigInt(timeUs - baseTimeUs)),
  };
}

function samplesOf(samples: {
  names: MetricDeclaration[];
  baseTimeUs: number;
  metrics: number[];
  values: number[];
  timeOffsetsUs: bigint[];
}): PlainSamples {
  const { names, baseTimeUs, metrics, values, timeOffsetsUs } = samples;
  return {
    names: names.map(({ id, name }) => ({ id, name })),
    metrics: values.map((_, index) => (metrics.length === 1 ? metrics[0] : metrics[index]) ?? 0),
    values,
    timesUs: values.map((_, index) => baseTimeUs + Number(timeOffsetsUs[index] ?? 0n)),
  };
}

/** An object of arbitrary fields, with the usual prototype. */
function plain<Fields>(
  fields: {
    [Name in keyof Fields]: fc.Arbitrary<Fields[Name]>;
  },
): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true });
}

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const timeUs = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 52 }),
  fc.double({ min: 0, max: 2 ** 52, noNaN: true }).map((time) => time + 0),
);
const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const uint53 = fc.oneof(fc.nat(300), fc.maxSafeNat());
const key = text.filter((name) => name !== "__proto__");

/** Any JSON value that both sides carry. */
export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;
const jsonObject: fc.Arbitrary<JsonObject> = fc.dictionary(key, jsonValue, {
  maxKeys: 4,
  noNullPrototype: true,
});

const episode: fc.Arbitrary<Episode> = plain({
  rule: text,
  ruleVersion: uint32,
  meaningVersion: uint32,
  timeLine: text,
  startedAtUs: timeUs,
  attempt: uint32,
  appliedUntilUs: timeUs,
});
const ended = ["executed", "failed", "rejected", "expired", "canceled"] as const;
const acknowledgementFields = {
  instructionId: text,
  status: fc.constantFrom<AcknowledgementStatus[]>("received", ...ended),
  receivedAtUs: timeUs,
  begunAtUs: timeUs,
  endedAtUs: timeUs,
  action: text,
};
const acknowledgement: fc.Arbitrary<Acknowledgement> = fc.record(
  {
    ...acknowledgementFields,
    result: jsonValue,
    error: plain({ code: text, message: text }),
    episode,
  },
  {
    noNullPrototype: true,
    requiredKeys: ["instructionId", "status", "receivedAtUs", "begunAtUs", "endedAtUs", "action"],
  },
);
const instruction: fc.Arbitrary<InstructionMessage> = fc
  .tuple(
    plain({
      id: text,
      action: text,
      args: jsonObject,
      priority: uint32,
      deadlineUs: timeUs,
      timeoutUs: timeUs,
      createdAtUs: timeUs,
    }),
    fc.option(episode, { nil: undefined }),
  )
  .map(([message, cause]) => (cause === undefined ? message : { ...message, episode: cause }));
const hello: fc.Arbitrary<Hello> = fc
  .tuple(
    plain({
      protocolVersion: uint32,
      agentId: text,
      agentType: text,
      part: text,
      incarnation: text,
      tier: text,
      capabilities: fc.array(text, { maxLength: 3 }),
      labels: fc.dictionary(key, text, { maxKeys: 3, noNullPrototype: true }),
      actions: fc.array(plain({ name: text, isIdempotent: fc.boolean() }), { maxLength: 3 }),
      token: text,
      outcomes: fc.array(acknowledgement, { maxLength: 3 }),
      sentAtUs: timeUs,
      timeLine: text,
      actionsFollow: fc.boolean(),
    }),
    fc.record(
      {
        sdk: plain({ name: text, version: text }),
        resume: plain({ sessionId: text, resumeToken: text }),
      },
      { noNullPrototype: true, requiredKeys: [] },
    ),
  )
  .map(([message, options]) => ({ ...message, ...options }));
const welcome: fc.Arbitrary<Welcome> = fc
  .tuple(
    plain({
      sessionId: text,
      resumeToken: text,
      isResumed: fc.boolean(),
      heartbeatIntervalMs: uint32,
      resumeWindowMs: uint32,
      nodeId: text,
      nodeTier: text,
      nodeVersion: text,
      telemetrySequence: uint53,
      metricNamesKnown: uint32,
      helloSentAtUs: timeUs,
      helloReceivedAtUs: timeUs,
      sentAtUs: timeUs,
      redirectUrl: text,
      columnForms: fc.uniqueArray(fc.constantFrom(...columnForms)),
    }),
    fc.option(
      plain({ maxFrameBytes: uint32, maxMetrics: uint32, maxOutstandingInstructions: uint32 }),
      { nil: undefined },
    ),
  )
  .map(([message, limits]) => (limits === undefined ? message : { ...message, limits }));

const samples: fc.Arbitrary<PlainSamples> = fc
  .tuple(
    fc.array(plain({ id: fc.integer({ min: 1, max: 2 ** 32 - 1 }), name: text }), {
      maxLength: 3,
    }),
    fc.integer({ min: 0, max: 2 ** 51 }),
    fc.array(
      plain({
        metric: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
        value: fc.double(),
        laterUs: fc.oneof(fc.constant(0), fc.nat(100), fc.nat(1e9), fc.nat(2 ** 40)),
      }),
      { maxLength: 60 },
    ),
  )
  .map(([names, baseTimeUs, rows]) => {
    let time = baseTimeUs;
    const timesUs = rows.map(({ laterUs }, index) => (index === 0 ? time : (time += laterUs)));
    return {
      names,
      metrics: rows.map(({ metric }) => metric),
      values: rows.map(({ value }) => value),
      timesUs,
    };
  });

const bytes = fc.uint8Array({ maxLength: 40 });
const packedSamples: fc.Arbitrary<PackedSamples> = fc.integer({ min: 0, max: 40 }).chain((count) =>
  fc.record(
    {
      version: uint53,
      isFull: fc.boolean(),
      count: fc.constant(count),
      metrics: fc.array(uint32, { maxLength: count }),
      baseTimeUs: timeUs,
      samplesPerInstant: uint32,
      timeSteps: fc.array(uint53, { maxLength: count }),
      forms: fc.array(
        fc.record(
          {
            metric: uint32,
            form: fc.constantFrom(...columnForms),
            scale: fc.double(),
            reference: fc.double(),
          },
          { noNullPrototype: true, requiredKeys: ["metric", "form", "scale"] },
        ),
        { maxLength: 3 },
      ),
      unchanged: bytes,
      values: bytes,
    },
    {
      noNullPrototype: true,
      requiredKeys: [
        "version",
        "isFull",
        "count",
        "metrics",
        "samplesPerInstant",
        "timeSteps",
        "forms",
        "unchanged",
        "values",
      ],
    },
  ),
);

/** Any operation. */
export const operation: fc.Arbitrary<PlainOperation> = fc.oneof(
  plain({ kind: fc.constant("hello" as const), value: hello }),
  plain({ kind: fc.constant("welcome" as const), value: welcome }),
  plain({
    kind: fc.constant("ping" as const),
    value: plain({ sentAtUs: timeUs, timeLine: text }),
  }),
  plain({
    kind: fc.constant("pong" as const),
    value: plain({
      pingSentAtUs: timeUs,
      receivedAtUs: timeUs,
      sentAtUs: timeUs,
      telemetrySequence: uint53,
    }),
  }),
  plain({ kind: fc.constant("samples" as const), value: samples }),
  plain({ kind: fc.constant("packedSamples" as const), value: packedSamples }),
  plain({
    kind: fc.constant("event" as const),
    value: plain({ type: text, attributes: jsonObject, timeUs }),
  }),
  plain({
    kind: fc.constant("twinDelta" as const),
    value: plain({ version: uint53, isFull: fc.boolean(), patch: jsonObject, timeUs }),
  }),
  plain({ kind: fc.constant("instruction" as const), value: instruction }),
  plain({ kind: fc.constant("acknowledgement" as const), value: acknowledgement }),
  plain({
    kind: fc.constant("settlement" as const),
    value: plain({ instructionIds: fc.array(text, { maxLength: 5 }) }),
  }),
  plain({
    kind: fc.constant("cancellation" as const),
    value: plain({ instructionId: text }),
  }),
  plain({
    kind: fc.constant("flowControl" as const),
    value: plain({
      droppedSamples: uint53,
      droppedEvents: uint53,
      shedFrames: uint53,
      isTelemetryPaused: fc.boolean(),
      needsFullSamples: fc.boolean(),
    }),
  }),
  plain({
    kind: fc.constant("partState" as const),
    value: plain({
      part: text,
      state: fc.constantFrom<PartStateName[]>("running", "paused", "throttled"),
    }),
  }),
  plain({
    kind: fc.constant("goodbye" as const),
    value: plain({
      code: text,
      message: text,
      canResume: fc.boolean(),
      isFinal: fc.boolean(),
    }),
  }),
);

/** Any frame. */
export const frame: fc.Arbitrary<PlainFrame> = plain({
  sentAtUs: fc.oneof(timeUs, fc.constant(Number.NaN)),
  telemetrySequence: uint53,
  operations: fc.array(operation, { maxLength: 4 }),
});
