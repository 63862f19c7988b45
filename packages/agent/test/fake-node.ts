// A scripted node that speaks the real codec over channels in memory, in virtual time.
import { type Channel, type Dial, memoryChannel } from "@myelin/core/channel";
import { VirtualClock } from "@myelin/core/clock";
import { seededRandom } from "@myelin/core/random";
import {
  type Acknowledgement,
  type EventMessage,
  type FlowControl,
  FrameWriter,
  type Goodbye,
  type Hello,
  type InstructionMessage,
  type PartState,
  type Ping,
  type Pong,
  readFrame,
  type SampleColumns,
  SampleUnpacker,
  type TwinDelta,
  UnpackedColumns,
  type Welcome,
} from "@myelin/core/wire";
import { Agent } from "../src/agent.ts";
import type { AgentOptions } from "../src/options.ts";

/** One sample as a node sees it, with its name resolved by the session's declarations. */
export interface SeenSample {
  readonly name: string;
  readonly value: number;
  readonly timeUs: number;
}

/** One frame as it arrived. */
export interface SeenFrame {
  readonly sentAtUs: number;
  readonly telemetrySequence: number;
  readonly kinds: string[];
  readonly samples: SeenSample[];
  readonly declared: string[];
  /** Operations of packed samples. */
  readonly packed: { readonly isFull: boolean; readonly version: number }[];
  readonly events: EventMessage[];
  readonly twinDeltas: TwinDelta[];
  readonly acknowledgements: Acknowledgement[];
  readonly pings: Ping[];
  readonly pongs: Pong[];
  readonly flowControls: FlowControl[];
  readonly partStates: PartState[];
  readonly goodbyes: Goodbye[];
  readonly hellos: Hello[];
}

/** What a fake session keeps, as a node would. */
interface FakeSession {
  readonly id: string;
  sequence: number;
  readonly names: string[];
  readonly unpacker: SampleUnpacker;
}

export interface FakeNodeOptions {
  /** Changes each welcome. */
  readonly welcome?: Partial<Welcome>;
  /** Clock of the node minus true time. */
  readonly offsetUs?: number;
  /** True when pings are not answered and nothing is confirmed. */
  readonly isSilent?: boolean;
}

/** Start of virtual time. */
export const startUs = 1_790_000_000_000_000;

/** A node with sessions, names and sequence numbers, but no rules. */
export class FakeNode {
  readonly clock: VirtualClock;
  options: FakeNodeOptions;
  /** When false, whoever dials is refused. */
  isUp = true;
  /** When false, hellos are not answered. */
  isWelcoming = true;
  /** Writes what the frame with a welcome says behind it. */
  behindWelcome: (answer: FrameWriter) => void = () => undefined;
  /** Frames of all connections, in order. */
  readonly frames: SeenFrame[] = [];
  /** Samples as a node takes them: repeated frames passed over. */
  readonly samples: SeenSample[] = [];
  readonly events: EventMessage[] = [];
  readonly dialed: string[] = [];
  readonly #sessions = new Map<string, FakeSession>();
  #link: Channel | undefined;
  #sessionCount = 0;

  constructor(clock: VirtualClock, options: FakeNodeOptions = {}) {
    this.clock = clock;
    this.options = options;
  }

  readonly dial: Dial = (url, handler) => {
    this.dialed.push(url);
    return memoryChannel({ clock: this.clock }, handler, (channel) => {
      if (!this.isUp) return undefined;
      this.#link = channel;
      let session: FakeSession | undefined;
      return {
        onFrame: (bytes) => {
          session = this.#onFrame(bytes, channel, session);
        },
        onEnd: () => {
          if (this.#link === channel) this.#link = undefined;
        },
      };
    });
  };

  get link(): Channel {
    if (this.#link === undefined) throw new Error("no agent is connected");
    return this.#link;
  }

  nowUs(): number {
    return this.clock.nowUs() + (this.options.offsetUs ?? 0);
  }

  /** Sends one frame to the agent. */
  send(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter();
    write(writer);
    this.link.send(writer.take());
  }

  instruct(...instructions: (Partial<InstructionMessage> & { readonly id: string })[]): void {
    this.send((writer) => {
      for (const instruction of instructions) {
        writer.instruction({
          action: "restart",
          args: {},
          priority: 5,
          deadlineUs: this.nowUs() + 1e6,
          timeoutUs: 1e6,
          createdAtUs: this.nowUs(),
          ...instruction,
        });
      }
    });
  }

  /** Breaks the connection, as a network does. */
  cut(): void {
    this.link.destroy();
  }

  /** Forgets all sessions, as a restart does. */
  restart(): void {
    this.#sessions.clear();
    this.#link?.destroy();
  }

  get acknowledgements(): Acknowledgement[] {
    return this.frames.flatMap((frame) => frame.acknowledgements);
  }

  get hellos(): Hello[] {
    return this.frames.flatMap((frame) => frame.hellos);
  }

  get lastFrame(): SeenFrame {
    const frame = this.frames.at(-1);
    if (frame === undefined) throw new Error("no frame has arrived");
    return frame;
  }

  #onFrame(
    bytes: Uint8Array,
    channel: Channel,
    before: FakeSession | undefined,
  ): FakeSession | undefined {
    let session = before;
    const answer = new FrameWriter();
    let isRepetition = false;
    let frame: SeenFrame | undefined;
    const seen = (kind: string): SeenFrame => {
      if (frame === undefined) throw new Error("no header was told");
      frame.kinds.push(kind);
      return frame;
    };
    const take = (
      { samples, declared }: SeenFrame,
      { names, count, metrics, values, timesUs }: SampleColumns,
    ): void => {
      if (session === undefined) throw new Error("samples before a welcome");
      for (const { id, name } of names) {
        if (id !== session.names.length + 1) throw new Error(`name ${name} declared as ${id}`);
        session.names.push(name);
        declared.push(name);
      }
      for (let index = 0; index < count; index++) {
        const name = session.names[(metrics[index] ?? 0) - 1];
        if (name === undefined) throw new Error(`metric ${metrics[index]} was not declared`);
        const sample = { name, value: values[index] ?? Number.NaN, timeUs: timesUs[index] ?? 0 };
        samples.push(sample);
        if (!isRepetition) this.samples.push(sample);
      }
    };
    readFrame(bytes, {
      onHeader: (sentAtUs, telemetrySequence) => {
        frame = emptyFrame(sentAtUs, telemetrySequence);
        this.frames.push(frame);
        if (telemetrySequence === 0 || session === undefined) return;
        isRepetition = telemetrySequence <= session.sequence;
        session.sequence = Math.max(session.sequence, telemetrySequence);
      },
      onHello: (hello) => {
        seen("hello").hellos.push(hello);
        if (!this.isWelcoming) return;
        session = this.#welcome(hello, answer);
        this.behindWelcome(answer);
      },
      onPing: (ping) => {
        seen("ping").pings.push(ping);
        if (this.options.isSilent === true) return;
        const at = { receivedAtUs: this.nowUs(), sentAtUs: this.nowUs() };
        answer.pong({
          pingSentAtUs: ping.sentAtUs,
          ...at,
          telemetrySequence: session?.sequence ?? 0,
        });
      },
      onPong: (pong) => void seen("pong").pongs.push(pong),
      onSamples: (columns) => {
        take(seen("samples"), columns);
      },
      onPackedSamples: (packed) => {
        const frameSeen = seen("packedSamples");
        if (session === undefined) throw new Error("samples before a welcome");
        frameSeen.packed.push({ isFull: packed.isFull, version: packed.version });
        const columns = session.unpacker.unpack(packed, session.names.length);
        if (columns !== undefined) take(frameSeen, columns);
      },
      onEvent: (event) => {
        seen("event").events.push(event);
        if (!isRepetition) this.events.push(event);
      },
      onTwinDelta: (delta) => void seen("twinDelta").twinDeltas.push(delta),
      onAcknowledgement: (message) => void seen("acknowledgement").acknowledgements.push(message),
      onFlowControl: (flowControl) => void seen("flowControl").flowControls.push(flowControl),
      onPartState: (partState) => void seen("partState").partStates.push(partState),
      onGoodbye: (goodbye) => void seen("goodbye").goodbyes.push(goodbye),
    });
    if (!answer.isEmpty) channel.send(answer.take());
    return session;
  }

  #welcome(hello: Hello, answer: FrameWriter): FakeSession {
    const resumed = this.#sessions.get(hello.resume?.sessionId ?? "");
    const session = resumed ?? {
      id: `s${++this.#sessionCount}`,
      sequence: 0,
      names: [],
      unpacker: makeUnpacker(),
    };
    this.#sessions.set(session.id, session);
    answer.welcome({
      sessionId: session.id,
      resumeToken: `token-of-${session.id}`,
      isResumed: resumed !== undefined,
      heartbeatIntervalMs: 1000,
      resumeWindowMs: 30_000,
      limits: { maxFrameBytes: 1_048_576, maxMetrics: 1000, maxOutstandingInstructions: 64 },
      nodeId: "n1",
      nodeTier: "edge",
      nodeVersion: "0.1.0",
      telemetrySequence: session.sequence,
      metricNamesKnown: session.names.length,
      helloSentAtUs: hello.sentAtUs,
      helloReceivedAtUs: this.nowUs(),
      sentAtUs: this.nowUs(),
      redirectUrl: "",
      columnForms: [],
      ...this.options.welcome,
    });
    return session;
  }
}

function makeUnpacker(): SampleUnpacker {
  return new SampleUnpacker(new UnpackedColumns());
}

function emptyFrame(sentAtUs: number, telemetrySequence: number): SeenFrame {
  return {
    sentAtUs,
    telemetrySequence,
    kinds: [],
    samples: [],
    declared: [],
    packed: [],
    events: [],
    twinDeltas: [],
    acknowledgements: [],
    pings: [],
    pongs: [],
    flowControls: [],
    partStates: [],
    goodbyes: [],
    hellos: [],
  };
}

/** A world of one node and one agent that has not connected yet. */
export function makeWorld(
  options: { readonly node?: FakeNodeOptions; readonly agent?: Partial<AgentOptions> } = {},
): { clock: VirtualClock; node: FakeNode; agent: Agent } {
  const clock = new VirtualClock(startUs);
  const node = new FakeNode(clock, options.node);
  const agent = new Agent({
    id: "a1",
    type: "worker",
    url: "memory:n1",
    clock,
    random: seededRandom(7),
    dial: node.dial,
    ...options.agent,
  });
  return { clock, node, agent };
}

/** The same with the agent live. */
export async function makeLiveWorld(
  options: Parameters<typeof makeWorld>[0] = {},
): Promise<ReturnType<typeof makeWorld>> {
  const world = makeWorld(options);
  void world.agent.connect();
  await world.clock.run(1);
  return world;
}
