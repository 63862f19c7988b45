import { ByteWriter, varintSize } from "./byte-writer.ts";
import { writeHello } from "./hello-codec.ts";
import {
  writeAcknowledgement,
  writeCancellation,
  writeInstruction,
  writeSettlement,
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
import { writePackedSamples } from "./packed-samples-codec.ts";
import { type OutgoingSamples, writeSamples } from "./sample-columns.ts";
import {
  writeFlowControl,
  writeGoodbye,
  writePartState,
  writePing,
  writePong,
  writeWelcome,
} from "./session-codec.ts";
import { writeEvent, writeTwinDelta } from "./telemetry-codec.ts";

/**
 * Collects operations into one frame. A message that cannot be written throws MyelinError
 * INVALID_ARGUMENT and leaves the frame as it was before.
 *
 * @example
 * writer.ping({ sentAtUs, timeLine });
 * writer.header(clock.nowUs(), 0);
 * channel.send(writer.take());
 */
export class FrameWriter {
  readonly #writer = new ByteWriter();
  #sentAtUs = Number.NaN;
  #telemetrySequence = 0;

  /** Sets the header of the frame being written; NaN and 0 stand for absent. */
  header(sentAtUs: number, telemetrySequence: number): void {
    this.#sentAtUs = sentAtUs;
    this.#telemetrySequence = telemetrySequence;
  }

  /** Writes a hello; by an agent, first. */
  hello(hello: Hello): void {
    this.#operation(0x0a, writeHello, hello);
  }

  /** Writes the node's answer to a hello. */
  welcome(welcome: Welcome): void {
    this.#operation(0x12, writeWelcome, welcome);
  }

  /** Writes a ping. */
  ping(ping: Ping): void {
    this.#operation(0x1a, writePing, ping);
  }

  /** Writes the answer to a ping. */
  pong(pong: Pong): void {
    this.#operation(0x22, writePong, pong);
  }

  /** Names and samples as columns; a column of one metric alone is shortened to one entry. */
  samples(samples: OutgoingSamples): void {
    this.#operation(0x2a, writeSamples, samples);
  }

  /** Samples in their compact form, as a SamplePacker makes them. */
  packedSamples(samples: PackedSamples): void {
    this.#operation(0x7a, writePackedSamples, samples);
  }

  /** Writes an event. */
  event(event: EventMessage): void {
    this.#operation(0x32, writeEvent, event);
  }

  /** Writes a change of the reported state. */
  twinDelta(delta: TwinDelta): void {
    this.#operation(0x3a, writeTwinDelta, delta);
  }

  /** Writes an instruction. */
  instruction(instruction: InstructionMessage): void {
    this.#operation(0x42, writeInstruction, instruction);
  }

  /** Writes how far an instruction has come. */
  acknowledgement(acknowledgement: Acknowledgement): void {
    this.#operation(0x4a, writeAcknowledgement, acknowledgement);
  }

  /** Writes which outcomes are on disk. */
  settlement(settlement: Settlement): void {
    this.#operation(0x52, writeSettlement, settlement);
  }

  /** Writes that an instruction is called off. */
  cancellation(cancellation: Cancellation): void {
    this.#operation(0x5a, writeCancellation, cancellation);
  }

  /** Writes what was shed, and whether telemetry may flow. */
  flowControl(flowControl: FlowControl): void {
    this.#operation(0x62, writeFlowControl, flowControl);
  }

  /** Writes how another part of the agent is held. */
  partState(partState: PartState): void {
    this.#operation(0x6a, writePartState, partState);
  }

  /** Writes that the session or the connection ends. */
  goodbye(goodbye: Goodbye): void {
    this.#operation(0x72, writeGoodbye, goodbye);
  }

  /** Operations as another FrameWriter has written them. */
  written(operations: Uint8Array): void {
    this.#writer.putBytes(operations);
  }

  /** True when no operation was written since the last frame was taken. */
  get isEmpty(): boolean {
    return this.#writer.sizeBytes === 0;
  }

  /** Size of the frame as it stands. */
  get sizeBytes(): number {
    const header = Number.isNaN(this.#sentAtUs) ? 0 : 9;
    const sequence = this.#telemetrySequence === 0 ? 0 : 1 + varintSize(this.#telemetrySequence);
    return this.#writer.sizeBytes + header + sequence;
  }

  /** The frame, in bytes that are not written again; the writer is empty and without a header. */
  take(): Uint8Array {
    const writer = this.#writer;
    if (!Number.isNaN(this.#sentAtUs)) writer.putDouble(0x11, this.#sentAtUs);
    writer.uint(0x18, this.#telemetrySequence);
    this.header(Number.NaN, 0);
    return writer.take();
  }

  #operation<Message>(
    tag: number,
    write: (writer: ByteWriter, message: Message) => void,
    message: Message,
  ): void {
    const writer = this.#writer;
    const before = writer.sizeBytes;
    try {
      const operation = writer.open(0x0a);
      const content = writer.open(tag);
      write(writer, message);
      writer.close(content);
      writer.close(operation);
    } catch (thrown) {
      writer.cut(before);
      throw thrown;
    }
  }
}
