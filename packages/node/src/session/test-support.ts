import assert from "node:assert/strict";
import {
  type Channel,
  type ChannelEnd,
  type ChannelHandler,
  memoryChannel,
} from "@myelin/core/channel";
import { type SkewedClock, VirtualClock } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import { type AgentId, parseAgentId, parsePartName } from "@myelin/core/ids";
import type { AgentAttributes } from "@myelin/core/rules";
import { seededRandom } from "@myelin/core/random";
import {
  type Acknowledgement,
  type FlowControl,
  FrameWriter,
  type Goodbye,
  type Hello,
  type InstructionMessage,
  type PackedSamples,
  type Ping,
  type Pong,
  readFrame,
  type SampleColumns,
  SampleUnpacker,
  UnpackedColumns,
  type Welcome,
} from "@myelin/core/wire";
import type { PeerInfo } from "../ports/transport.ts";
import { type Agent, Registry } from "../registry/index.ts";
import {
  defaultSessionSettings,
  type PartSession,
  type SessionIntake,
  type SessionListener,
  type SessionSettings,
  SessionStation,
  type SessionStationOptions,
} from "./index.ts";

export const originUs = 1_760_000_000_000_000;

/** Slots of no engine: they are counted up, and what happens to them is noted. */
export class TestSlots {
  readonly joined: Map<number, AgentAttributes> = new Map();
  readonly lines: Map<string, string> = new Map();
  maxSlots: number = Number.POSITIVE_INFINITY;
  #next = 0;
  readonly #fail: () => Error;

  constructor(fail: () => Error) {
    this.#fail = fail;
  }

  join(attributes: AgentAttributes): number {
    if (this.joined.size >= this.maxSlots) throw this.#fail();
    this.joined.set(this.#next, attributes);
    return this.#next++;
  }

  leave(slot: number): void {
    assert.ok(this.joined.delete(slot), `slot ${slot} is free already`);
  }

  setAttributes(slot: number, attributes: AgentAttributes): void {
    this.joined.set(slot, attributes);
  }

  startTimeLine(slot: number, part: number, name: string): void {
    this.lines.set(`${slot}/${part}`, name);
  }
}

/** Telemetry that a session handed on. */
export interface Taken {
  readonly session: string;
  readonly kind: "sample" | "event" | "twin";
  readonly name: string;
  readonly timeUs: number;
  readonly value: number;
}

export interface WorldOptions {
  readonly settings?: Partial<SessionSettings>;
  readonly clock?: VirtualClock;
  readonly maxSlots?: number;
  readonly authorize?: SessionStationOptions["authorize"];
  readonly elsewhere?: NonNullable<SessionStationOptions["elsewhere"]>;
  /** Called for each frame's samples; a slow engine, or one that fires. */
  readonly onApply?: (world: World, session: PartSession) => void;
}

/** A station with a registry of its own, and all that it tells. */
export class World implements SessionListener {
  readonly clock: VirtualClock;
  readonly settings: SessionSettings;
  readonly slots: TestSlots;
  readonly registry: Registry;
  readonly station: SessionStation;
  /** `attached`, `resumed` and `detached` with the agent, the part and the code. */
  readonly told: string[] = [];
  readonly taken: Taken[] = [];
  readonly acknowledged: { readonly agent: string; readonly message: Acknowledgement }[] = [];
  readonly ages: { readonly agent: string; readonly seconds: number; readonly atUs: number }[] = [];
  /** Who listens at the node's end of each connection. */
  readonly handlers: Map<WireAgent, ChannelHandler> = new Map();
  onAttachedHook: (session: PartSession, outcomes: readonly Acknowledgement[]) => void = () =>
    undefined;
  onIntake: () => void = () => undefined;
  readonly #options: WorldOptions;

  constructor(fail: () => MyelinError, options: WorldOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new VirtualClock(originUs);
    this.settings = { ...defaultSessionSettings, ...options.settings };
    this.slots = new TestSlots(fail);
    this.slots.maxSlots = options.maxSlots ?? Number.POSITIVE_INFINITY;
    this.registry = new Registry({
      clock: this.clock,
      store: { saveAgents: () => Promise.resolve(), forgetAgent: () => Promise.resolve(true) },
      slots: this.slots,
      maxAgents: 1000,
      maxParts: 8,
      onStoreError: (error) => assert.fail(error),
      onForgotten: () => undefined,
    });
    this.station = new SessionStation({
      clock: this.clock,
      random: seededRandom(7),
      settings: this.settings,
      node: { id: "n1", tier: "edge", version: "1.2.3" },
      registry: this.registry,
      listener: this,
      openIntake: (agent) => {
        this.onIntake();
        return new TestIntake(this, agent.id);
      },
      authorize: options.authorize ?? (() => undefined),
      ...(options.elsewhere === undefined ? {} : { elsewhere: options.elsewhere }),
    });
    this.station.start();
  }

  /** A new connection of a part, not yet greeted. */
  connect(options: WireAgentOptions = {}): WireAgent {
    return new WireAgent(this, options);
  }

  /** A part that has joined. */
  join(options: WireAgentOptions = {}, hello: Partial<Hello> = {}): WireAgent {
    const agent = this.connect(options);
    agent.hello(hello);
    this.clock.advance(0);
    return agent;
  }

  agent(id = "a1"): Agent {
    const agent = this.registry.get(parseAgentId(id));
    assert.ok(agent !== undefined, `agent ${id} is not known`);
    return agent;
  }

  /** The session of a part; fails when there is none. */
  session(id = "a1", part = "app"): PartSession {
    const session = this.station.of(this.agent(id)).get(parsePartName(part));
    assert.ok(session !== undefined, `part ${part} of ${id} has no session`);
    return session;
  }

  /** Lets time pass in which no timer of the node runs, as when its process is stopped; it has gone on for a while then. */
  stall(durationUs: number): void {
    const { clock } = this;
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayUs, callback) => schedule(delayUs + durationUs, callback);
    // Each timer that is due now is set again, and thereby late.
    clock.advance(this.settings.heartbeatIntervalUs / 4);
    clock.schedule = schedule;
    clock.advance(durationUs + this.settings.heartbeatIntervalUs / 4);
  }

  /** The latest age told of an agent. */
  ageOf(id: string): number {
    return this.ages.findLast(({ agent }) => agent === id)?.seconds ?? Number.NaN;
  }

  onAttached(
    session: PartSession,
    how: { readonly isResumed: boolean; readonly isNewIncarnation: boolean },
    outcomes: readonly Acknowledgement[],
  ): void {
    const kind = how.isResumed ? "resumed" : "attached";
    this.told.push(
      `${kind} ${session.agent.id}/${session.part.name}${how.isNewIncarnation ? " anew" : ""}`,
    );
    this.onAttachedHook(session, outcomes);
  }

  onAcknowledgement(session: PartSession, message: Acknowledgement): void {
    this.acknowledged.push({ agent: session.agent.id, message });
  }

  onDetached(session: PartSession, end: ChannelEnd): void {
    this.told.push(`detached ${session.agent.id}/${session.part.name} ${end.code ?? "-"}`);
  }

  onTurnEnd(): void {}

  onHeartbeatAge(agent: Agent, seconds: number, atUs: number): void {
    this.ages.push({ agent: agent.id, seconds, atUs });
  }

  applied(agent: AgentId): void {
    const found = this.registry.get(agent);
    if (found === undefined) return;
    for (const session of this.station.of(found).values()) this.#options.onApply?.(this, session);
  }
}

/** An intake that notes what it is given. Its names are interned as ingest does it. */
class TestIntake implements SessionIntake {
  readonly #world: World;
  readonly #agent: AgentId;
  readonly #names: string[] = [];
  readonly #unpacker = new SampleUnpacker(new UnpackedColumns());
  #collected: Taken[] = [];

  constructor(world: World, agent: AgentId) {
    this.#world = world;
    this.#agent = agent;
  }

  readonly timeLine = "";
  readonly newestUs: number = Number.NEGATIVE_INFINITY;

  readonly newestEventUs: number = Number.NEGATIVE_INFINITY;
  readonly taken: number = 0;
  readonly applied: number = 0;

  passEventsUntil(): void {
    throw new Error("no run of the node came before");
  }

  goOn(): void {
    throw new Error("no run of the node came before");
  }

  goOnAnew(): void {
    // Nothing of an earlier run is known here.
  }

  get metricNamesKnown(): number {
    return this.#names.length;
  }

  get hasSamples(): boolean {
    return this.#collected.length > 0;
  }

  samples(columns: Parameters<SessionIntake["samples"]>[0], toNodeUs: number): void {
    for (const { id, name } of columns.names) this.#names[id - 1] = name;
    for (let at = 0; at < columns.count; at++) {
      this.#collected.push({
        session: this.#agent,
        kind: "sample",
        name: this.#names[(columns.metrics[at] ?? 0) - 1] ?? "unknown",
        value: columns.values[at] ?? Number.NaN,
        timeUs: (columns.timesUs[at] ?? Number.NaN) + toNodeUs,
      });
    }
  }

  unpack(packed: PackedSamples): SampleColumns | undefined {
    return this.#unpacker.unpack(packed, this.metricNamesKnown);
  }

  apply(): void {
    this.#world.taken.push(...this.#collected);
    this.#collected = [];
    this.#world.applied(this.#agent);
  }

  discard(): void {
    this.#collected = [];
  }

  twinDelta(delta: Parameters<SessionIntake["twinDelta"]>[0], timeUs: number): boolean {
    this.#note("twin", "twin", timeUs);
    return delta.version === 404;
  }

  event(event: Parameters<SessionIntake["event"]>[0], timeUs: number): void {
    this.#note("event", event.type, timeUs);
  }

  #note(kind: Taken["kind"], name: string, timeUs: number): void {
    this.#world.taken.push({ session: this.#agent, kind, name, timeUs, value: Number.NaN });
  }
}

export interface WireAgentOptions {
  readonly id?: string;
  readonly part?: string;
  readonly incarnation?: string;
  readonly peer?: Partial<PeerInfo>;
  /** Its clock; the world's own unless given. */
  readonly clock?: SkewedClock | VirtualClock;
  /** False: it reads and says nothing by itself. */
  readonly answersPings?: boolean;
  /** Pings by itself each heartbeat interval. */
  readonly beats?: boolean;
}

/** One frame that came from the node, by the names of its operations. */
export type FrameKinds = readonly string[];

/** One connection of a part, which speaks the wire by hand. */
export class WireAgent {
  readonly channel: Channel;
  /** The node's end of the channel. */
  nodeEnd: Channel | undefined;
  readonly frames: FrameKinds[] = [];
  readonly pings: Ping[] = [];
  readonly pongs: Pong[] = [];
  readonly goodbyes: Goodbye[] = [];
  readonly instructions: string[] = [];
  readonly flow: FlowControl[] = [];
  readonly frameSizes: number[] = [];
  welcome: Welcome | undefined;
  end: ChannelEnd | undefined;
  timeLine = "t1";
  answersPings: boolean;
  readonly #options: WireAgentOptions;
  readonly #world: World;
  readonly #clock: SkewedClock | VirtualClock;
  #sequence = 0;

  constructor(world: World, options: WireAgentOptions) {
    this.#world = world;
    this.#options = options;
    this.#clock = options.clock ?? world.clock;
    this.answersPings = options.answersPings ?? true;
    const peer: PeerInfo = {
      transport: "memory",
      address: "memory:test",
      isLoopback: true,
      ...options.peer,
    };
    this.channel = memoryChannel(
      { clock: world.clock },
      { onFrame: (frame) => this.#onFrame(frame), onEnd: (end) => (this.end = end) },
      (channel) => {
        this.nodeEnd = channel;
        const handler = world.station.accept(channel, peer);
        world.handlers.set(this, handler);
        return handler;
      },
    );
    if (options.beats === true) this.#beat();
  }

  /** What is told in a hello, unless changed. */
  helloOf(changes: Partial<Hello> = {}): Hello {
    const { id = "a1", part = "app", incarnation = "life-1" } = this.#options;
    return {
      part,
      incarnation,
      protocolVersion: 1,
      agentId: id,
      agentType: "worker",
      tier: "edge",
      capabilities: [],
      labels: {},
      actions: [{ name: "stop", isIdempotent: false }],
      actionsFollow: false,
      token: "",
      outcomes: [],
      sentAtUs: this.#clock.nowUs(),
      timeLine: this.timeLine,
      ...changes,
    };
  }

  hello(changes: Partial<Hello> = {}): void {
    this.send((writer) => writer.hello(this.helloOf(changes)));
  }

  /** What resumes this connection's session. */
  get resume(): { readonly sessionId: string; readonly resumeToken: string } {
    const { welcome } = this;
    assert.ok(welcome !== undefined, "there was no welcome");
    return { sessionId: welcome.sessionId, resumeToken: welcome.resumeToken };
  }

  send(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter();
    write(writer);
    this.channel.send(writer.take());
  }

  sendBytes(bytes: Uint8Array): void {
    this.channel.send(bytes);
  }

  /** Sends a frame of samples of one metric, now; gives its telemetry sequence. */
  report(values: readonly number[], options: { name?: string; sequence?: number } = {}): number {
    const sequence = options.sequence ?? ++this.#sequence;
    this.#sequence = Math.max(this.#sequence, sequence);
    const nowUs = Math.round(this.#clock.nowUs());
    this.send((writer) => {
      writer.header(nowUs, sequence);
      writer.samples({
        names: options.name === undefined ? [] : [{ id: 1, name: options.name }],
        metrics: values.map(() => 1),
        baseTimeUs: nowUs,
        values: Float64Array.from(values),
        offsetsUs: undefined,
        count: values.length,
      });
    });
    return sequence;
  }

  ping(): void {
    this.send((writer) => writer.ping({ sentAtUs: this.#clock.nowUs(), timeLine: this.timeLine }));
  }

  leave(changes: Partial<Goodbye> = {}): void {
    this.send((writer) =>
      writer.goodbye({ code: "", message: "", canResume: false, isFinal: false, ...changes }),
    );
  }

  /** Loses the connection, as a cable does that is pulled and noticed. */
  break(): void {
    this.channel.destroy();
    this.#world.clock.advance(0);
  }

  /** The one goodbye; fails when there was none, or more. */
  get goodbye(): Goodbye {
    assert.equal(this.goodbyes.length, 1, "goodbyes");
    return this.goodbyes[0] as Goodbye;
  }

  #beat(): void {
    this.#world.clock.schedule(this.#world.settings.heartbeatIntervalUs, () => {
      if (this.end !== undefined) return;
      if (this.welcome !== undefined && this.answersPings) this.ping();
      this.#beat();
    });
  }

  #onFrame(frame: Uint8Array): void {
    const kinds: string[] = [];
    this.frameSizes.push(frame.byteLength);
    readFrame(frame, {
      onWelcome: (welcome) => {
        kinds.push("welcome");
        this.welcome = welcome;
      },
      onPing: (ping) => {
        kinds.push("ping");
        this.#onPing(ping);
      },
      onPong: (pong) => {
        kinds.push("pong");
        this.pongs.push(pong);
      },
      onInstruction: ({ id }) => {
        kinds.push("instruction");
        this.instructions.push(id);
      },
      onSettlement: () => void kinds.push("settlement"),
      onCancellation: () => void kinds.push("cancellation"),
      onFlowControl: (flow) => {
        kinds.push("flow_control");
        this.flow.push(flow);
      },
      onGoodbye: (goodbye) => {
        kinds.push("goodbye");
        this.goodbyes.push(goodbye);
      },
    });
    this.frames.push(kinds);
  }

  #onPing(ping: Ping): void {
    this.pings.push(ping);
    if (!this.answersPings) return;
    const nowUs = this.#clock.nowUs();
    const pong: Pong = {
      pingSentAtUs: ping.sentAtUs,
      receivedAtUs: nowUs,
      sentAtUs: nowUs,
      telemetrySequence: 0,
    };
    this.send((writer) => writer.pong(pong));
  }
}

/** An instruction of about `sizeBytes`. */
export function instructionOf(id: string, sizeBytes = 0): InstructionMessage {
  return {
    id,
    action: "stop",
    args: sizeBytes === 0 ? {} : { padding: "x".repeat(sizeBytes) },
    priority: 5,
    deadlineUs: originUs + 60e6,
    timeoutUs: 1e6,
    createdAtUs: originUs,
  };
}

/** Writes one sample of the metric `m`. */
export function writeSample(writer: FrameWriter): void {
  writer.samples({
    names: [{ id: 1, name: "m" }],
    metrics: [1],
    baseTimeUs: originUs,
    values: Float64Array.of(1),
    offsetsUs: undefined,
    count: 1,
  });
}
