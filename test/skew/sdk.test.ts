// The SDK of today at nodes of other versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Agent, createAgent } from "@myelin/agent";
import { type Channel, type Dial, memoryChannel } from "@myelin/core/channel";
import { VirtualClock } from "@myelin/core/clock";
import { seededRandom } from "@myelin/core/random";
import {
  type Acknowledgement,
  FrameWriter,
  type Hello,
  type PackedSamples,
  readFrame,
} from "@myelin/core/wire";
import { framesOf, minors, placeholderId, startUs } from "./corpus.ts";
import { FrozenReader, schemaOf } from "./frozen-reader.ts";

/** A node that says frozen frames, and reads the agent's as today's codec does. */
class Recording {
  readonly clock: VirtualClock = new VirtualClock(startUs);
  readonly hellos: Hello[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  readonly values: number[] = [];
  readonly packed: PackedSamples[] = [];
  readonly frames: Uint8Array[] = [];
  readonly agent: Agent;
  #channel: Channel | undefined;

  constructor() {
    this.agent = createAgent({
      id: "skewed",
      url: "memory:node",
      clock: this.clock,
      random: seededRandom(3),
      dial: this.#dial,
    });
  }

  readonly #dial: Dial = (_url, handler) =>
    memoryChannel({ clock: this.clock }, handler, (channel) => {
      this.#channel = channel;
      return { onFrame: (frame) => this.#onFrame(frame), onEnd: () => undefined };
    });

  /** Sends a frame, and lets what it brings happen. */
  async say(frame: Uint8Array | undefined): Promise<void> {
    assert.ok(frame !== undefined && this.#channel !== undefined);
    this.#channel.send(Uint8Array.from(frame));
    await this.clock.run(1000);
  }

  async connect(): Promise<void> {
    this.agent.connect().catch(() => undefined);
    await this.clock.run(1000);
  }

  /** Breaks the connection; the agent dials again by itself. */
  async hangUp(): Promise<void> {
    this.#channel?.destroy();
    await this.clock.run(1e6);
  }

  #onFrame(bytes: Uint8Array): void {
    this.frames.push(Uint8Array.from(bytes));
    readFrame(bytes, {
      onPackedSamples: (packed) => void this.packed.push(structuredClone(packed)),
      onHello: (hello) => void this.hellos.push(hello),
      onAcknowledgement: (message) => void this.acknowledgements.push(message),
      onSamples: ({ values, count }) => void this.values.push(...values.subarray(0, count)),
    });
  }
}

for (const minor of minors) {
  test(`the SDK joins a node of version ${minor}, reports, and does what it is told`, async () => {
    const node = new Recording();
    const { agent } = node;
    agent.on("work", ({ args }) => ({ did: args["why"] ?? null }));
    const frames = framesOf("node", minor);
    await node.connect();
    assert.equal(node.hellos.length, 1);
    await node.say(frames.get("welcome"));
    assert.equal(agent.status.state, "live");
    agent.report({ cpu_usage: 0.97 });
    await node.say(frames.get("pong"));
    agent.metric("load", { tolerance: 0.1 }).report(0.5);
    await node.clock.run(1000);
    assert.deepEqual(node.values, [0.97, 0.5], "packed for a node that has not asked for it");
    for (const title of ["flow control", "instruction", "cancellation"]) {
      await node.say(frames.get(title));
    }
    const [last] = node.acknowledgements.slice(-1);
    assert.deepEqual(
      [last?.instructionId, last?.status, last?.result],
      [placeholderId, "executed", { did: "hot" }],
    );
    await node.say(frames.get("settlement"));
    await node.say(frames.get("goodbye"));
    const { status } = agent;
    assert.equal(status.state, "waiting");
    const { operations, passedOver } = new FrozenReader(schemaOf(minor)).read(node.frames);
    const said = Object.fromEntries(operations);
    assert.ok(!("unknown" in said), "an operation that the node has never heard of");
    assert.deepEqual(passedOver, []);
    const { agentId, protocolVersion, actions } = said["hello"] ?? {};
    assert.deepEqual([agentId, protocolVersion, actions], ["skewed", 1, [{ name: "work" }]]);
    const { instructionId, status: told, result } = said["acknowledgement"] ?? {};
    assert.deepEqual(
      [instructionId, told, result],
      [placeholderId, "STATUS_EXECUTED", { did: "hot" }],
    );
    const sampled = operations.filter(([kind]) => kind === "samples");
    assert.deepEqual(
      sampled.flatMap(([, { values }]) => values ?? []),
      [0.97, 0.5],
    );
    await agent.close();
  });
}

for (const minor of minors.slice(1)) {
  test(`the SDK packs samples for a node of version ${minor}, begins afresh when asked, and resumes`, async () => {
    const node = new Recording();
    const { agent } = node;
    const frames = framesOf("node", minor);
    const load = agent.metric("load", { tolerance: 0.1 });
    const report = async (value: number): Promise<void> => {
      load.report(value);
      await node.clock.run(1000);
    };
    await node.connect();
    await node.say(frames.get("welcome with column forms"));
    await report(0.5);
    await report(0.7);
    await node.say(frames.get("needs full samples"));
    await report(0.9);
    assert.deepEqual(
      node.packed.map(({ isFull }) => isFull),
      [true, false, true],
    );
    const { operations, passedOver } = new FrozenReader(schemaOf(minor)).read(node.frames);
    const packed = operations.filter(([kind]) => kind === "packedSamples");
    assert.deepEqual(
      packed.map(([, { count, isFull }]) => [count, isFull ?? false]),
      [
        [1, true],
        [1, false],
        [1, true],
      ],
    );
    assert.deepEqual(passedOver, []);
    await node.hangUp();
    await node.say(frames.get("welcome that resumes"));
    assert.ok(agent.status.state === "live" && agent.status.isResumed);
    const hellos = new FrozenReader(schemaOf(minor)).read(node.frames).operations;
    const [, hello] = hellos.findLast(([kind]) => kind === "hello") ?? [];
    assert.deepEqual(hello?.["resume"], { sessionId: "session-1", resumeToken: "resume-me" });
    await node.say(frames.get("goodbye"));
    await agent.close();
  });
}

test("the SDK takes no for an answer from a node of another major version", async () => {
  const node = new Recording();
  await node.connect();
  const writer = new FrameWriter();
  const message = "protocol version 1 is not spoken here; version 2 is";
  writer.goodbye({ code: "UNSUPPORTED_VERSION", message, canResume: false, isFinal: true });
  await node.say(writer.take());
  const { status } = node.agent;
  assert.ok(status.state === "closed");
  assert.equal(status.cause?.code, "UNSUPPORTED_VERSION");
  assert.equal(status.cause.message, message);
});
