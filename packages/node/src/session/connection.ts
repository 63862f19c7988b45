/**
 * One connection of a part: it greets, then carries a session until either ends.
 *
 * Invariants
 * 1. Nothing is heard from a connection before its hello was admitted, nor after it was let go.
 * 2. A malformed frame ends this connection and its session, and touches nobody else.
 * 3. Telemetry that a resume repeats is recognised by its sequence number and passed over.
 * 4. What was read before the peer closed is handled before the connection counts as gone.
 * 5. It is read while neither bulk intake nor its agent's rates keep it from being read.
 */
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import type { Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import {
  type Acknowledgement,
  type Encoding,
  encodingNamed,
  type EventMessage,
  type FlowControl,
  type FrameVisitor,
  FrameWriter,
  type Goodbye,
  type Hello,
  maxPackedSamples,
  type PackedSamples,
  type PartState,
  type Ping,
  type Pong,
  type SampleColumns,
  type TwinDelta,
  type Welcome,
} from "@myelin/core/wire";
import type { BytePool } from "../bytes/index.ts";
import type { PeerInfo } from "../ports/transport.ts";
import type { AgentRates } from "./agent-rates.ts";
import type { BulkSource } from "./bulk-intake.ts";
import { FrameBacklog } from "./frame-backlog.ts";
import type { SessionIntake } from "./intake.ts";
import type { IntakeShare } from "./intake-share.ts";
import type { Carrier, PartSession } from "./part-session.ts";
import type { Throttle } from "./throttle.ts";

/** What a connection asks of the station. */
export interface ConnectionHost {
  /** Where frames that wait are kept. */
  readonly framePool: BytePool;
  readonly rates: AgentRates;
  nowUs(): number;
  /** A frame was read; true when it is to be handled at once. */
  received(connection: Connection, bytes: Uint8Array, nowUs: number): boolean;
  /** Admits a hello and has the connection carry the session. @throws MyelinError */
  admit(connection: Connection, hello: Hello, nowUs: number): void;
  /** What a frame says is about to be applied. */
  beginApply(
    framedAtUs: number,
    arrivedAtUs: number,
    placementErrorUs: number,
    intake?: SessionIntake,
  ): void;
  acknowledged(session: PartSession, acknowledgement: Acknowledgement): void;
  /** The part's clock was set: its instants belong to a new time line. @throws MyelinError INVALID_ARGUMENT */
  clockStepped(session: PartSession, timeLine: string): void;
  partState(session: PartSession, state: PartState): void;
  /** The frame is done: what was decided leaves now. */
  endTurn(): void;
  /** The agent is ahead of its rates by more than a burst. */
  throttle(connection: Connection, session: PartSession, aheadUs: number): Throttle;
  /** What waits of the connection is not to be handled any more. */
  dropBacklog(connection: Connection): void;
  /** The part tells what it had to drop, as totals of the session. */
  agentDropped(session: PartSession, flow: FlowControl): void;
  /** The channel has ended. */
  disconnected(connection: Connection, end: ChannelEnd): void;
  /** The connection that carried the session is gone. */
  lost(session: PartSession, end: ChannelEnd): void;
  /** The part said goodbye for good: its session is over. */
  left(session: PartSession, goodbye: Goodbye): void;
  /** The peer broke the protocol or a bound: its connection, and the session that it carries, are over. */
  expelled(connection: Connection, error: MyelinError): void;
}

/** Where a connection is in its life. */
type ConnectionState =
  /** Waits for the hello, until the timer runs out. */
  | { readonly kind: "greeting"; readonly timer: Timer }
  /** Carries a session. */
  | { readonly kind: "carrying"; readonly session: PartSession }
  /** Is gone, or on its way. */
  | { readonly kind: "released" };

export class Connection implements ChannelHandler, FrameVisitor, BulkSource, Carrier {
  readonly channel: Channel;
  readonly peer: PeerInfo;
  readonly share: IntakeShare;
  /** Made when a frame first waits. */
  #backlog: FrameBacklog | undefined;
  readonly #encoding: Encoding;
  readonly #host: ConnectionHost;
  #state: ConnectionState;
  /** How the channel ended, while frames that were read before it still wait. */
  #end: ChannelEnd | undefined;
  #arrivedAtUs = 0;
  #framedAtUs = Number.NaN;
  #sequence = 0;
  #isRepeated = false;
  /** Of the frame being read. A few bytes can stand for many, so they have a bound of their own. */
  #packedSamples = 0;
  /** Of the frame being read: what its agent's rates count. */
  #samples = 0;
  #events = 0;
  /** Set while the agent is ahead of its rates. */
  #throttle: Throttle | undefined;
  /** True while bulk intake keeps it from being read. */
  #isBulkWaiting = false;
  #isByHand: boolean;

  /** `helloTimer` runs out when no hello comes in time; the connection cancels it. */
  constructor(
    channel: Channel,
    peer: PeerInfo,
    host: ConnectionHost,
    share: IntakeShare,
    helloTimer: Timer,
  ) {
    this.channel = channel;
    this.peer = peer;
    this.share = share;
    this.#encoding = encodingNamed(channel.encoding);
    this.#isByHand = this.#encoding.isText;
    this.#host = host;
    this.#state = { kind: "greeting", timer: helloTimer };
  }

  get session(): PartSession | undefined {
    return this.#state.kind === "carrying" ? this.#state.session : undefined;
  }

  get isGreeting(): boolean {
    return this.#state.kind === "greeting";
  }

  get isReleased(): boolean {
    return this.#state.kind === "released";
  }

  get backlog(): FrameBacklog {
    return (this.#backlog ??= new FrameBacklog(this.#host.framePool));
  }

  get hasBacklog(): boolean {
    return this.#backlog?.isEmpty === false;
  }

  get isHeldUp(): boolean {
    return this.hasBacklog || this.#isUnread;
  }

  /**
   * True while nobody at the other end keeps heartbeats: the frames are text, which a person may be
   * typing, and neither a ping nor a pong has come.
   */
  get isByHand(): boolean {
    return this.#isByHand;
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The hello was admitted. */
  carry(session: PartSession): void {
    this.#setState({ kind: "carrying", session });
    this.#isRepeated = this.#isRepetition(session);
  }

  release(): void {
    this.#throttle?.stop();
    this.#throttle = undefined;
    this.#setState({ kind: "released" });
    if (this.#backlog !== undefined) this.#host.dropBacklog(this);
  }

  dismiss(goodbye: Goodbye): void {
    this.release();
    const writer = new FrameWriter();
    writer.goodbye(goodbye);
    this.channel.send(writer.take());
    this.channel.close();
  }

  sendOn(welcome: Welcome, goodbye: Goodbye): void {
    this.release();
    const writer = new FrameWriter();
    writer.welcome(welcome);
    this.channel.send(writer.take());
    // In a frame of its own: who goes on at once hears nothing more from here.
    writer.goodbye(goodbye);
    this.channel.send(writer.take());
    this.channel.close();
  }

  onFrame(bytes: Uint8Array): void {
    const state = this.#state;
    if (state.kind === "released") return;
    const nowUs = this.#host.nowUs();
    if (state.kind === "carrying") state.session.lastHeardUs = nowUs;
    if (this.#host.received(this, bytes, nowUs)) this.handle(bytes, nowUs);
  }

  onEnd(end: ChannelEnd): void {
    this.#host.disconnected(this, end);
    this.#end = end;
    if (!this.hasBacklog) this.#gone(end);
  }

  handle(bytes: Uint8Array, arrivedAtUs: number): void {
    this.#arrivedAtUs = arrivedAtUs;
    this.#packedSamples = 0;
    this.#samples = 0;
    this.#events = 0;
    try {
      this.#encoding.read(bytes, this, arrivedAtUs);
      const { session } = this;
      if (session !== undefined) {
        this.#applySamples(session);
        session.took(this.#sequence);
        this.#spend(session, bytes.byteLength);
      } else if (this.isGreeting)
        throw new MyelinError("PROTOCOL_ERROR", "the first frame holds no hello");
    } catch (error) {
      this.session?.intake.discard();
      if (!this.isReleased) this.#host.expelled(this, MyelinError.from(error));
    }
    this.#host.endTurn();
  }

  pauseReading(): void {
    this.#isBulkWaiting = true;
    this.channel.pause();
  }

  resumeReading(): void {
    this.#isBulkWaiting = false;
    if (this.#end !== undefined) this.#gone(this.#end);
    else if (!this.#isUnread) this.channel.resume();
  }

  /** The agent is two bursts ahead of its rates: the connection is not read. */
  holdReading(): void {
    this.channel.pause();
  }

  /** The agent has earned what it sent. */
  endThrottle(): void {
    const wasUnread = this.#isUnread;
    this.#throttle = undefined;
    if (wasUnread && !this.#isBulkWaiting) this.channel.resume();
  }

  onHeader(sentAtUs: number, telemetrySequence: number): void {
    const { session } = this;
    this.#sequence = telemetrySequence;
    this.#isRepeated = session !== undefined && this.#isRepetition(session);
    this.#framedAtUs = session === undefined ? Number.NaN : session.toNodeTimeUs(sentAtUs);
  }

  onHello(hello: Hello): void {
    if (this.isReleased) return;
    const { session } = this;
    if (session !== undefined) this.#applySamples(session);
    this.#host.beginApply(Number.NaN, this.#arrivedAtUs, 0);
    this.#host.admit(this, hello, this.#arrivedAtUs);
  }

  onPing(ping: Ping): void {
    const session = this.#begin("ping");
    this.#isByHand = false;
    session.peerTime.observe(ping.sentAtUs, this.#arrivedAtUs);
    if (ping.timeLine !== session.part.timeLine) {
      this.#host.clockStepped(session, ping.timeLine);
      session.peerTime.reset();
    }
    session.sendPong(ping.sentAtUs, this.#arrivedAtUs, this.#host.nowUs());
  }

  onPong(pong: Pong): void {
    const session = this.#begin("pong");
    this.#isByHand = false;
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
    const { count, timesUs } = columns;
    this.#samples += count;
    if (this.#isRepeated || count === 0) {
      // Names hold for the session, also those of a frame whose samples are known.
      if (columns.names.length > 0) session.intake.samples({ ...columns, count: 0 }, 0);
      return;
    }
    const firstUs = timesUs[0];
    const lastUs = timesUs[count - 1];
    const toNodeUs = session.peerTime.toLocalOffsetUs(this.#arrivedAtUs, firstUs, lastUs);
    session.intake.samples(columns, toNodeUs);
  }

  onPackedSamples(packed: PackedSamples): void {
    const session = this.#carried("packed_samples");
    this.#packedSamples += packed.count;
    if (this.#packedSamples > maxPackedSamples) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `a frame can have ${maxPackedSamples} packed samples`,
      );
    }
    const columns = session.intake.unpack(packed);
    if (columns === undefined) session.askFullSamples();
    else this.onSamples(columns);
  }

  onEvent(event: EventMessage): void {
    const session = this.#begin("event");
    this.#events += 1;
    if (this.#isRepeated) return;
    const timeUs = session.place(event.timeUs, this.#arrivedAtUs);
    this.#beginApply(session);
    session.intake.event(event, timeUs, this.#arrivedAtUs);
  }

  onTwinDelta(delta: TwinDelta): void {
    const session = this.#begin("twin_delta");
    this.#events += 1;
    if (this.#isRepeated) return;
    const timeUs = session.place(delta.timeUs, this.#arrivedAtUs);
    this.#beginApply(session);
    if (session.intake.twinDelta(delta, timeUs, this.#arrivedAtUs)) {
      throw new MyelinError(
        "PROTOCOL_ERROR",
        "a change of the agent's state is missing; the next session tells it whole",
      );
    }
  }

  onAcknowledgement(acknowledgement: Acknowledgement): void {
    const session = this.#begin("acknowledgement");
    this.#beginApply(session);
    this.#host.acknowledged(session, acknowledgement);
  }

  onFlowControl(flow: FlowControl): void {
    this.#host.agentDropped(this.#carried("flow_control"), flow);
  }

  onPartState(state: PartState): void {
    this.#host.partState(this.#begin("part_state"), state);
  }

  onGoodbye(goodbye: Goodbye): void {
    const session = this.#begin("goodbye");
    session.took(this.#sequence);
    this.release();
    if (goodbye.canResume) this.#host.lost(session, { reason: goodbye.message });
    else this.#host.left(session, goodbye);
    this.channel.close();
  }

  get #isUnread(): boolean {
    return this.#throttle?.isHolding === true;
  }

  /** Counts the frame against the agent's rates. */
  #spend(session: PartSession, sizeBytes: number): void {
    const { rates } = this.#host;
    const { spending } = session;
    const aheadUs = rates.spend(
      spending,
      this.#arrivedAtUs,
      this.#samples,
      this.#events,
      sizeBytes,
    );
    if (aheadUs <= rates.burstUs) return;
    if (this.#throttle === undefined) this.#throttle = this.#host.throttle(this, session, aheadUs);
    else this.#throttle.exceed(aheadUs);
  }

  /** The session that an operation belongs to, with the samples before it applied. */
  #begin(operation: string): PartSession {
    const session = this.#carried(operation);
    this.#applySamples(session);
    return session;
  }

  /** @throws MyelinError PROTOCOL_ERROR before the hello and after the end, where it ends a frame that nobody hears */
  #carried(operation: string): PartSession {
    if (this.#state.kind === "carrying") return this.#state.session;
    throw new MyelinError("PROTOCOL_ERROR", `${operation} came outside of a session`);
  }

  #applySamples(session: PartSession): void {
    if (!session.intake.hasSamples) return;
    this.#beginApply(session);
    session.intake.apply(this.#arrivedAtUs);
  }

  #beginApply({ placementErrorUs, intake }: PartSession): void {
    this.#host.beginApply(this.#framedAtUs, this.#arrivedAtUs, placementErrorUs, intake);
  }

  #isRepetition({ telemetrySequence }: PartSession): boolean {
    return this.#sequence !== 0 && this.#sequence <= telemetrySequence;
  }

  #gone(end: ChannelEnd): void {
    const { session } = this;
    this.release();
    if (session !== undefined) this.#host.lost(session, end);
  }

  #setState(state: ConnectionState): void {
    if (this.#state.kind === "greeting") this.#state.timer.cancel();
    this.#state = state;
  }
}
