/**
 * The same inputs over real sockets, whose own framing is broken now and then: WebSockets in each encoding,
 * and the Unix socket. Beside them an agent of the SDK does its work.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { connect } from "@myelin/agent";
import { prefixed } from "@myelin/core/channel";
import { seededRandom } from "@myelin/core/random";
import { encodingNamed, encodingNames, type EncodingName, subprotocolOf } from "@myelin/core/wire";
import { type RunningNode, startNode } from "@myelin/node";
import { type Logger, pino } from "pino";
import { preamble } from "./corpus.ts";
import { inputAt } from "./input.ts";

/** What one connection is sent at the most. */
const inputsPerConnection = 20;
const connectionsAtOnce = 8;
/** Connections between two looks at the bystander. */
const connectionsPerCheck = 16;

export interface SocketAttack {
  readonly seed: number;
  readonly iterations: number;
}

/** A way to the node: how a connection begins, and how it frames. */
interface Way {
  readonly encoding: EncodingName;
  dial(): Socket;
  readonly greeting: string;
  frame(bytes: Uint8Array): Buffer;
}

/** A client's frame, with a mask of zeroes. */
function webSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | Math.min(length, length < 65_536 ? 126 : 127);
  if (head.length === 8) head.writeUInt16BE(length, 2);
  else if (head.length === 14) head.writeUInt32BE(length, 6);
  return Buffer.concat([head, payload]);
}

function waysTo(node: RunningNode, unixPath: string): readonly Way[] {
  const { port } = new URL(node.url);
  const webSockets = encodingNames.map((encoding): Way => {
    const opcode = encodingNamed(encoding).isText ? 1 : 2;
    return {
      encoding,
      dial: () => dial(Number(port), "127.0.0.1"),
      greeting: `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${subprotocolOf(encoding)}\r\n\r\n`,
      frame: (bytes) => webSocketFrame(opcode, bytes),
    };
  });
  const unix: Way = {
    encoding: "proto",
    dial: () => dial(unixPath),
    greeting: "",
    frame: (bytes) => Buffer.from(prefixed(bytes)),
  };
  return [...webSockets, unix];
}

/** Sends inputs on one connection and reads to its end. @throws an assertion when the node had a fault of its own */
async function attackOnce(way: Way, seed: number, from: number, count: number): Promise<void> {
  const random = seededRandom(seed ^ Math.imul(from + 1, 0x9e3779b1));
  const socket = way.dial();
  const heard: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => heard.push(chunk));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // Writing to a peer that has closed is what this is about.
  socket.on("error", () => {});
  socket.write(way.greeting);
  for (let at = from; at < from + count; at++) {
    const { bytes, isFirst } = inputAt(seed, at, way.encoding);
    if (at === from && !isFirst)
      socket.write(way.frame(encodingNamed(way.encoding).encode(preamble())));
    const frame = way.frame(bytes);
    if (random.float() < 0.05) frame[Math.floor(random.float() * Math.min(8, frame.length))] = 0xff;
    const cut = random.float() < 0.2 ? Math.floor(random.float() * frame.length) : 0;
    socket.write(frame.subarray(0, cut));
    socket.write(frame.subarray(cut));
  }
  if (random.float() < 0.2) socket.destroy();
  else socket.end();
  await closed;
  const text = Buffer.concat(heard).toString("latin1");
  assert.ok(
    !text.includes("INTERNAL"),
    `inputs ${from} to ${from + count} in ${way.encoding}: ${text}`,
  );
}

/** A log of which only what is an error is kept. */
function errorLog(lines: string[]): Logger {
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return pino({ level: "error" }, sink);
}

/** Attacks a node over its sockets until all inputs were sent. @throws an assertion when something broke */
export async function attackSockets({ seed, iterations }: SocketAttack): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-fuzz-"));
  const unixPath = join(directory, "node.sock");
  const errors: string[] = [];
  const node = await startNode({ port: 0, unixPath, storage: "memory", log: errorLog(errors) });
  try {
    await apply(node);
    const bystander = await Bystander.join(node);
    const ways = waysTo(node, unixPath);
    let at = 0;
    for (let connection = 0; at < iterations; connection += connectionsAtOnce) {
      const attacks: Promise<void>[] = [];
      for (let index = 0; index < connectionsAtOnce && at < iterations; index++) {
        const count = Math.min(inputsPerConnection, iterations - at);
        // The list of ways is not empty.
        attacks.push(attackOnce(ways[(connection + index) % ways.length] as Way, seed, at, count));
        at += count;
      }
      await Promise.all(attacks);
      if (connection % connectionsPerCheck === 0) await bystander.check();
    }
    await bystander.check();
    assert.deepEqual(errors, []);
    await bystander.leave();
  } finally {
    await node.close(0);
    await rm(directory, { recursive: true, force: true });
  }
}

async function apply(node: RunningNode): Promise<void> {
  const rules = [
    { name: "probe", expr: "probe > 0.5", where: 'agent.type == "bystander"', action: "work" },
  ];
  const response = await fetch(`${node.httpUrl}/api/v1/rules`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ rules }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** An agent of the SDK that must notice nothing. */
class Bystander {
  readonly #agent: Awaited<ReturnType<typeof connect>>;
  #worked = Promise.withResolvers<void>();

  private constructor(agent: Awaited<ReturnType<typeof connect>>) {
    this.#agent = agent;
    agent.on("work", () => this.#worked.resolve());
  }

  static async join(node: RunningNode): Promise<Bystander> {
    return new Bystander(await connect({ url: node.url, id: "bystander", type: "bystander" }));
  }

  /** A sample fires the rule, and its instruction arrives. */
  async check(): Promise<void> {
    this.#worked = Promise.withResolvers();
    this.#agent.report({ probe: 1 });
    await this.#worked.promise;
    this.#agent.report({ probe: 0 });
    await this.#agent.flush();
  }

  async leave(): Promise<void> {
    await this.#agent.close();
  }
}
