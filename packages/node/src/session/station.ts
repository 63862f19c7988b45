/**
 * The sessions of the node: who is attached, and what is to be sent to whom.
 *
 * Invariants
 * 1. Per agent and part there is at most one session, and per session at most one connection: the one that
 *    carries a session is the one that the session names.
 * 2. What one turn queues for a session leaves in one frame (`endTurn`).
 * 3. Outbound bytes are bounded: above the soft bound pings and pongs are shed and counted, above the
 *    hard bound the session ends with SLOW_READER. Instructions are never shed here.
 * 4. A session without a connection ends when its resume window has passed. With the last session of an
 *    agent the agent leaves, however the session ended.
 */
import type { ReadonlyFew } from "../few/index.ts";
import {
  type Channel,
  type ChannelEnd,
  type ChannelHandler,
  encodedChannel,
} from "@myelin/core/channel";
import type { Clock } from "@myelin/core/clock";
import { type ErrorCode, MyelinError } from "@myelin/core/errors";
import type { PartName } from "@myelin/core/ids";
import type { Acknowledgement, FlowControl, Goodbye, Hello, PartState } from "@myelin/core/wire";
import { BytePool } from "../bytes/index.ts";
import type { PeerInfo } from "../ports/transport.ts";
import type { Agent } from "../registry/index.ts";
import { AgentRates } from "./agent-rates.ts";
import { BulkIntake } from "./bulk-intake.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { goodbyeOf } from "./goodbye.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { SessionIntake } from "./intake.ts";
import { IntakeShare } from "./intake-share.ts";
import { Outbox } from "./outbox.ts";
import type { PartSession } from "./part-session.ts";
import { Reception, type ReceptionOptions } from "./reception.ts";
import { SessionTable } from "./session-table.ts";
import { Throttle } from "./throttle.ts";

/** Counts by code; those that are usual are there from the start. */
type CodeCounts = Partial<Record<ErrorCode, number>>;

function count(counts: CodeCounts, code: ErrorCode): void {
  counts[code] = (counts[code] ?? 0) + 1;
}

export interface SessionStationOptions extends ReceptionOptions {
  readonly clock: Clock;
}

/** The instants of the frame whose samples are being applied, on the node's clock. */
export interface FrameTimes {
  framedAtUs: number;
  arrivedAtUs: number;
  computedAtUs: number;
  /** What to add to the instants of its samples to have them by the best estimate of the agent's clock. */
  placementErrorUs: number;
  /** Where its samples come in; undefined for what no part has sent. */
  intake: SessionIntake | undefined;
}

export class SessionStation implements ConnectionHost {
  /** The frame in work; its samples may fire rules. */
  readonly frame: FrameTimes = {
    framedAtUs: Number.NaN,
    arrivedAtUs: Number.NaN,
    computedAtUs: Number.NaN,
    placementErrorUs: 0,
    intake: undefined,
  };
  /** Totals since the start: what was received, who was refused or ended, and what agents told to have dropped. */
  readonly counters = {
    frames: 0,
    bytes: 0,
    bulkFrames: 0,
    /** Sessions ended for what their agents did, by the code they were told. */
    expelled: { PROTOCOL_ERROR: 0, RESOURCE_EXHAUSTED: 0 } as CodeCounts,
    slowReaders: 0,
    takenOver: 0,
    /** Hellos answered with the address of the lane that the agent belongs to. */
    sentOn: 0,
    /** Connections refused before they had a session, by the code they were told. */
    refused: {
      PROTOCOL_ERROR: 0,
      RESOURCE_EXHAUSTED: 0,
      UNAUTHENTICATED: 0,
      PERMISSION_DENIED: 0,
      NODE_DRAINING: 0,
    } as CodeCounts,
    /** Connections that ended by a fault which their transport names, such as a frame too large. */
    faults: 0,
    agentDroppedSamples: 0,
    agentDroppedEvents: 0,
  };
  readonly framePool: BytePool = new BytePool();
  readonly rates: AgentRates;
  readonly #options: SessionStationOptions;
  readonly #table = new SessionTable();
  readonly #connections = new Set<Connection>();
  readonly #bulk: BulkIntake;
  readonly #outbox: Outbox;
  readonly #reception: Reception;
  readonly #heartbeats: Heartbeats;

  constructor(options: SessionStationOptions) {
    this.#options = options;
    const { clock, settings, registry, listener } = options;
    this.rates = new AgentRates(settings);
    this.#bulk = new BulkIntake({
      clock,
      quantumUs: settings.bulkQuantumUs,
      aheadBytes: settings.bulkAheadBytes,
      maxBacklogBytes: settings.maxBacklogBytes,
      maxBytes: settings.maxBulkBytes,
    });
    this.#outbox = new Outbox(settings.hardOutboundBytes, (session) => this.#cutOff(session));
    this.#reception = new Reception(options, {
      table: this.#table,
      outbox: this.#outbox,
      counters: this.counters,
      nowUs: () => clock.nowUs(),
    });
    this.#heartbeats = new Heartbeats({
      clock,
      settings,
      registry,
      table: this.#table,
      onBegin: (nowUs) => this.beginApply(Number.NaN, nowUs, 0),
      onAge: (agent, ageSeconds, nowUs) => listener.onHeartbeatAge(agent, ageSeconds, nowUs),
      onDead: (session) => this.#giveUp(session),
      onExpired: (session) =>
        this.#finish(session, { code: "SESSION_EXPIRED", reason: "the resume window has passed" }),
      onEnd: () => this.endTurn(),
    });
  }

  /** Begins to watch heartbeats. */
  start(): void {
    this.#heartbeats.start();
  }

  get sessionCount(): number {
    return this.#table.size;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The sessions of an agent by part. */
  of(agent: Agent): ReadonlyFew<PartName, PartSession> {
    return this.#table.of(agent.id);
  }

  all(): IterableIterator<PartSession> {
    return this.#table.all();
  }

  /** Takes a channel that a transport accepted. */
  accept(channel: Channel, peer: PeerInfo): ChannelHandler {
    const { clock, settings } = this.#options;
    const share = new IntakeShare(
      settings.inlineBurstBytes,
      settings.inlineBytesPerSecond,
      clock.nowUs(),
    );
    const timer = clock.schedule(settings.helloTimeoutUs, () =>
      this.expelled(connection, new MyelinError("PROTOCOL_ERROR", "no hello came in time")),
    );
    const connection = new Connection(encodedChannel(channel), peer, this, share, timer);
    if (this.#connections.size >= settings.maxConnections) {
      const message = `the node already has ${this.#connections.size} connections, which is the limit maxConnections`;
      this.expelled(connection, new MyelinError("RESOURCE_EXHAUSTED", message));
    } else this.#connections.add(connection);
    return connection;
  }

  /** Delivers what was decided, then writes what every session has queued. */
  endTurn(): void {
    this.#options.listener.onTurnEnd();
    this.#outbox.flush();
  }

  /** Writes what every session has queued, one frame each. */
  flush(): void {
    this.#outbox.flush();
  }

  /** Bytes of bulk that wait to be handled. */
  get bulkBytes(): number {
    return this.#bulk.sizeBytes;
  }

  /** Bytes that wait to be taken by agents. */
  get outboundBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Pings and pongs not sent to agents that read too slowly, since the start. */
  get shedFrames(): number {
    return this.#outbox.shedFrames;
  }

  /** Time that bulk has taken since the start, microseconds. */
  get bulkUs(): number {
    return this.#bulk.spentUs;
  }

  /** Frames that came while bulk was not read, since the start. */
  get heldBulkFrames(): number {
    return this.#bulk.heldFrames;
  }

  /** Stops to read bulk, or goes on with it. */
  holdBulk(isHeld: boolean): void {
    this.#bulk.hold(isHeld);
  }

  /** Says goodbye to everybody; their sessions can be resumed elsewhere or later. */
  drain(goodbye: Goodbye): void {
    this.#heartbeats.stop();
    this.flush();
    for (const connection of this.#connections)
      if (!connection.isReleased) connection.dismiss(goodbye);
  }

  /** Ends the sessions that a token admitted: it is not valid any more. */
  endAdmittedBy(tokenId: string, error: MyelinError): void {
    for (const session of [...this.#table.all()]) {
      if (session.tokenId !== tokenId) continue;
      const { state } = session;
      if (state.kind === "live") state.carrier.dismiss(goodbyeOf(error, false));
      this.#finish(session, { code: error.code, reason: error.message });
    }
    this.endTurn();
  }

  nowUs(): number {
    return this.#options.clock.nowUs();
  }

  received(connection: Connection, bytes: Uint8Array, nowUs: number): boolean {
    this.counters.frames++;
    this.counters.bytes += bytes.byteLength;
    const isInShare = connection.share.take(bytes.byteLength, nowUs);
    if (isInShare && !connection.hasBacklog) return true;
    this.counters.bulkFrames++;
    if (!this.#bulk.offer(connection, bytes, nowUs)) {
      const message = "more was sent than the node can have waiting";
      this.expelled(connection, new MyelinError("RESOURCE_EXHAUSTED", message));
      this.endTurn();
    }
    return false;
  }

  admit(connection: Connection, hello: Hello, nowUs: number): void {
    this.#reception.admit(connection, hello, nowUs);
  }

  beginApply(
    framedAtUs: number,
    arrivedAtUs: number,
    placementErrorUs: number,
    intake?: SessionIntake,
  ): void {
    this.frame.intake = intake;
    this.frame.framedAtUs = framedAtUs;
    this.frame.placementErrorUs = placementErrorUs;
    this.frame.arrivedAtUs = arrivedAtUs;
    this.frame.computedAtUs = this.#options.clock.nowUs();
  }

  acknowledged(session: PartSession, acknowledgement: Acknowledgement): void {
    this.#options.listener.onAcknowledgement(session, acknowledgement);
  }

  clockStepped(session: PartSession, timeLine: string): void {
    const isSameClock = timeLine === session.part.timeLine;
    this.#options.registry.startTimeLine(session.agent, session.part, timeLine);
    // Only the node's estimate has moved; the part knows of no step.
    if (isSameClock) session.intake.goOnAnew(-session.clockOffset.offsetUs, this.nowUs());
  }

  partState(session: PartSession, { part: name, state }: PartState): void {
    const part = session.agent.parts.get(name as PartName);
    if (part === undefined || part === session.part) return;
    if (state === "running") this.#table.letRun(session, part, this.nowUs());
    else session.hold(part, state);
  }

  throttle(connection: Connection, session: PartSession, aheadUs: number): Throttle {
    const { clock } = this.#options;
    const onHold = (): void => connection.holdReading();
    const onEnd = (): void => connection.endThrottle();
    return new Throttle({ clock, rates: this.rates, session, onHold, onEnd }, aheadUs);
  }

  dropBacklog(connection: Connection): void {
    this.#bulk.drop(connection);
  }

  agentDropped(session: PartSession, { droppedSamples, droppedEvents }: FlowControl): void {
    const { counters } = this;
    counters.agentDroppedSamples += Math.max(0, droppedSamples - session.droppedSamples);
    counters.agentDroppedEvents += Math.max(0, droppedEvents - session.droppedEvents);
    session.droppedSamples = Math.max(session.droppedSamples, droppedSamples);
    session.droppedEvents = Math.max(session.droppedEvents, droppedEvents);
  }

  disconnected(connection: Connection, end: ChannelEnd): void {
    this.#connections.delete(connection);
    if (end.code !== undefined && end.code !== "UNAVAILABLE") this.counters.faults++;
  }

  lost(session: PartSession, end: ChannelEnd): void {
    session.setState({ kind: "away", sinceUs: this.nowUs() });
    this.#options.listener.onDetached(session, end);
  }

  left(session: PartSession, goodbye: Goodbye): void {
    this.#finish(session, { reason: goodbye.message === "" ? "the agent left" : goodbye.message });
  }

  expelled(connection: Connection, error: MyelinError): void {
    const { session } = connection;
    if (session === undefined) {
      count(this.counters.refused, error.code);
      // Who was refused may still have a session here, to be resumed when the reason has gone.
      connection.dismiss(goodbyeOf(error, error.isRetryable));
      return;
    }
    count(this.counters.expelled, error.code);
    connection.dismiss(goodbyeOf(error, false));
    this.#finish(session, { code: error.code, reason: error.message });
  }

  /** The agent leaves too much unread: it is not told, for it would not read that either. */
  #cutOff(session: PartSession): void {
    const { state } = session;
    if (state.kind !== "live") return;
    this.counters.slowReaders++;
    state.carrier.release();
    state.carrier.channel.destroy();
    const reason = `the agent left more than ${this.#options.settings.hardOutboundBytes} bytes unread`;
    this.#finish(session, { code: "SLOW_READER", reason });
  }

  /** The connection counts as broken; the session can be resumed over another. */
  #giveUp(session: PartSession): void {
    const { state } = session;
    if (state.kind !== "live") return;
    state.carrier.release();
    state.carrier.channel.destroy();
    this.lost(session, { code: "HEARTBEAT_LOST", reason: "nothing was heard for too long" });
  }

  /** The session is over; with the last one of its agent the agent leaves. */
  #finish(session: PartSession, end: ChannelEnd): void {
    if (session.state.kind === "ended") return;
    const { registry } = this.#options;
    registry.heard(session.agent, session.part, session.lastHeardUs);
    this.#table.remove(session);
    this.#table.letGo(session, this.nowUs());
    this.#options.listener.onDetached(session, end);
    if (this.of(session.agent).size === 0) registry.leave(session.agent, this.nowUs());
  }
}
