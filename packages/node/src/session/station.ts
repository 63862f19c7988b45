/**
 * The sessions of the node: who is attached, how each is doing, and what is to be sent to whom.
 *
 * Invariants
 * 1. Per agent and part there is at most one session, and per session at most one connection.
 * 2. What one turn queues for a session leaves in one frame (`endTurn`), control first.
 * 3. Outbound bytes are bounded: above the soft bound pings and pongs are shed and counted, above the
 *    hard bound the session ends with SLOW_READER. Instructions are never shed here.
 * 4. A session without a connection ends when its resume window has passed.
 */
import type { Channel, ChannelEnd, ChannelHandler } from "@myelin/core/channel";
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { type AgentId, type PartName, parseSessionId, type SessionId } from "@myelin/core/ids";
import { type Random, randomName } from "@myelin/core/random";
import { hashSecret, isEqualHash } from "@myelin/core/secret";
import type { Acknowledgement, Goodbye, Hello, PartState } from "@myelin/core/wire";
import type { PeerInfo } from "../ports/transport.ts";
import type { Admission, Agent, Registry } from "../registry/index.ts";
import { BulkIntake } from "./bulk-intake.ts";
import { Connection, type ConnectionHost, goodbyeOf } from "./connection.ts";
import type { OpenIntake } from "./intake.ts";
import { PartSession } from "./part-session.ts";
import type { NodeIdentity, SessionSettings } from "./settings.ts";

/** What the rest of the node hears of sessions. */
export interface SessionListener {
  /** A part is attached, anew or again; `outcomes` is what it says became of recent instructions. */
  onAttached(
    session: PartSession,
    how: { readonly isResumed: boolean; readonly isNewIncarnation: boolean },
    outcomes: readonly Acknowledgement[],
  ): void;
  onAcknowledgement(session: PartSession, acknowledgement: Acknowledgement): void;
  /** A session lost its connection or is over. */
  onDetached(session: PartSession, end: ChannelEnd): void;
  /** The frame is done; what was decided is to be delivered before sessions are flushed. */
  onTurnEnd(): void;
  /** The node's own observation of an agent's worst silence, in seconds. */
  onHeartbeatAge(agent: Agent, ageSeconds: number, nowUs: number): void;
}

export interface SessionStationOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: SessionSettings;
  readonly node: NodeIdentity;
  readonly registry: Registry;
  readonly openIntake: OpenIntake;
  /** Admits or refuses a peer before anything else. @throws MyelinError UNAUTHENTICATED, PERMISSION_DENIED, NODE_DRAINING */
  readonly authorize: (hello: Hello, peer: PeerInfo) => void;
  readonly listener: SessionListener;
}

/** The instants of the frame whose samples are being applied, on the node's clock. */
export interface FrameTimes {
  framedAtUs: number;
  arrivedAtUs: number;
  computedAtUs: number;
  /** What to add to the instants of its samples to have them by the best estimate of the agent's clock. */
  placementErrorUs: number;
}

const noSessions: ReadonlyMap<PartName, PartSession> = new Map();
const maxRemembered = 10_000;
/** A young session is pinged at every sweep, so that the estimate of its clock is soon a good one. */
const youngSessionUs = 2_000_000;

export class SessionStation implements ConnectionHost {
  /** The frame in work; its samples may fire rules. */
  readonly frame: FrameTimes = {
    framedAtUs: Number.NaN,
    arrivedAtUs: Number.NaN,
    computedAtUs: Number.NaN,
    placementErrorUs: 0,
  };
  /** Frames and bytes received since the start, and sessions ended for misbehaviour. */
  readonly counters = {
    frames: 0,
    bytes: 0,
    bulkFrames: 0,
    expelled: 0,
    slowReaders: 0,
    takenOver: 0,
    refused: 0,
  };
  readonly #options: SessionStationOptions;
  readonly #bulk: BulkIntake;
  readonly #sessions = new Map<SessionId, PartSession>();
  readonly #byAgent = new Map<AgentId, Map<PartName, PartSession>>();
  readonly #connections = new Set<Connection>();
  /** Ids of sessions that another took over: who held one must not take over in turn. Bounded, oldest out. */
  readonly #replaced = new Set<string>();
  readonly #queued: PartSession[] = [];
  #isFlushPlanned = false;
  #turn = 0;
  #isTurnPlanned = false;
  #sweepTimer: Timer | undefined;

  constructor(options: SessionStationOptions) {
    this.#options = options;
    this.#bulk = new BulkIntake(options.clock, options.settings.bulkQuantumUs);
  }

  /** Begins to watch heartbeats. */
  start(): void {
    this.#sweepTimer = this.#options.clock.schedule(
      this.#options.settings.heartbeatIntervalUs / 4,
      () => this.#sweep(),
    );
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The sessions of an agent by part. */
  of(agent: Agent): ReadonlyMap<PartName, PartSession> {
    return this.#byAgent.get(agent.id) ?? noSessions;
  }

  all(): IterableIterator<PartSession> {
    return this.#sessions.values();
  }

  /** Takes a channel that a transport accepted. */
  accept(channel: Channel, peer: PeerInfo): ChannelHandler {
    const connection = new Connection(channel, peer, this);
    this.#connections.add(connection);
    this.#options.clock.schedule(this.#options.settings.helloTimeoutUs, () => {
      if (connection.isGreeting)
        connection.dismiss(
          goodbyeOf(new MyelinError("PROTOCOL_ERROR", "no hello came in time"), false),
        );
    });
    return connection;
  }

  /** Delivers what was decided, then writes what every session has queued. */
  endTurn(): void {
    this.#options.listener.onTurnEnd();
    this.flush();
  }

  /** Writes what every session has queued, one frame each. */
  flush(): void {
    for (let session = this.#queued.pop(); session !== undefined; session = this.#queued.pop()) {
      session.isQueued = false;
      const { state } = session;
      if (state.kind !== "live") continue;
      const frame = session.takeFrame();
      if (frame === undefined) continue;
      state.channel.send(frame);
      if (state.channel.bufferedBytes > this.#options.settings.hardOutboundBytes)
        this.#endSlowReader(session, state.channel);
    }
  }

  /** Says goodbye to everybody; their sessions can be resumed elsewhere or later. */
  drain(goodbye: Goodbye): void {
    this.#sweepTimer?.cancel();
    this.flush();
    for (const connection of this.#connections) connection.dismiss(goodbye);
  }

  nowUs(): number {
    return this.#options.clock.nowUs();
  }

  admit(connection: Connection, hello: Hello, nowUs: number): PartSession {
    if (hello.protocolVersion !== 1) {
      throw new MyelinError(
        "UNSUPPORTED_VERSION",
        `protocol version ${hello.protocolVersion} is not spoken here; version 1 is`,
      );
    }
    this.#options.authorize(hello, connection.peer);
    if (
      connection.session === undefined &&
      hello.resume !== undefined &&
      this.#replaced.has(hello.resume.sessionId)
    ) {
      throw new MyelinError(
        "TAKEN_OVER",
        `another session of agent ${hello.agentId}, part ${hello.part}, has taken over`,
      );
    }
    const resumed = this.#resumable(hello);
    const admission = this.#options.registry.admit(hello, nowUs);
    const session = resumed ?? this.#open(admission, connection.channel, nowUs);
    if (resumed !== undefined) this.#attach(resumed, connection, nowUs);
    if (!session.clockOffset.hasExchange) session.peerTime.observe(hello.sentAtUs, nowUs);
    this.#options.listener.onAttached(
      session,
      { isResumed: resumed !== undefined, isNewIncarnation: admission.isNewIncarnation },
      hello.outcomes,
    );
    this.#welcome(session, hello, nowUs, resumed !== undefined);
    return session;
  }

  isBulk(connection: Connection, sizeBytes: number): boolean {
    this.counters.frames++;
    this.counters.bytes += sizeBytes;
    this.#planTurn();
    if (connection.turn !== this.#turn) {
      connection.turn = this.#turn;
      connection.turnBytes = 0;
    }
    connection.turnBytes += sizeBytes;
    return connection.turnBytes > this.#options.settings.inlineBytesPerTurn;
  }

  queueBulk(connection: Connection, bytes: Uint8Array, arrivedAtUs: number): void {
    this.counters.bulkFrames++;
    this.#bulk.offer(connection, bytes, arrivedAtUs);
  }

  beginApply(framedAtUs: number, arrivedAtUs: number, placementErrorUs: number): void {
    this.frame.framedAtUs = framedAtUs;
    this.frame.placementErrorUs = placementErrorUs;
    this.frame.arrivedAtUs = arrivedAtUs;
    this.frame.computedAtUs = this.#options.clock.nowUs();
  }

  acknowledged(session: PartSession, acknowledgement: Acknowledgement): void {
    this.#options.listener.onAcknowledgement(session, acknowledgement);
  }

  clockStepped(session: PartSession, timeLine: string): void {
    this.#options.registry.startTimeLine(session.agent, session.part, timeLine);
  }

  partState(session: PartSession, { part, state }: PartState): void {
    for (const known of session.agent.parts.values())
      if (known.name === part && known !== session.part) known.hold = state;
  }

  left(session: PartSession, goodbye: Goodbye): void {
    this.#finish(session, { reason: goodbye.message === "" ? "the agent left" : goodbye.message });
  }

  expelled(connection: Connection, error: MyelinError): void {
    const { session } = connection;
    if (connection.isGreeting) this.counters.refused++;
    else this.counters.expelled++;
    connection.dismiss(goodbyeOf(error, false));
    if (session !== undefined) this.#finish(session, { code: error.code, reason: error.message });
  }

  ended(connection: Connection, end: ChannelEnd): void {
    this.#connections.delete(connection);
    this.#bulk.drop(connection);
    const { session } = connection;
    if (
      session === undefined ||
      session.state.kind !== "live" ||
      session.state.channel !== connection.channel
    )
      return;
    session.setState({ kind: "away", sinceUs: this.nowUs() });
    this.#options.listener.onDetached(session, end);
  }

  #resumable(hello: Hello): PartSession | undefined {
    if (hello.resume === undefined) return undefined;
    const session = this.#sessions.get(hello.resume.sessionId as SessionId);
    if (
      session === undefined ||
      !isEqualHash(hashSecret(session.resumeToken), hashSecret(hello.resume.resumeToken))
    )
      return undefined;
    const isSame =
      session.agent.id === hello.agentId &&
      session.part.name === hello.part &&
      session.part.incarnation === hello.incarnation;
    return isSame ? session : undefined;
  }

  #open({ agent, part }: Admission, channel: Channel, nowUs: number): PartSession {
    const { random, settings } = this.#options;
    const former = this.of(agent).get(part.name);
    if (former !== undefined) this.#takeOver(former);
    else if (this.#sessions.size >= settings.maxSessions) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `the node already has ${this.#sessions.size} sessions`,
      );
    }
    const session = new PartSession({
      id: parseSessionId(randomName(random, 22)),
      resumeToken: randomName(random, 32),
      agent,
      part,
      channel,
      nowUs,
      intake: this.#options.openIntake(agent, part),
      hungAfterUs: settings.heartbeatIntervalUs * 1.5,
      onQueued: (queued) => this.#queue(queued),
    });
    this.#sessions.set(session.id, session);
    let parts = this.#byAgent.get(agent.id);
    if (parts === undefined) {
      parts = new Map();
      this.#byAgent.set(agent.id, parts);
    }
    parts.set(part.name, session);
    return session;
  }

  #attach(session: PartSession, connection: Connection, nowUs: number): void {
    const { state } = session;
    if (state.kind === "live" && state.channel !== connection.channel) {
      for (const former of this.#connections)
        if (former !== connection && former.session === session) former.release();
      state.channel.destroy();
    }
    session.lastHeardUs = nowUs;
    session.setState({ kind: "live", channel: connection.channel });
  }

  #takeOver(former: PartSession): void {
    this.counters.takenOver++;
    this.#replaced.add(former.id);
    if (this.#replaced.size > maxRemembered)
      for (const oldest of this.#replaced) {
        this.#replaced.delete(oldest);
        break;
      }
    const error = new MyelinError(
      "TAKEN_OVER",
      `a newer session of agent ${former.agent.id}, part ${former.part.name}, has taken over`,
    );
    for (const connection of this.#connections)
      if (connection.session === former) connection.dismiss(goodbyeOf(error, false));
    this.#remove(former);
    this.#options.listener.onDetached(former, { code: error.code, reason: error.message });
  }

  #welcome(session: PartSession, hello: Hello, receivedAtUs: number, isResumed: boolean): void {
    const { node, settings } = this.#options;
    const writer = session.writer();
    const nowUs = this.nowUs();
    writer.welcome({
      sessionId: session.id,
      resumeToken: session.resumeToken,
      isResumed,
      heartbeatIntervalMs: settings.heartbeatIntervalUs / 1000,
      resumeWindowMs: settings.resumeWindowUs / 1000,
      limits: {
        maxFrameBytes: settings.maxFrameBytes,
        maxMetrics: settings.maxMetrics,
        maxOutstandingInstructions: settings.maxOutstanding,
      },
      nodeId: node.id,
      nodeTier: node.tier,
      nodeVersion: node.version,
      telemetrySequence: session.telemetrySequence,
      metricNamesKnown: session.intake.metricNamesKnown,
      helloSentAtUs: hello.sentAtUs,
      helloReceivedAtUs: receivedAtUs,
      sentAtUs: nowUs,
      redirectUrl: "",
    });
    this.#ping(session, nowUs);
  }

  #ping(session: PartSession, nowUs: number): void {
    session.lastPingUs = nowUs;
    session.writer().ping({ sentAtUs: nowUs, timeLine: "" });
  }

  #queue(session: PartSession): void {
    if (session.isQueued) return;
    session.isQueued = true;
    this.#queued.push(session);
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      this.flush();
    });
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    this.#options.clock.defer(() => {
      this.#isTurnPlanned = false;
      this.#turn++;
    });
  }

  #sweep(): void {
    const nowUs = this.nowUs();
    const { heartbeatIntervalUs } = this.#options.settings;
    this.#sweepTimer = this.#options.clock.schedule(heartbeatIntervalUs / 4, () => this.#sweep());
    this.beginApply(Number.NaN, nowUs, 0);
    for (const parts of this.#byAgent.values()) {
      let ageUs = 0;
      let agent: Agent | undefined;
      for (const session of parts.values()) {
        agent = session.agent;
        session.part.lastSeenUs = session.lastHeardUs;
        agent.lastSeenUs = Math.max(agent.lastSeenUs, session.lastHeardUs);
        if (session.part.hold === "running") ageUs = Math.max(ageUs, nowUs - session.lastHeardUs);
        this.#watch(session, nowUs);
      }
      if (agent?.slot !== undefined)
        this.#options.listener.onHeartbeatAge(agent, Math.max(0, ageUs) / 1e6, nowUs);
    }
    this.endTurn();
  }

  #watch(session: PartSession, nowUs: number): void {
    const { settings } = this.#options;
    const { state } = session;
    if (state.kind === "away") {
      if (nowUs - state.sinceUs >= settings.resumeWindowUs)
        this.#finish(session, { code: "SESSION_EXPIRED", reason: "the resume window has passed" });
      return;
    }
    if (state.kind !== "live") return;
    if (
      session.part.hold === "running" &&
      nowUs - session.lastHeardUs >= settings.deadConnectionUs
    ) {
      state.channel.destroy();
      return;
    }
    const isYoung = nowUs - session.joinedAtUs < youngSessionUs;
    if (!isYoung && nowUs - session.lastPingUs < settings.heartbeatIntervalUs * 0.9) return;
    if (state.channel.bufferedBytes > settings.softOutboundBytes) session.shedFrames++;
    else this.#ping(session, nowUs);
  }

  #endSlowReader(session: PartSession, channel: Channel): void {
    this.counters.slowReaders++;
    const reason = `the agent left more than ${this.#options.settings.hardOutboundBytes} bytes unread`;
    for (const connection of this.#connections)
      if (connection.session === session) connection.release();
    channel.destroy();
    this.#finish(session, { code: "SLOW_READER", reason });
  }

  /** The session is over; with the last one of its agent the agent leaves. */
  #finish(session: PartSession, end: ChannelEnd): void {
    if (session.state.kind === "ended") return;
    this.#remove(session);
    this.#options.listener.onDetached(session, end);
    if (this.of(session.agent).size === 0)
      this.#options.registry.leave(session.agent, this.nowUs());
  }

  #remove(session: PartSession): void {
    session.setState({ kind: "ended" });
    this.#sessions.delete(session.id);
    const parts = this.#byAgent.get(session.agent.id);
    if (parts?.get(session.part.name) === session) parts.delete(session.part.name);
    if (parts?.size === 0) this.#byAgent.delete(session.agent.id);
  }
}
