/*
 * Reads frames.
 *
 * Invariants:
 * 1. The header is told before any operation, wherever in the frame it stands.
 * 2. Whatever the bytes are, the only error thrown is MyelinError PROTOCOL_ERROR; what the visitor
 *    throws passes through as it is.
 * 3. Operations are told in their order. When one is malformed, those before it have been told.
 */
import { ByteReader } from "./byte-reader.ts";
import { gather } from "./gather.ts";
import { readHello } from "./hello-codec.ts";
import {
  readAcknowledgement,
  readCancellation,
  readInstruction,
  readSettlement,
} from "./instruction-codec.ts";
import type {
  Acknowledgement,
  Cancellation,
  EventMessage,
  FlowControl,
  Goodbye,
  Hello,
  InstructionMessage,
  PackedSamples,
  PartState,
  Ping,
  Pong,
  Settlement,
  TwinDelta,
  Welcome,
} from "./messages.ts";
import { readPackedSamples } from "./packed-samples-codec.ts";
import { type SampleColumns, SampleReader } from "./sample-columns.ts";
import {
  readFlowControl,
  readGoodbye,
  readPartState,
  readPing,
  readPong,
  readWelcome,
} from "./session-codec.ts";
import { readEvent, readTwinDelta } from "./telemetry-codec.ts";

/** What a reader of frames wants to hear; operations without a method are passed over unread. */
export interface FrameVisitor {
  /** Told first, for every frame. `sentAtUs` is NaN where absent, `telemetrySequence` 0. */
  onHeader?(sentAtUs: number, telemetrySequence: number): void;
  /** A part joins or resumes, or says what has changed of it. */
  onHello?(hello: Hello): void;
  /** The node admits the part. */
  onWelcome?(welcome: Welcome): void;
  /** The other side asks for a pong. */
  onPing?(ping: Ping): void;
  /** The other side answers a ping. */
  onPong?(pong: Pong): void;
  /** The columns are valid during the call only. */
  onSamples?(samples: SampleColumns): void;
  /** What the fields point to is valid during the call only. */
  onPackedSamples?(samples: PackedSamples): void;
  /** Something happened at the agent. */
  onEvent?(event: EventMessage): void;
  /** The agent's reported state has changed. */
  onTwinDelta?(delta: TwinDelta): void;
  /** The node gives a command. */
  onInstruction?(instruction: InstructionMessage): void;
  /** The agent tells how far an instruction has come. */
  onAcknowledgement?(acknowledgement: Acknowledgement): void;
  /** The node has outcomes on disk. */
  onSettlement?(settlement: Settlement): void;
  /** The node calls an instruction off. */
  onCancellation?(cancellation: Cancellation): void;
  /** What was shed, and whether telemetry may flow. */
  onFlowControl?(flowControl: FlowControl): void;
  /** A part vouches for another of its agent. */
  onPartState?(partState: PartState): void;
  /** The other side ends the session or the connection. */
  onGoodbye?(goodbye: Goodbye): void;
}

/** Kinds of operation are numbered from 1 to this. */
const lastKind = 15;

/** Scratch memory of the frames read on this thread; undefined while a frame uses it. Holds no state between frames. */
let scratch: SampleReader | undefined;

/**
 * Reads one frame and tells the visitor what is in it. Unknown fields and operations are passed over.
 * @throws MyelinError PROTOCOL_ERROR when the frame is malformed; the message names the field.
 */
export function readFrame(bytes: Uint8Array, visitor: FrameVisitor): void {
  const reader = new ByteReader(bytes);
  readHeader(reader, visitor);
  reader.pos = 0;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) readOperation(reader, visitor);
    else reader.skip("frame");
  }
}

function readHeader(reader: ByteReader, visitor: FrameVisitor): void {
  let sentAtUs = Number.NaN;
  let telemetrySequence = 0;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 2) sentAtUs = reader.time("frame.sent_at_us");
    else if (number === 3) telemetrySequence = reader.uint64("frame.telemetry_sequence");
    else reader.skip(number === 1 ? "frame.operations" : "frame");
  }
  visitor.onHeader?.(sentAtUs, telemetrySequence);
}

/** Reads one operation. As protobuf has it, the last of several kinds counts, and repeats of it merge. */
function readOperation(reader: ByteReader, visitor: FrameVisitor): void {
  const outer = reader.enter("frame.operations");
  const operationEnd = reader.end;
  let kind = 0;
  let start = 0;
  let end = 0;
  let pieces: number[] | undefined;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number > lastKind) {
      reader.skip("operation");
      continue;
    }
    const length = reader.length("operation");
    if (number === kind) {
      pieces ??= [start, end];
      pieces.push(reader.pos, reader.pos + length);
    } else {
      pieces = undefined;
    }
    kind = number;
    start = reader.pos;
    end = reader.pos = start + length;
  }
  if (pieces === undefined) {
    reader.pos = start;
    reader.end = end;
    visit(kind, reader, visitor);
    reader.pos = operationEnd;
  } else {
    visit(kind, new ByteReader(gather(reader.bytes, pieces)), visitor);
  }
  reader.leave(outer);
}

/** Tells the visitor of the operation whose contents the reader is in. */
function visit(kind: number, reader: ByteReader, visitor: FrameVisitor): void {
  switch (kind) {
    case 1:
      visitor.onHello?.(readHello(reader));
      break;
    case 2:
      visitor.onWelcome?.(readWelcome(reader));
      break;
    case 3:
      visitor.onPing?.(readPing(reader));
      break;
    case 4:
      visitor.onPong?.(readPong(reader));
      break;
    case 5:
      visitSamples(reader, visitor);
      break;
    case 6:
      visitor.onEvent?.(readEvent(reader));
      break;
    case 7:
      visitor.onTwinDelta?.(readTwinDelta(reader));
      break;
    case 8:
      visitor.onInstruction?.(readInstruction(reader));
      break;
    case 9:
      visitor.onAcknowledgement?.(readAcknowledgement(reader));
      break;
    case 10:
      visitor.onSettlement?.(readSettlement(reader));
      break;
    case 11:
      visitor.onCancellation?.(readCancellation(reader));
      break;
    case 12:
      visitor.onFlowControl?.(readFlowControl(reader));
      break;
    case 13:
      visitor.onPartState?.(readPartState(reader));
      break;
    case 14:
      visitor.onGoodbye?.(readGoodbye(reader));
      break;
    case 15:
      if (visitor.onPackedSamples !== undefined) {
        visitor.onPackedSamples(readPackedSamples(reader));
      }
      break;
    default:
      // An operation of a kind that this side does not know yet.
      break;
  }
}

function visitSamples(reader: ByteReader, visitor: FrameVisitor): void {
  if (visitor.onSamples === undefined) return;
  const columns = scratch ?? new SampleReader();
  // A visitor that reads another frame meanwhile must not find these columns.
  scratch = undefined;
  try {
    columns.read(reader);
    visitor.onSamples(columns);
  } finally {
    scratch = columns;
  }
}
