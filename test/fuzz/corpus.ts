/**
 * The kept corpus: valid frames of every kind, as an agent sends them, and as only a node does.
 * They are written by the project's own writers, so they follow the schema as it grows.
 */
import {
  type Acknowledgement,
  columnForms,
  FramePacker,
  FrameWriter,
  type Hello,
} from "@myelin/core/wire";

/** Instant at which the node under attack begins, on everybody's clock. */
export const startUs = 1_790_000_000_000_000;
/** The only names that the seeds know; the bystander's is not among them. */
const attackerId = "mallory";

const episode = {
  rule: "hot",
  ruleVersion: 1,
  meaningVersion: 1,
  timeLine: "t1",
  startedAtUs: startUs - 1e6,
  attempt: 1,
  appliedUntilUs: startUs - 1,
};
const done: Acknowledgement = {
  instructionId: "INSTRUCTION-ID-0000000",
  status: "executed",
  result: { pid: 7, deep: [1, { a: null, b: [true, "x"] }] },
  action: "restart",
  episode,
  receivedAtUs: startUs,
  begunAtUs: startUs + 1,
  endedAtUs: startUs + 2,
};

/** The hello of the attacker. */
function attackerHello(changes: Partial<Hello> = {}): Hello {
  return {
    protocolVersion: 1,
    agentId: attackerId,
    agentType: "worker",
    part: "app",
    incarnation: "life-1",
    tier: "edge",
    capabilities: ["search", "plan"],
    labels: { zone: "a", rack: "12" },
    actions: [
      { name: "restart", isIdempotent: true },
      { name: "cool_down", isIdempotent: false },
    ],
    sdk: { name: "fuzz", version: "1.0.0" },
    token: "",
    outcomes: [],
    sentAtUs: startUs,
    timeLine: "t1",
    actionsFollow: false,
    ...changes,
  };
}

function samplesOf(count: number, names: readonly string[] = []) {
  return {
    names: names.map((name, at) => ({ id: at + 1, name })),
    metrics: Array.from({ length: count }, (_, at) => 1 + (at % 4)),
    baseTimeUs: startUs,
    values: Float64Array.from({ length: count }, (_, at) => 0.1 + at / 8),
    offsetsUs: Array.from({ length: count }, (_, at) => (at >> 2) * 1000),
    count,
  };
}

/** Names of metrics that every session of the attacker declares first. */
const metricNames = ["cpu_usage", "mem_usage", "tokens", "queue"];

const packer = new FramePacker(columnForms);

function packed(writer: FrameWriter, count: number): void {
  const plain = new FrameWriter();
  plain.samples(samplesOf(count));
  packer.pack(plain.take(), [0, 0.01, 0.1, 0, 1], writer);
}

const writes: Readonly<Record<string, (writer: FrameWriter) => void>> = {
  hello: (writer) => writer.hello(attackerHello()),
  "hello that resumes": (writer) =>
    writer.hello(
      attackerHello({
        resume: { sessionId: "0123456789012345678901", resumeToken: "x".repeat(32) },
      }),
    ),
  "hello with outcomes": (writer) => writer.hello(attackerHello({ outcomes: [done, done] })),
  ping: (writer) => writer.ping({ sentAtUs: startUs, timeLine: "t1" }),
  pong: (writer) =>
    writer.pong({
      pingSentAtUs: startUs,
      receivedAtUs: startUs + 100,
      sentAtUs: startUs + 101,
      telemetrySequence: 3,
    }),
  names: (writer) => writer.samples(samplesOf(4, metricNames)),
  "one sample": (writer) => writer.samples(samplesOf(1)),
  samples: (writer) => writer.samples(samplesOf(32)),
  "samples of one metric": (writer) =>
    writer.samples({ ...samplesOf(8), metrics: new Uint32Array(8).fill(2) }),
  "packed samples": (writer) => packed(writer, 16),
  "packed samples that go on": (writer) => packed(writer, 16),
  event: (writer) =>
    writer.event({ type: "tool_call", attributes: { tool: "search", n: 1 }, timeUs: startUs }),
  "whole state": (writer) =>
    writer.twinDelta({
      version: 1,
      isFull: true,
      patch: { mode: "busy", limits: { low: 0.1, high: [1, 2, 3] } },
      timeUs: startUs,
    }),
  "changed state": (writer) =>
    writer.twinDelta({ version: 1, isFull: false, patch: { mode: null }, timeUs: startUs }),
  executed: (writer) => writer.acknowledgement(done),
  failed: (writer) =>
    writer.acknowledgement({
      ...done,
      status: "failed",
      error: { code: "TIMEOUT", message: "it took too long" },
    }),
  "flow control": (writer) =>
    writer.flowControl({
      droppedSamples: 5,
      droppedEvents: 1,
      shedFrames: 0,
      isTelemetryPaused: false,
      needsFullSamples: true,
    }),
  "a part's state": (writer) => writer.partState({ part: "tool", state: "paused" }),
  goodbye: (writer) =>
    writer.goodbye({ code: "", message: "bye", canResume: true, isFinal: false }),
  "all at once": (writer) => {
    writer.ping({ sentAtUs: startUs, timeLine: "t1" });
    writer.samples(samplesOf(8));
    writer.event({ type: "step", attributes: {}, timeUs: startUs });
    writer.acknowledgement(done);
    writer.samples(samplesOf(2));
  },
  "an instruction, which only a node sends": (writer) =>
    writer.instruction({
      id: "INSTRUCTION-ID-0000000",
      action: "restart",
      args: { reason: "cpu" },
      priority: 5,
      deadlineUs: startUs + 1e6,
      timeoutUs: 1e6,
      createdAtUs: startUs,
      episode,
    }),
  "a settlement, which only a node sends": (writer) =>
    writer.settlement({ instructionIds: ["INSTRUCTION-ID-0000000"] }),
  "a cancellation, which only a node sends": (writer) =>
    writer.cancellation({ instructionId: "INSTRUCTION-ID-0000000" }),
};

/** What the attacker says when its session begins, as protobuf: who it is, and names for its samples. */
export function preamble(): Uint8Array {
  const writer = new FrameWriter();
  writer.hello(attackerHello());
  writer.samples(samplesOf(4, metricNames));
  return writer.take();
}

/** Every valid frame by what it is, as protobuf. */
export const corpus: ReadonlyMap<string, Uint8Array> = new Map(
  Object.entries(writes).map(([name, write], at) => {
    const writer = new FrameWriter();
    writer.header(startUs + at, at % 3 === 0 ? at : 0);
    write(writer);
    return [name, writer.take()];
  }),
);
