// The SDK of today at nodes of other versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Agent, createAgent } from "@myelin/agent";
import { type Channel, type Dial, memoryChannel } from "@myelin/core/channel";
import { VirtualClock } from "@myelin/core/clock";
import { seededRandom } from "@myelin/core/random";
import { type Acknowledgement, FrameWriter, type Hello, readFrame } from "@myelin/core/wire";
import { framesOf, minors, placeholderId, startUs } from "./corpus.ts";

/** A node that says frozen frames, and reads the agent's as today's codec does. */
class Recording {
  readonly clock: VirtualClock = new VirtualClock(startUs);
  readonly hellos: Hello[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  readonly values: number[] = [];
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

  #onFrame(bytes: Uint8Array): void {
    readFrame(bytes, {
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
    assert.deepEqual(node.values, [0.97]);
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
