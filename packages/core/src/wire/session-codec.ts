import { type ByteReader, malformed } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readColumnForms, writeColumnForms } from "./column-forms.ts";
import type { Draft } from "./draft.ts";
import type {
  FlowControl,
  Goodbye,
  Limits,
  PartState,
  PartStateName,
  Ping,
  Pong,
  Welcome,
} from "./messages.ts";

export function readWelcome(reader: ByteReader): Welcome {
  const welcome = emptyWelcome();
  for (let number = reader.field(); number !== 0; number = reader.field())
    readWelcomeField(reader, number, welcome);
  return welcome;
}

/** What a welcome of no bytes says. */
function emptyWelcome(): Draft<Welcome> {
  return {
    sessionId: "",
    resumeToken: "",
    isResumed: false,
    heartbeatIntervalMs: 0,
    resumeWindowMs: 0,
    nodeId: "",
    nodeTier: "",
    nodeVersion: "",
    telemetrySequence: 0,
    metricNamesKnown: 0,
    helloSentAtUs: 0,
    helloReceivedAtUs: 0,
    sentAtUs: 0,
    redirectUrl: "",
    columnForms: [],
  };
}

function readWelcomeField(reader: ByteReader, number: number, welcome: Draft<Welcome>): void {
  switch (number) {
    case 1:
      welcome.sessionId = reader.string("welcome.session_id");
      break;
    case 2:
      welcome.resumeToken = reader.string("welcome.resume_token");
      break;
    case 3:
      welcome.isResumed = reader.bool("welcome.is_resumed");
      break;
    case 4:
      welcome.heartbeatIntervalMs = reader.uint32("welcome.heartbeat_interval_ms");
      break;
    case 5:
      welcome.resumeWindowMs = reader.uint32("welcome.resume_window_ms");
      break;
    case 6:
      welcome.limits = readLimits(reader, welcome.limits);
      break;
    case 7:
      welcome.nodeId = reader.string("welcome.node_id");
      break;
    case 8:
      welcome.nodeTier = reader.string("welcome.node_tier");
      break;
    case 9:
      welcome.nodeVersion = reader.string("welcome.node_version");
      break;
    case 10:
      welcome.telemetrySequence = reader.uint64("welcome.telemetry_sequence");
      break;
    case 11:
      welcome.metricNamesKnown = reader.uint32("welcome.metric_names_known");
      break;
    case 12:
      welcome.helloSentAtUs = reader.time("welcome.hello_sent_at_us");
      break;
    case 13:
      welcome.helloReceivedAtUs = reader.time("welcome.hello_received_at_us");
      break;
    case 14:
      welcome.sentAtUs = reader.time("welcome.sent_at_us");
      break;
    case 15:
      welcome.redirectUrl = reader.string("welcome.redirect_url");
      break;
    case 16:
      welcome.columnForms = readColumnForms(reader, welcome.columnForms);
      break;
    default:
      reader.skip("welcome");
  }
}

export function writeWelcome(writer: ByteWriter, welcome: Welcome): void {
  writer.string(0x0a, welcome.sessionId);
  writer.string(0x12, welcome.resumeToken);
  writer.bool(0x18, welcome.isResumed);
  writer.uint(0x20, welcome.heartbeatIntervalMs);
  writer.uint(0x28, welcome.resumeWindowMs);
  if (welcome.limits !== undefined) writeLimits(writer, 0x32, welcome.limits);
  writer.string(0x3a, welcome.nodeId);
  writer.string(0x42, welcome.nodeTier);
  writer.string(0x4a, welcome.nodeVersion);
  writer.uint(0x50, welcome.telemetrySequence);
  writer.uint(0x58, welcome.metricNamesKnown);
  writer.time(0x61, welcome.helloSentAtUs);
  writer.time(0x69, welcome.helloReceivedAtUs);
  writer.time(0x71, welcome.sentAtUs);
  writer.string(0x7a, welcome.redirectUrl);
  writeColumnForms(writer, welcome.columnForms);
}

function readLimits(reader: ByteReader, previous: Limits | undefined): Limits {
  const limits: Draft<Limits> = previous ?? {
    maxFrameBytes: 0,
    maxMetrics: 0,
    maxOutstandingInstructions: 0,
  };
  const outer = reader.enter("limits");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        limits.maxFrameBytes = reader.uint32("limits.max_frame_bytes");
        break;
      case 2:
        limits.maxMetrics = reader.uint32("limits.max_metrics");
        break;
      case 3:
        limits.maxOutstandingInstructions = reader.uint32("limits.max_outstanding_instructions");
        break;
      default:
        reader.skip("limits");
    }
  }
  reader.leave(outer);
  return limits;
}

function writeLimits(writer: ByteWriter, tag: number, limits: Limits): void {
  const start = writer.open(tag);
  writer.uint(0x08, limits.maxFrameBytes);
  writer.uint(0x10, limits.maxMetrics);
  writer.uint(0x18, limits.maxOutstandingInstructions);
  writer.close(start);
}

export function readPing(reader: ByteReader): Ping {
  const ping: Draft<Ping> = {
    sentAtUs: 0,
    timeLine: "",
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        ping.sentAtUs = reader.time("ping.sent_at_us");
        break;
      case 2:
        ping.timeLine = reader.string("ping.time_line");
        break;
      default:
        reader.skip("ping");
    }
  }
  return ping;
}

export function writePing(writer: ByteWriter, ping: Ping): void {
  writer.time(0x09, ping.sentAtUs);
  writer.string(0x12, ping.timeLine);
}

export function readPong(reader: ByteReader): Pong {
  const pong: Draft<Pong> = {
    pingSentAtUs: 0,
    receivedAtUs: 0,
    sentAtUs: 0,
    telemetrySequence: 0,
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        pong.pingSentAtUs = reader.time("pong.ping_sent_at_us");
        break;
      case 2:
        pong.receivedAtUs = reader.time("pong.received_at_us");
        break;
      case 3:
        pong.sentAtUs = reader.time("pong.sent_at_us");
        break;
      case 4:
        pong.telemetrySequence = reader.uint64("pong.telemetry_sequence");
        break;
      default:
        reader.skip("pong");
    }
  }
  return pong;
}

export function writePong(writer: ByteWriter, pong: Pong): void {
  writer.time(0x09, pong.pingSentAtUs);
  writer.time(0x11, pong.receivedAtUs);
  writer.time(0x19, pong.sentAtUs);
  writer.uint(0x20, pong.telemetrySequence);
}

export function readFlowControl(reader: ByteReader): FlowControl {
  const flowControl: Draft<FlowControl> = {
    droppedSamples: 0,
    droppedEvents: 0,
    shedFrames: 0,
    isTelemetryPaused: false,
    needsFullSamples: false,
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        flowControl.droppedSamples = reader.uint64("flow_control.dropped_samples");
        break;
      case 2:
        flowControl.droppedEvents = reader.uint64("flow_control.dropped_events");
        break;
      case 3:
        flowControl.shedFrames = reader.uint64("flow_control.shed_frames");
        break;
      case 4:
        flowControl.isTelemetryPaused = reader.bool("flow_control.is_telemetry_paused");
        break;
      case 5:
        flowControl.needsFullSamples = reader.bool("flow_control.needs_full_samples");
        break;
      default:
        reader.skip("flow_control");
    }
  }
  return flowControl;
}

export function writeFlowControl(writer: ByteWriter, flowControl: FlowControl): void {
  writer.uint(0x08, flowControl.droppedSamples);
  writer.uint(0x10, flowControl.droppedEvents);
  writer.uint(0x18, flowControl.shedFrames);
  writer.bool(0x20, flowControl.isTelemetryPaused);
  writer.bool(0x28, flowControl.needsFullSamples);
}

/** Indexed by number on the wire. */
const partStates: readonly (PartStateName | undefined)[] = [
  undefined,
  "running",
  "paused",
  "throttled",
];

export function readPartState(reader: ByteReader): PartState {
  let part = "";
  let state: PartStateName | undefined;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) part = reader.string("part_state.part");
    else if (number === 2) state = partStates[reader.uint32("part_state.state")];
    else reader.skip("part_state");
  }
  if (state === undefined) throw malformed("part_state.state", "is absent or unknown");
  return { part, state };
}

export function writePartState(writer: ByteWriter, partState: PartState): void {
  writer.string(0x0a, partState.part);
  writer.uint(0x10, partStates.indexOf(partState.state));
}

export function readGoodbye(reader: ByteReader): Goodbye {
  const goodbye: Draft<Goodbye> = {
    code: "",
    message: "",
    canResume: false,
    isFinal: false,
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        goodbye.code = reader.string("goodbye.code");
        break;
      case 2:
        goodbye.message = reader.string("goodbye.message");
        break;
      case 3:
        goodbye.canResume = reader.bool("goodbye.can_resume");
        break;
      case 4:
        goodbye.isFinal = reader.bool("goodbye.is_final");
        break;
      default:
        reader.skip("goodbye");
    }
  }
  return goodbye;
}

export function writeGoodbye(writer: ByteWriter, goodbye: Goodbye): void {
  writer.string(0x0a, goodbye.code);
  writer.string(0x12, goodbye.message);
  writer.bool(0x18, goodbye.canResume);
  writer.bool(0x20, goodbye.isFinal);
}
