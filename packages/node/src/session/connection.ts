/**
 * One connection of a part: it greets, then carries a session until either ends.
 *
 * Invariants
 * 1. Nothing is heard from a connection before its hello was admitted.
 * 2. A malformed frame ends this connection and its session, and touches nobody else.
 * 3. Telemetry that a resume repeats is recognised by its sequence number and passed over.
 */
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import {
  type Acknowledgement,
  type EventMessage,
  type FlowControl,
  type FrameVisitor,
  FrameWriter,
  type Goodbye,
  type Hello,
  type PartState,
  type Ping,
  type Pong,
  readFrame,
  type SampleColumns,
  type TwinDelta,
} from "@myelin/core/wire";
import type { PeerInfo } from "../ports/transport.ts";
import type { BulkSource } from "./bulk-intake.ts";
import type { PartSession } from "./part-session.ts";

/** What a connection asks of the station. */
export interface ConnectionHost {
  nowUs(): number;
  /** Admits a hello: gives the session that the connection carries from now on. @throws MyelinError */
  admit(connection: Connection, hello: Hello, nowUs: number): PartSession;
  /** True when the connection has used up its share of this turn. */
  isBulk(connection: Connection, sizeBytes: number): boolean;
  queueBulk(connection: Connection, bytes: Uint8Array, arrivedAtUs: number): void;
  /** A frame's samples are about to be applied. */
  beginApply(framedAtUs: number, arrivedAtUs: number, placementErrorUs: number): void;
  acknowledged(session: PartSession, acknowledgement: Acknowledgement): void;
  /** The part's clock was set: its instants belong to a new time line. */
  clockStepped(session: PartSession, timeLine: string): void;
  partState(session: PartSession, state: PartState): void;
  /** The frame is done: what was decided leaves now. */
  endTurn(): void;
  /** The connection is gone. */
  ended(connection: Connection, end: ChannelEnd): void;
  /** The part said goodbye: its session is over. */
  left(session: PartSession, goodbye: Goodbye): void;
  /** The part broke the protocol: its session is over. */
  expelled(connection: Connection, error: MyelinError): void;
}

/** Where a connection is in its life. */
type ConnectionState =
  /** Waits for the hello. */
  | { readonly kind: "greeting" }
  /** Carries a session. */
  | { readonly kind: "carrying"; readonly session: PartSession }
  /** Is gone, or on its way. */
  | { readonly kind: "closed" };

export class Connection implements ChannelHandler, FrameVisitor, BulkSource {
  readonly channel: Channel;
  readonly peer: PeerInfo;
  readonly backlog: { readonly bytes: Uint8Array; readonly arrivedAtUs: number }[] = [];
  /** Bytes handled in the turn `turn`. */
  turnBytes = 0;
  turn = -1;
  readonly #host: ConnectionHost;
  #state: ConnectionState = { kind: "greeting" };
  #arrivedAtUs = 0;
  #framedAtUs = Number.NaN;
  #sequence = 0;
  #isRepeated = false;

  constructor(channel: Channel, peer: PeerInfo, host: ConnectionHost) {
    this.channel = channel;
    this.peer = peer;
    this.#host = host;
  }

  get session(): PartSession | undefined {
    return this.#state.kind === "carrying" ? this.#state.session : undefined;
  }

  get isGreeting(): boolean {
    return this.#state.kind === "greeting";
  }

  /** Lets go of the session, which another connection carries or which is over. */
  release(): void {
    this.#state = { kind: "closed" };
  }

  /** Says why, then ends the connection. */
  dismiss(goodbye: Goodbye): void {
    this.release();
    const writer = new FrameWriter();
    writer.goodbye(goodbye);
    this.channel.send(writer.take());
    this.channel.close();
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#state.kind === "closed") return;
    const nowUs = this.#host.nowUs();
    if (this.#state.kind === "carrying") this.#state.session.lastHeardUs = nowUs;
    if (this.backlog.length > 0 || this.#host.isBulk(this, bytes.byteLength))
      this.#host.queueBulk(this, bytes, nowUs);
    else this.handle(bytes, nowUs);
  }

  onEnd(end: ChannelEnd): void {
    this.#host.ended(this, end);
    this.release();
  }

  handle(bytes: Uint8Array, arrivedAtUs: number): void {
    if (this.#state.kind === "closed") return;
    this.#arrivedAtUs = arrivedAtUs;
    try {
      readFrame(bytes, this);
      this.#applySamples();
      const { session } = this;
      if (session !== undefined && this.#sequence > session.telemetrySequence)
        session.telemetrySequence = this.#sequence;
    } catch (error) {
      this.#host.expelled(this, MyelinError.from(error));
    }
    this.#host.endTurn();
  }

  pauseReading(): void {
    this.channel.pause();
  }

  resumeReading(): void {
    this.channel.resume();
  }

  onHeader(sentAtUs: number, telemetrySequence: number): void {
    this.#sequence = telemetrySequence;
    const { session } = this;
    this.#isRepeated =
      session !== undefined &&
      telemetrySequence !== 0 &&
      telemetrySequence <= session.telemetrySequence;
    this.#framedAtUs = session === undefined ? Number.NaN : session.toNodeTimeUs(sentAtUs);
  }

  onHello(hello: Hello): void {
    if (this.#state.kind === "closed") return;
    const session = this.#host.admit(this, hello, this.#arrivedAtUs);
    this.#state = { kind: "carrying", session };
    this.#isRepeated = this.#sequence !== 0 && this.#sequence <= session.telemetrySequence;
  }

  onPing(ping: Ping): void {
    const session = this.#carried("ping");
    session.peerTime.observe(ping.sentAtUs, this.#arrivedAtUs);
    if (ping.timeLine !== session.part.timeLine) {
      session.peerTime.reset();
      this.#host.clockStepped(session, ping.timeLine);
    }
    session.writer().pong({
      pingSentAtUs: ping.sentAtUs,
      receivedAtUs: this.#arrivedAtUs,
      sentAtUs: this.#host.nowUs(),
      telemetrySequence: session.telemetrySequence,
    });
  }

  onPong(pong: Pong): void {
    const session = this.#carried("pong");
    const isStep = session.clockOffset.addExchange({
      sentUs: pong.pingSentAtUs,
      receivedUs: pong.receivedAtUs,
      answeredUs: pong.sentAtUs,
      arrivedUs: this.#arrivedAtUs,
    });
    if (isStep) this.#host.clockStepped(session, session.part.timeLine);
  }

  onSamples(columns: SampleColumns): void {
    const session = this.#carried("samples");
    if (this.#isRepeated) return;
    const { count, timesUs } = columns;
    const toNodeUs = session.peerTime.toLocalOffsetUs(
      this.#arrivedAtUs,
      timesUs[0],
      timesUs[count - 1],
    );
    session.intake.samples(columns, toNodeUs);
  }

  onEvent(event: EventMessage): void {
    const session = this.#carried("event");
    if (this.#isRepeated) return;
    this.#applySamples();
    session.intake.event(event, session.toNodeTimeUs(event.timeUs), this.#arrivedAtUs);
  }

  onTwinDelta(delta: TwinDelta): void {
    const session = this.#carried("twin_delta");
    if (this.#isRepeated) return;
    this.#applySamples();
    this.#host.beginApply(this.#framedAtUs, this.#arrivedAtUs, session.placementErrorUs);
    const timeUs = session.toNodeTimeUs(delta.timeUs);
    if (session.intake.twinDelta(delta, timeUs, this.#arrivedAtUs)) {
      throw new MyelinError(
        "PROTOCOL_ERROR",
        "a change of the agent's state is missing; the next session tells it whole",
      );
    }
  }

  onAcknowledgement(acknowledgement: Acknowledgement): void {
    this.#host.acknowledged(this.#carried("acknowledgement"), acknowledgement);
  }

  onFlowControl(flow: FlowControl): void {
    const session = this.#carried("flow_control");
    session.droppedSamples = Math.max(session.droppedSamples, flow.droppedSamples);
    session.droppedEvents = Math.max(session.droppedEvents, flow.droppedEvents);
  }

  onPartState(state: PartState): void {
    this.#host.partState(this.#carried("part_state"), state);
  }

  onGoodbye(goodbye: Goodbye): void {
    this.#applySamples();
    const session = this.#carried("goodbye");
    this.release();
    this.#host.left(session, goodbye);
    this.channel.close();
  }

  #applySamples(): void {
    const { session } = this;
    if (session === undefined || !session.intake.hasSamples) return;
    this.#host.beginApply(this.#framedAtUs, this.#arrivedAtUs, session.placementErrorUs);
    session.intake.apply(this.#arrivedAtUs);
  }

  #carried(operation: string): PartSession {
    if (this.#state.kind === "carrying") return this.#state.session;
    throw new MyelinError("PROTOCOL_ERROR", `${operation} came before hello`);
  }
}

/** The goodbye of an error. Errors that no reconnect mends are final. */
export function goodbyeOf(error: MyelinError, canResume: boolean): Goodbye {
  return {
    code: error.code,
    message: error.message,
    canResume,
    isFinal: finalCodes.has(error.code),
  };
}

const finalCodes: ReadonlySet<ErrorCode> = new Set([
  "TAKEN_OVER",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "INVALID_ARGUMENT",
  "UNSUPPORTED_VERSION",
] as const);
