/**
 * One part's live attachment to the node. It outlives its connections: between two of them it is
 * `away`. What it had queued for a connection that broke is dropped with it: who queued it hears of
 * the next connection, and sends again what still counts.
 */
import type { Channel } from "@myelin/core/channel";
import { ClockOffset, PeerTime } from "@myelin/core/clock";
import type { SessionId } from "@myelin/core/ids";
import type { FrameWriter, Goodbye, InstructionMessage, Welcome } from "@myelin/core/wire";
import type { DeliverySession } from "../dispatch/index.ts";
import type { Agent, Part, Spending } from "../registry/index.ts";
import { nothingSpent } from "./agent-rates.ts";
import type { SessionIntake } from "./intake.ts";
import { WaitingFrames } from "./waiting-frames.ts";

/** A connection, as the session that it carries sees it. */
export interface Carrier {
  readonly channel: Channel;
  /** True while frames wait by the node's will: read and not handled, or not read for its agent's rates. */
  readonly isHeldUp: boolean;
  /** True while nobody at the other end keeps heartbeats: it is not pinged, and its silence means nothing. */
  readonly isByHand: boolean;
  /** Lets go of the session: nothing more is heard from this connection. */
  release(): void;
  /** Lets go of the session, says why, and ends the connection. */
  dismiss(goodbye: Goodbye): void;
}

/** Where a session is in its life. */
export type SessionState =
  /** A connection carries it. */
  | { readonly kind: "live"; readonly carrier: Carrier }
  /** Its connection broke; it can be resumed until the window ends. */
  | { readonly kind: "away"; readonly sinceUs: number }
  /** It is over: left, replaced, expired or expelled. */
  | { readonly kind: "ended" };

/** Where a session says that it has something to send. */
export interface SessionOutbox {
  /** The session's frame leaves at the end of the turn. */
  queue(session: PartSession): void;
  /** The session's frame leaves now: it is as large as a frame may become. */
  cut(session: PartSession): void;
  /** A ping or pong is not sent, for the peer reads too slowly. */
  shed(): void;
  /** The session has lost its connection: nothing of it waits any more. */
  forget(session: PartSession): void;
  /** An empty writer, for as long as the session has something queued. */
  lend(): FrameWriter;
  giveBack(writer: FrameWriter): void;
}

/** What all sessions of a node have in common. */
export interface SessionGround {
  /** Silence after which the part does not answer. */
  readonly hungAfterUs: number;
  readonly outboundFrameBytes: number;
  /** Outbound bytes above which pings and pongs are shed. */
  readonly softOutboundBytes: number;
  readonly outbox: SessionOutbox;
}

export interface PartSessionOptions {
  readonly id: SessionId;
  readonly resumeToken: string;
  readonly agent: Agent;
  readonly part: Part;
  readonly intake: SessionIntake;
  readonly carrier: Carrier;
  readonly nowUs: number;
  readonly ground: SessionGround;
}

const noParts: ReadonlySet<Part> = new Set();

export class PartSession implements DeliverySession {
  readonly id: SessionId;
  readonly resumeToken: string;
  readonly agent: Agent;
  readonly part: Part;
  readonly intake: SessionIntake;
  /** What the agent has spent of its rates, with all its parts. */
  readonly spending: Spending;
  readonly clockOffset: ClockOffset = new ClockOffset();
  /** Places the part's instants on the node's clock, never going back. */
  readonly peerTime: PeerTime = new PeerTime(this.clockOffset);
  /** Highest number of a telemetry frame received. */
  telemetrySequence = 0;
  /** Node's clock when anything was last heard. */
  lastHeardUs: number;
  /** Node's clock when the session began. */
  readonly joinedAtUs: number;
  /** When its latest first hello left, on the peer's clock. */
  greetedAtUs: number = Number.NaN;
  lastPingUs: number = Number.NEGATIVE_INFINITY;
  /** Id of the token that admitted its present connection; its end is the session's. */
  tokenId: string | undefined;
  /** What the agent told it had dropped, as totals of the session. */
  droppedSamples = 0;
  droppedEvents = 0;
  /** Pings and pongs not sent because the agent read too slowly. */
  shedFrames = 0;
  /** How often the agent was told over this session to hold its telemetry. */
  throttled = 0;
  /** True while it stands in the list of sessions to flush. */
  isQueued = false;
  /** Made when samples first wait. */
  #waitingFrames: WaitingFrames | undefined;
  /** Made when it first holds one. */
  #held: Set<Part> | undefined;
  readonly #ground: SessionGround;
  /** Holds what is queued; undefined while nothing is, so that an idle session has no buffer. */
  #writer: FrameWriter | undefined;
  #toldShedFrames = 0;
  #isTelemetryPaused = false;
  #state: SessionState;

  constructor(options: PartSessionOptions) {
    this.#ground = options.ground;
    this.id = options.id;
    this.resumeToken = options.resumeToken;
    this.agent = options.agent;
    this.part = options.part;
    this.intake = options.intake;
    this.spending = options.agent.spending ??= nothingSpent();
    this.lastHeardUs = options.nowUs;
    this.joinedAtUs = options.nowUs;
    this.#state = { kind: "live", carrier: options.carrier };
  }

  get state(): SessionState {
    return this.#state;
  }

  setState(state: SessionState): void {
    this.#state = state;
    this.#isTelemetryPaused = false;
    if (state.kind !== "live") this.#ground.outbox.forget(this);
    this.takeFrame();
  }

  get isLive(): boolean {
    return this.#state.kind === "live";
  }

  /** Silence of the part, microseconds. */
  silenceUs(nowUs: number): number {
    return Math.max(0, nowUs - this.lastHeardUs);
  }

  answers(nowUs: number): boolean {
    return (
      this.#state.kind === "live" &&
      this.part.hold === "running" &&
      nowUs - this.lastHeardUs < this.#ground.hungAfterUs
    );
  }

  /** All of a frame of telemetry was taken; 0 is no number of one. */
  took(sequence: number): void {
    if (sequence <= this.telemetrySequence) return;
    this.telemetrySequence = sequence;
    const { taken } = this.intake;
    if (taken > 0) (this.#waitingFrames ??= new WaitingFrames()).add(sequence, taken);
  }

  /** Up to this number the part need not send again: none of it waits in memory alone. */
  get confirmedSequence(): number {
    const { telemetrySequence, intake } = this;
    return this.#waitingFrames?.confirmed(telemetrySequence, intake.applied) ?? telemetrySequence;
  }

  toNodeTimeUs(partTimeUs: number): number {
    return partTimeUs - this.clockOffset.offsetUs;
  }

  /** An instant of the part on the node's clock, whole, and not before an earlier one that was placed. */
  place(partTimeUs: number, arrivedAtUs: number): number {
    const wholeUs = Math.round(partTimeUs);
    return wholeUs + this.peerTime.toLocalOffsetUs(arrivedAtUs, wholeUs, wholeUs);
  }

  /**
   * What to add to an instant that `peerTime` has placed, to have it by the best estimate of the
   * part's clock. Rules need instants that never go back, the ledger the truest.
   */
  get placementErrorUs(): number {
    return -this.clockOffset.offsetUs - this.peerTime.toLocalUs(0);
  }

  /** Holds another part of the agent still, or lets it run again. */
  hold(part: Part, hold: Part["hold"]): void {
    part.hold = hold;
    if (hold === "running") this.#held?.delete(part);
    else (this.#held ??= new Set()).add(part);
  }

  /** Other parts of the agent that this one holds still. */
  get held(): ReadonlySet<Part> {
    return this.#held ?? noParts;
  }

  sendInstruction(message: InstructionMessage): number {
    if (!this.isLive) return 0;
    const writer = this.#open();
    const before = writer.sizeBytes;
    writer.instruction(message);
    const sizeBytes = writer.sizeBytes - before;
    this.#written(writer);
    return sizeBytes;
  }

  sendCancellation(instructionId: string): void {
    if (!this.isLive) return;
    const writer = this.#open();
    writer.cancellation({ instructionId });
    this.#written(writer);
  }

  sendSettlement(instructionIds: readonly string[]): void {
    if (!this.isLive) return;
    const writer = this.#open();
    writer.settlement({ instructionIds });
    this.#written(writer);
  }

  sendWelcome(welcome: Welcome): void {
    if (!this.isLive) return;
    const writer = this.#open();
    writer.welcome(welcome);
    this.#written(writer);
  }

  /** Asks for a pong, and tells what was shed; shed itself when the agent reads too slowly. */
  sendPing(nowUs: number): void {
    this.lastPingUs = nowUs;
    if (!this.#hasRoom()) return;
    const writer = this.#open();
    writer.ping({ sentAtUs: nowUs, timeLine: "" });
    if (this.#toldShedFrames !== this.shedFrames) this.#tellFlow(writer, false);
    this.#written(writer);
  }

  /** Answers a ping; shed when the agent reads too slowly. */
  sendPong(pingSentAtUs: number, receivedAtUs: number, nowUs: number): void {
    if (!this.#hasRoom()) return;
    const telemetrySequence = this.confirmedSequence;
    const writer = this.#open();
    writer.pong({ pingSentAtUs, receivedAtUs, sentAtUs: nowUs, telemetrySequence });
    this.#written(writer);
  }

  /** Takes the filled frame; undefined when nothing was queued. */
  takeFrame(): Uint8Array | undefined {
    const writer = this.#writer;
    if (writer === undefined) return undefined;
    this.#writer = undefined;
    const frame = writer.isEmpty ? undefined : writer.take();
    this.#ground.outbox.giveBack(writer);
    return frame;
  }

  #hasRoom(): boolean {
    if (this.#state.kind !== "live") return false;
    const waitingBytes = this.#state.carrier.channel.bufferedBytes + (this.#writer?.sizeBytes ?? 0);
    if (waitingBytes <= this.#ground.softOutboundBytes) return true;
    this.shedFrames++;
    this.#ground.outbox.shed();
    return false;
  }

  /** Asks for full samples, since some are missing; asked again by the next if the agent reads too slowly. */
  askFullSamples(): void {
    if (!this.#hasRoom()) return;
    const writer = this.#open();
    this.#tellFlow(writer, true);
    this.#written(writer);
  }

  /** Tells the agent to hold its telemetry, or to go on; told also to one that reads slowly, for nothing else would let it go on. */
  pauseTelemetry(isPaused: boolean): void {
    if (!this.isLive || isPaused === this.#isTelemetryPaused) return;
    this.#isTelemetryPaused = isPaused;
    if (isPaused) this.throttled += 1;
    const writer = this.#open();
    this.#tellFlow(writer, false);
    this.#written(writer);
  }

  #tellFlow(writer: FrameWriter, needsFullSamples: boolean): void {
    const { shedFrames } = this;
    this.#toldShedFrames = shedFrames;
    writer.flowControl({
      shedFrames,
      droppedSamples: 0,
      droppedEvents: 0,
      isTelemetryPaused: this.#isTelemetryPaused,
      needsFullSamples,
    });
  }

  #open(): FrameWriter {
    return (this.#writer ??= this.#ground.outbox.lend());
  }

  #written(writer: FrameWriter): void {
    const { outbox, outboundFrameBytes } = this.#ground;
    if (writer.sizeBytes >= outboundFrameBytes) outbox.cut(this);
    else outbox.queue(this);
  }
}
