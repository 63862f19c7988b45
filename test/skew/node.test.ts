// Agents of other versions at the node of today.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createLog, type RunningNode, startNode } from "@myelin/node";
import { type FrameVisitor, type Goodbye, readFrame, type Welcome } from "@myelin/core/wire";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { WebSocket } from "ws";
import { eventually, temporaryDirectory } from "../e2e/support/index.ts";
import { framesOf, minors, withId } from "./corpus.ts";

/** An agent that says frozen frames, and reads the node's as today's codec does. */
class Recording implements AsyncDisposable {
  readonly #socket: WebSocket;
  welcome: Welcome | undefined;
  goodbye: Goodbye | undefined;
  instructionId: string | undefined;
  readonly settled: string[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const visitor: FrameVisitor = {
      onWelcome: (welcome) => (this.welcome = welcome),
      onGoodbye: (goodbye) => (this.goodbye = goodbye),
      onInstruction: ({ id }) => (this.instructionId = id),
      onSettlement: ({ instructionIds }) => void this.settled.push(...instructionIds),
    };
    socket.on("message", (data) => readFrame(data as Buffer, visitor));
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
        agent.say(withId(frames.get(title) ?? new Uint8Array(0), id));
      }
      await eventually("the outcome is settled", () => agent.settled.includes(id));
      const entry = await documentAt(`${node.httpUrl}/api/v1/instructions/${id}`);
      assert.deepEqual([entry["status"], entry["result"]], ["executed", "done"]);
      const known = await documentAt(`${node.httpUrl}/api/v1/agents/skewed`);
      assert.deepEqual(known["twin"], { mode: "busy" });
      agent.say(frames.get("goodbye"));
      await eventually("the agent has left", () => node.describe().sessions === 0);
      assert.equal(agent.goodbye, undefined);
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
