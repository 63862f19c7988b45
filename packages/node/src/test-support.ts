import assert from "node:assert/strict";
import type { Channel, ChannelEnd } from "@myelin/core/channel";
import { type SkewedClock, VirtualClock } from "@myelin/core/clock";
import type { InstructionDocument } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import { seededRandom } from "@myelin/core/random";
import {
  type Acknowledgement,
  FrameWriter,
  type Goodbye,
  type Hello,
  type InstructionMessage,
  readFrame,
  type Welcome,
} from "@myelin/core/wire";
import { Access, TokenBook } from "./access/index.ts";
import {
  createMemoryStore,
  type MemoryDisk,
  type MemoryStore,
} from "./adapters/memory-store/index.ts";
import { MemoryLog, type MemoryLogDisk } from "./adapters/memory-log/index.ts";
import { createMemoryTransport, type MemoryTransport } from "./adapters/memory-transport/index.ts";
import { idleLoad } from "./api/index.ts";
import { Arc, type ArcOptions, type Notice } from "./arc.ts";
import { createArcApi } from "./arc-api.ts";
import type { Resources } from "./ports/resources.ts";
import type { HttpHandler, HttpResponse } from "./ports/transport.ts";
import { defaultSessionSettings, type SessionSettings } from "./session/index.ts";
import { type ArcSettings, defaultArcSettings } from "./settings.ts";

const startUs = 1_790_000_000_000_000;
export const secondUs = 1e6;

/** What a node under test is made of. */
export interface TestNodeOptions {
  readonly clock?: VirtualClock;
  /** What an earlier node has left. */
  readonly disk?: MemoryDisk;
  /** What an earlier node has left of what rules read of the past; nothing is kept unless given. */
  readonly logDisk?: MemoryLogDisk;
  /** Where it is recorded what rules are told; nowhere unless given. */
  readonly recording?: NonNullable<ArcOptions["recording"]>;
  readonly seed?: number;
  readonly token?: string;
  /** What it listens on; loopback unless given. */
  readonly hosts?: readonly string[];
  readonly settings?: Partial<ArcSettings>;
  readonly session?: Partial<SessionSettings>;
  /** What it measures of itself; nothing unless given. */
  readonly resources?: Resources;
}

/** A node in virtual time: the arc, a store and a transport in memory, and the HTTP API. */
export class TestNode {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly arc: Arc;
  readonly transport: MemoryTransport;
  readonly notices: Notice[] = [];
  readonly #log: MemoryLog | undefined;
  readonly #api: HttpHandler;

  constructor(options: TestNodeOptions = {}) {
    const clock = options.clock ?? new VirtualClock(startUs);
    this.clock = clock;
    this.store = createMemoryStore({
      clock,
      ...(options.disk === undefined ? {} : { disk: options.disk }),
    });
    const random = seededRandom(options.seed ?? 1);
    const access = new Access({
      ...(options.token === undefined ? {} : { token: options.token }),
      tokens: new TokenBook({
        clock,
        store: this.store,
        random: seededRandom(options.seed ?? 2),
        onStoreError: (error) => this.notices.push({ kind: "store-error", error }),
      }),
      hosts: options.hosts ?? ["127.0.0.1"],
    });
    this.#log = options.logDisk && new MemoryLog({ disk: options.logDisk, clock });
    const arc = new Arc({
      ...(this.#log === undefined ? {} : { historyLog: this.#log }),
      ...(options.recording === undefined ? {} : { recording: options.recording }),
      clock,
      access,
      random,
      store: this.store,
      node: { id: "n1", tier: "edge", version: "0.0.0" },
      sessionSettings: { ...defaultSessionSettings, ...options.session },
      settings: { ...defaultArcSettings, ...options.settings },
      ...(options.resources === undefined ? {} : { resources: options.resources }),
      onNotice: (notice) => this.notices.push(notice),
    });
    this.arc = arc;
    this.transport = createMemoryTransport({ clock, maxFrameBytes: 1 << 20 });
    this.#api = createArcApi(arc, {
      clock,
      store: this.store,
      access,
      describeNode: () => ({ id: "n1", openInstructions: arc.dispatch.openCount }),
      metrics: () => Promise.resolve({ contentType: "text/plain", text: "up 1\n" }),
      load: () => idleLoad,
      unreadiness: () => (arc.isDraining ? "the node is shutting down" : undefined),
    });
  }

  async start(): Promise<this> {
    await this.settle(this.arc.start());
    await this.transport.listen((channel, peer) => this.arc.accept(channel, peer));
    return this;
  }

  /** Ends the node as `kill -9` would; `agents` lose their connections. */
  async kill(agents: readonly TestAgent[]): Promise<void> {
    this.store.crash();
    this.#log?.crash();
    this.arc.dispatch.stop();
    for (const agent of agents) agent.disconnect();
    await this.clock.run(0);
  }

  /** Documents of the instructions that ended, in their order. */
  get ended(): InstructionDocument[] {
    return this.notices.flatMap((notice) =>
      notice.kind === "instruction-ended" ? [notice.document] : [],
    );
  }

  /** Asks the HTTP API, and waits at most `waitUs` of virtual time for the answer. */
  async ask(
    method: string,
    target: string,
    body?: unknown,
    options: { headers?: Record<string, string>; waitUs?: number } = {},
  ): Promise<HttpResponse & { json: JsonObject }> {
    const url = new URL(target, "http://node");
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(text ?? "");
    const response = await this.settle(
      this.#api({
        method,
        path: target.split("?")[0] ?? "",
        query: url.searchParams,
        headers: options.headers ?? {},
        body: bytes,
        remoteAddress: "127.0.0.1",
        isLoopback: true,
        signal: new AbortController().signal,
      }),
      options.waitUs ?? 0,
    );
    const isJson = typeof response.body === "string" && response.body.startsWith("{");
    return { ...response, json: isJson ? JSON.parse(String(response.body)) : {} };
  }

  /** Applies rules from YAML. */
  async apply(rules: string): Promise<void> {
    await this.settle(this.arc.rules.apply(rules, "local"));
  }

  /** Waits for a promise while the clock runs. */
  async settle<Result>(promise: Promise<Result>, durationUs = 0): Promise<Result> {
    return await settledOn(this.clock, promise, durationUs);
  }
}

/** What a promise comes to while the clock runs for `durationUs`, or throws. */
export async function settledOn<Result>(
  clock: VirtualClock,
  promise: Promise<Result>,
  durationUs: number,
): Promise<Result> {
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await clock.run(durationUs);
  const outcome = await settled;
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** How an agent under test joins. */
export interface TestAgentOptions {
  readonly id?: string;
  readonly part?: string;
  readonly incarnation?: string;
  readonly type?: string;
  readonly labels?: Record<string, string>;
  /** Those that end in `!` are idempotent. */
  readonly actions?: readonly string[];
  readonly token?: string;
  /** How it answers an instruction; told by hand when absent. */
  readonly answers?: boolean;
  /** Its clock. */
  readonly clock?: VirtualClock | SkewedClock;
}

/** A part of an agent that speaks the wire by hand: it keeps what became of each instruction, as an SDK does. */
export class TestAgent {
  readonly options: TestAgentOptions;
  readonly received: InstructionMessage[] = [];
  readonly settled: string[] = [];
  readonly canceled: string[] = [];
  readonly goodbyes: Goodbye[] = [];
  /** What is told in the next hello. */
  readonly outcomes: Map<string, Acknowledgement> = new Map();
  welcome: Welcome | undefined;
  /** Highest number of its telemetry that a pong has confirmed. */
  confirmed = 0;
  ended: ChannelEnd | undefined;
  readonly #clock: VirtualClock | SkewedClock;
  readonly #names: string[] = [];
  #channel: Channel | undefined;
  #declared = 0;
  #sequence = 0;
  #isFrozen = false;

  constructor(clock: VirtualClock, options: TestAgentOptions = {}) {
    this.options = options;
    this.#clock = options.clock ?? clock;
  }

  /** Connects to a node, resuming the session if there was one. */
  async join(node: TestNode, changes: Partial<Hello> = {}): Promise<this> {
    this.ended = undefined;
    const channel = node.transport.dial(
      node.transport.url,
      { onFrame: (frame) => this.#onFrame(frame), onEnd: (end) => (this.ended = end) },
      { maxFrameBytes: 1 << 20 },
    );
    this.#channel = channel;
    this.greet(changes);
    await node.clock.run(0);
    if (this.welcome?.isResumed !== true) {
      this.#declared = 0;
      this.#sequence = 0;
    }
    return this;
  }

  /** Sends a hello over the present connection; after the first it is a further one. */
  greet(changes: Partial<Hello> = {}): void {
    const { options, welcome } = this;
    this.#send((writer) =>
      writer.hello({
        protocolVersion: 1,
        agentId: options.id ?? "w1",
        agentType: options.type ?? "worker",
        part: options.part ?? "app",
        incarnation: options.incarnation ?? "life-1",
        tier: "edge",
        capabilities: [],
        labels: options.labels ?? {},
        actions: (options.actions ?? ["restart"]).map((action) => ({
          name: action.replace("!", ""),
          isIdempotent: action.endsWith("!"),
        })),
        token: options.token ?? "",
        outcomes: [...this.outcomes.values()],
        sentAtUs: this.#clock.nowUs(),
        timeLine: "t1",
        actionsFollow: false,
        ...(welcome === undefined
          ? {}
          : { resume: { sessionId: welcome.sessionId, resumeToken: welcome.resumeToken } }),
        ...changes,
      }),
    );
  }

  /** Sends samples of one instant, now or as if they came again. */
  report(samples: Readonly<Record<string, number>>, atUs: number = this.#clock.nowUs()): void {
    for (const name of Object.keys(samples))
      if (!this.#names.includes(name)) this.#names.push(name);
    const names = this.#names
      .map((name, at) => ({ id: at + 1, name }))
      .filter(({ id }) => id > this.#declared);
    this.#declared = this.#names.length;
    const metrics = Object.keys(samples).map((name) => this.#names.indexOf(name) + 1);
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#send((writer) => {
      writer.header(this.#clock.nowUs(), sequence);
      writer.samples({
        names,
        metrics,
        baseTimeUs: Math.round(atUs),
        values: Float64Array.from(Object.values(samples)),
        offsetsUs: undefined,
        count: metrics.length,
      });
    });
  }

  /** Asks what of its telemetry is confirmed. */
  ping(): void {
    const sentAtUs = this.#clock.nowUs();
    this.#send((writer) => writer.ping({ sentAtUs, timeLine: "t1" }));
  }

  /** Tells what happened at it, some time ago. */
  event(type: string, attributes: JsonObject, agoUs = 0): void {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const nowUs = this.#clock.nowUs();
    this.#send((writer) => {
      writer.header(nowUs, sequence);
      writer.event({ type, attributes, timeUs: nowUs - agoUs });
    });
  }

  /** Tells how far an instruction has come, now. */
  tell(id: string, status: Acknowledgement["status"], more: Partial<Acknowledgement> = {}): void {
    const message = this.received.find((instruction) => instruction.id === id);
    const nowUs = this.#clock.nowUs();
    const isBegun = status === "received" || status === "executed" || status === "failed";
    const acknowledgement: Acknowledgement = {
      instructionId: id,
      status,
      action: message?.action ?? "",
      ...(message?.episode === undefined ? {} : { episode: message.episode }),
      receivedAtUs: this.outcomes.get(id)?.receivedAtUs ?? nowUs,
      begunAtUs: isBegun ? (this.outcomes.get(id)?.begunAtUs ?? nowUs) : 0,
      endedAtUs: status === "received" ? 0 : nowUs,
      ...more,
    };
    this.outcomes.set(id, acknowledgement);
    this.#send((writer) => writer.acknowledgement(acknowledgement));
  }

  /** Loses the connection. */
  disconnect(): void {
    this.#channel?.destroy();
    this.#channel = undefined;
  }

  /** Hangs: it reads and says nothing any more, its connection stays. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** Goes on where it hung. */
  thaw(): void {
    this.#isFrozen = false;
  }

  leave(): void {
    this.#send((writer) =>
      writer.goodbye({ code: "", message: "", canResume: false, isFinal: false }),
    );
  }

  /** The one instruction received so far. */
  get only(): InstructionMessage {
    const [first, second] = this.received;
    assert.ok(first !== undefined && second === undefined, `${this.received.length} received`);
    return first;
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#isFrozen) return;
    readFrame(frame, {
      onWelcome: (welcome) => {
        this.welcome = welcome;
      },
      onPing: (ping) =>
        this.#send((writer) => {
          const nowUs = this.#clock.nowUs();
          writer.pong({
            pingSentAtUs: ping.sentAtUs,
            receivedAtUs: nowUs,
            sentAtUs: nowUs,
            telemetrySequence: 0,
          });
        }),
      onPong: ({ telemetrySequence }) => {
        this.confirmed = telemetrySequence;
      },
      onInstruction: (instruction) => this.#onInstruction(instruction),
      onCancellation: ({ instructionId }) => this.canceled.push(instructionId),
      onSettlement: ({ instructionIds }) => {
        for (const id of instructionIds) this.outcomes.delete(id);
        this.settled.push(...instructionIds);
      },
      onGoodbye: (goodbye) => this.goodbyes.push(goodbye),
    });
  }

  #onInstruction(instruction: InstructionMessage): void {
    const known = this.outcomes.get(instruction.id);
    if (known !== undefined) {
      this.#send((writer) => writer.acknowledgement(known));
      return;
    }
    this.received.push(instruction);
    if (this.options.answers === true) this.tell(instruction.id, "executed");
  }

  #send(write: (writer: FrameWriter) => void): void {
    if (this.#isFrozen) return;
    const writer = new FrameWriter();
    writer.header(this.#clock.nowUs(), 0);
    write(writer);
    this.#channel?.send(writer.take());
  }
}
