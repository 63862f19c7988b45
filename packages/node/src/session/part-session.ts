/**
 * One part's live attachment to the node. It outlives its connections: between two of them it is
 * `away`, and what it has queued waits for the next.
 */
import type { Channel } from "@myelin/core/channel";
import { ClockOffset, PeerTime } from "@myelin/core/clock";
import type { SessionId } from "@myelin/core/ids";
import { FrameWriter, type InstructionMessage } from "@myelin/core/wire";
import type { DeliverySession } from "../dispatch/index.ts";
import type { Agent, Part } from "../registry/index.ts";
import type { SessionIntake } from "./intake.ts";

/** Where a session is in its life. */
export type SessionState =
  /** A connection carries it. */
  | { readonly kind: "live"; readonly channel: Channel }
  /** Its connection broke; it can be resumed until the window ends. */
  | { readonly kind: "away"; readonly sinceUs: number }
  /** It is over: left, replaced, expired or expelled. */
  | { readonly kind: "ended" };

/** Told when a session has something to send. */
export type OnQueued = (session: PartSession) => void;

export class PartSession implements DeliverySession {
  readonly id: SessionId;
  readonly resumeToken: string;
  readonly agent: Agent;
  readonly part: Part;
  readonly intake: SessionIntake;
  readonly clockOffset: ClockOffset = new ClockOffset();
  /** Places the part's instants on the node's clock, never going back. */
  readonly peerTime: PeerTime;
  /** Highest number of a telemetry frame received. */
  telemetrySequence = 0;
  /** Node's clock when anything was last heard. */
  lastHeardUs: number;
  /** Node's clock when the session began. */
  readonly joinedAtUs: number;
  lastPingUs: number = Number.NEGATIVE_INFINITY;
  /** What the agent told it had dropped, as totals of the session. */
  droppedSamples = 0;
  droppedEvents = 0;
  /** Pings and pongs not sent because the agent read too slowly. */
  shedFrames = 0;
  /** True while it stands in the station's list of sessions to flush. */
  isQueued = false;
  readonly #writer = new FrameWriter();
  readonly #onQueued: OnQueued;
  readonly #hungAfterUs: number;
  #state: SessionState;

  constructor(init: {
    id: SessionId;
    resumeToken: string;
    agent: Agent;
    part: Part;
    intake: SessionIntake;
    channel: Channel;
    nowUs: number;
    hungAfterUs: number;
    onQueued: OnQueued;
  }) {
    this.id = init.id;
    this.resumeToken = init.resumeToken;
    this.agent = init.agent;
    this.part = init.part;
    this.intake = init.intake;
    this.lastHeardUs = init.nowUs;
    this.joinedAtUs = init.nowUs;
    this.peerTime = new PeerTime(this.clockOffset);
    this.#hungAfterUs = init.hungAfterUs;
    this.#onQueued = init.onQueued;
    this.#state = { kind: "live", channel: init.channel };
  }

  get state(): SessionState {
    return this.#state;
  }

  setState(state: SessionState): void {
    this.#state = state;
  }

  get isLive(): boolean {
    return this.#state.kind === "live";
  }

  answers(nowUs: number): boolean {
    return (
      this.#state.kind === "live" &&
      this.part.hold === "running" &&
      nowUs - this.lastHeardUs < this.#hungAfterUs
    );
  }

  toNodeTimeUs(partTimeUs: number): number {
    return partTimeUs - this.clockOffset.offsetUs;
  }

  /**
   * What to add to an instant that `peerTime` has placed, to have it by the best estimate of the
   * part's clock. Rules need instants that never go back, the ledger the truest.
   */
  get placementErrorUs(): number {
    return -this.clockOffset.offsetUs - this.peerTime.toLocalUs(0);
  }

  sendInstruction(message: InstructionMessage): number {
    const writer = this.writer();
    const before = writer.sizeBytes;
    writer.instruction(message);
    return writer.sizeBytes - before;
  }

  sendCancellation(instructionId: string): void {
    if (this.isLive) this.writer().cancellation({ instructionId });
  }

  sendSettlement(instructionIds: readonly string[]): void {
    if (this.isLive) this.writer().settlement({ instructionIds });
  }

  /** The frame being filled; it leaves with the next flush. */
  writer(): FrameWriter {
    this.#onQueued(this);
    return this.#writer;
  }

  /** Takes the filled frame; undefined when nothing was queued. */
  takeFrame(): Uint8Array | undefined {
    return this.#writer.isEmpty ? undefined : this.#writer.take();
  }
}
