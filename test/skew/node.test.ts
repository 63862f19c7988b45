// Agents of other versions at the node of today.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { type FrameVisitor, type Goodbye, readFrame, type Welcome } from "@myelin/core/wire";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { WebSocket } from "ws";
import { eventually, temporaryDirectory } from "../e2e/support/index.ts";
import {
  framesOf,
  minors,
  placeholderSession,
  placeholderToken,
  withId,
  withText,
} from "./corpus.ts";
import { FrozenReader, schemaOf } from "./frozen-reader.ts";

/** An agent that says frozen frames, and reads the node's as today's codec does; what it heard is kept for an older one. */
class Recording implements AsyncDisposable {
  readonly #socket: WebSocket;
  welcome: Welcome | undefined;
  goodbye: Goodbye | undefined;
  instructionId: string | undefined;
  needsFullSamples = false;
  readonly settled: string[] = [];
  readonly frames: Uint8Array[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const visitor: FrameVisitor = {
      onWelcome: (welcome) => (this.welcome = welcome),
      onGoodbye: (goodbye) => (this.goodbye = goodbye),
      onInstruction: ({ id }) => (this.instructionId = id),
      onFlowControl: (flow) => (this.needsFullSamples ||= flow.needsFullSamples),
      onSettlement: ({ instructionIds }) => void this.settled.push(...instructionIds),
    };
    socket.on("message", (data) => {
      this.frames.push(Uint8Array.from(data as Buffer));
      readFrame(data as Buffer, visitor);
    });
  }

  static async open(url: string): Promise<Recording> {
    const socket = new WebSocket(url, "myelin.v1.proto");
    const recording = new Recording(socket);
    await once(socket, "open");
    return recording;
  }

  say(frame: Uint8Array | undefined): void {
    assert.ok(frame !== undefined, "there is no such frame");
    this.#socket.send(frame);
  }

  heard<Name extends "welcome" | "goodbye" | "instructionId">(
    name: Name,
  ): Promise<NonNullable<this[Name]>> {
    return eventually(`the node has sent a ${name}`, () => this[name]) as Promise<
      NonNullable<this[Name]>
    >;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
  }
}

async function nodeIn(directory: string): Promise<RunningNode> {
  return startNode({
    port: 0,
    dataDirectory: directory,
    log: await createLog({ level: "fatal", isReadable: false }),
  });
}

for (const minor of minors) {
  test(`an agent of version ${minor} is welcomed, heard, instructed and acknowledged`, async () => {
    await using directory = await temporaryDirectory();
    const node = await nodeIn(directory.path);
    try {
      const rule = { name: "hot", expr: "cpu_usage > 0.9", action: "work", deadline: "20s" };
      await fetch(`${node.httpUrl}/api/v1/rules`, {
        method: "POST",
        body: JSON.stringify({ rules: [rule] }),
      });
      await using agent = await Recording.open(node.url);
      const frames = framesOf("agent", minor);
      agent.say(frames.get("hello"));
      const welcome = await agent.heard("welcome");
      assert.equal(welcome.isResumed, false);
      for (const title of ["ping", "samples", "event and state", "hot samples"]) {
        agent.say(frames.get(title));
      }
      const id = await agent.heard("instructionId");
      for (const title of ["received", "executed"] as const) {
        agent.say(withId(frames.get(title), id));
      }
      await eventually("the outcome is settled", () => agent.settled.includes(id));
      const entry = await documentAt(`${node.httpUrl}/api/v1/instructions/${id}`);
      assert.deepEqual([entry["status"], entry["result"]], ["executed", "done"]);
      const known = await documentAt(`${node.httpUrl}/api/v1/agents/skewed`);
      assert.deepEqual(known["twin"], { mode: "busy" });
      agent.say(frames.get("goodbye"));
      await eventually("the agent has left", () => node.describe().sessions === 0);
      assert.equal(agent.goodbye, undefined);
      const { operations, passedOver } = new FrozenReader(schemaOf(minor)).read(agent.frames);
      const said = Object.fromEntries(operations);
      assert.ok(!("unknown" in said), "an operation that the agent has never heard of");
      assert.deepEqual(passedOver, minor === "0.0" ? ["Episode.7", "Welcome.16"] : []);
      assert.equal(said["welcome"]?.["sessionId"], welcome.sessionId);
      assert.equal(said["welcome"]?.["heartbeatIntervalMs"], welcome.heartbeatIntervalMs);
      assert.equal(said["pong"]?.["telemetrySequence"], undefined, "it came before any telemetry");
      const { id: heardId, action, deadlineUs } = said["instruction"] ?? {};
      assert.deepEqual([heardId, action, typeof deadlineUs], [id, "work", "number"]);
      assert.deepEqual(said["settlement"], { instructionIds: [id] });
    } finally {
      await node.close(1000);
    }
  });
}

for (const minor of minors.slice(1)) {
  test(`an agent of version ${minor} packs its samples, fills a gap in them, and resumes`, async () => {
    await using directory = await temporaryDirectory();
    const node = await nodeIn(directory.path);
    const latest = async (): Promise<unknown> =>
      (await documentAt(`${node.httpUrl}/api/v1/agents/skewed`))["metrics"];
    const until = (value: number): Promise<unknown> =>
      eventually(`the node knows the value ${value}`, async () =>
        JSON.stringify(await latest()).includes(`"value":${value},`),
      );
    try {
      const frames = framesOf("agent", minor);
      await using agent = await Recording.open(node.url);
      agent.say(frames.get("hello"));
      const { sessionId, resumeToken } = await agent.heard("welcome");
      for (const title of ["samples", "packed samples, full"]) agent.say(frames.get(title));
      await until(0.6);
      agent.say(frames.get("packed samples, the next"));
      await until(0.65);
      agent.say(frames.get("packed samples behind a gap"));
      await eventually("full samples are asked for", () => agent.needsFullSamples);
      agent.say(frames.get("packed samples, full again and hot"));
      await until(0.97);
      const heard = new FrozenReader(schemaOf(minor)).read(agent.frames).operations;
      assert.deepEqual(
        heard.filter(([kind]) => kind === "flowControl"),
        [["flowControl", { needsFullSamples: true }]],
      );
      await agent[Symbol.asyncDispose]();
      await using again = await Recording.open(node.url);
      const hello = withText(frames.get("hello that resumes"), placeholderToken, resumeToken);
      again.say(withText(hello, placeholderSession, sessionId));
      const welcome = await again.heard("welcome");
      const { isResumed, telemetrySequence, metricNamesKnown } = welcome;
      assert.deepEqual([isResumed, telemetrySequence, metricNamesKnown], [true, 5, 1]);
      const [first] = new FrozenReader(schemaOf(minor)).read(again.frames).operations;
      assert.deepEqual(
        [first?.[0], first?.[1]["isResumed"], first?.[1]["telemetrySequence"]],
        ["welcome", true, "5"],
      );
    } finally {
      await node.close(1000);
    }
  });
}

async function documentAt(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url)).json()) as Record<string, unknown>;
}

test("an agent of another major version is told so, and not to come again", async () => {
  await using directory = await temporaryDirectory();
  const node = await nodeIn(directory.path);
  try {
    await using agent = await Recording.open(node.url);
    const hello = new BinaryWriter().tag(1, WireType.LengthDelimited).fork();
    hello.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).uint32(2);
    agent.say(hello.tag(2, WireType.LengthDelimited).string("skewed").join().join().finish());
    const { code, message, isFinal, canResume } = await agent.heard("goodbye");
    assert.deepEqual([code, isFinal, canResume], ["UNSUPPORTED_VERSION", true, false]);
    assert.match(message, /protocol version 2 is not spoken here; version 1 is/);
    const refused = new WebSocket(node.url, "myelin.v2.proto");
    const [, response] = await once(refused, "unexpected-response");
    assert.equal(response.statusCode, 400);
    refused.on("error", () => {});
    refused.terminate();
  } finally {
    await node.close(1000);
  }
});
