/** A real node behind real sockets, with a bystander that must notice nothing of what is done to it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as dial, type Socket } from "node:net";
import { Writable } from "node:stream";
import type { TestContext } from "node:test";
import { type Agent, connect } from "@myelin/agent";
import { type NodeOptions, type RunningNode, startNode } from "@myelin/node";
import { pino } from "pino";

/** What a request brought. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export class HostileNode {
  readonly node: RunningNode;
  /** All that the node has logged, at every level. */
  readonly log: string[];
  readonly #bystander: Agent;
  #worked = Promise.withResolvers<void>();

  private constructor(node: RunningNode, log: string[], bystander: Agent) {
    this.node = node;
    this.log = log;
    this.#bystander = bystander;
    bystander.on("work", () => this.#worked.resolve());
  }

  /** Starts one for a test, closed at its end; memory keeps its state unless a directory is given. */
  static async start(t: TestContext, options: Partial<NodeOptions> = {}): Promise<HostileNode> {
    const log: string[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        log.push(chunk.toString());
        done();
      },
    });
    const node = await startNode({
      port: 0,
      storage: "memory",
      log: pino({ level: "trace", base: null }, sink),
      ...options,
    });
    t.after(() => node.close(0));
    const token = options.token === undefined ? {} : { token: options.token };
    const agent = await connect({ url: node.url, id: "bystander", type: "bystander", ...token });
    t.after(() => agent.close());
    const hostile = new HostileNode(node, log, agent);
    const rules = [
      { name: "probe", expr: "probe > 0.5", where: 'agent.type == "bystander"', action: "work" },
    ];
    const applied = await hostile.call("POST", "/api/v1/rules", {
      body: JSON.stringify({ rules }),
      ...(options.token === undefined ? {} : { token: options.token }),
    });
    assert.equal(applied.status, 200, applied.body);
    return hostile;
  }

  get port(): number {
    return Number(new URL(this.node.httpUrl).port);
  }

  /** Fails unless the bystander's control loop goes on, and the node has met no fault of its own. */
  async assertUnharmed(): Promise<void> {
    this.#worked = Promise.withResolvers();
    this.#bystander.report({ probe: 1 });
    await this.#worked.promise;
    this.#bystander.report({ probe: 0 });
    await this.#bystander.flush();
    assert.deepEqual(
      this.log.filter((line) => line.includes("INTERNAL") || line.includes('"level":50')),
      [],
    );
  }

  /** One request over a connection of its own. */
  async call(
    method: string,
    path: string,
    options: {
      readonly body?: string | Uint8Array;
      readonly token?: string;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Answer> {
    const { body, token, headers = {} } = options;
    const response = await fetch(new URL(path, this.node.httpUrl), {
      method,
      headers: {
        connection: "close",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : Buffer.from(body) }),
    });
    return { status: response.status, body: await response.text() };
  }

  /** A bare connection. */
  async dial(): Promise<Socket> {
    const socket = dial(this.port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }

  /** All that the node says to these bytes until it hangs up. */
  async say(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
    const socket = await this.dial();
    for (const piece of pieces) socket.write(piece);
    return await everythingFrom(socket);
  }
}

/** All that comes on a connection until it is closed, however that happens. */
export async function everythingFrom(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

/** A WebSocket handshake as a text, with more headers if need be. */
export function handshake(subprotocol: string, ...more: readonly string[]): string {
  return [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    ...more,
    "\r\n",
  ].join("\r\n");
}

/** A WebSocket frame of a client, masked with zeroes; `first` is its first byte. */
export function clientFrame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  head[0] = first;
  head[1] = 0x80 | Math.min(length, length < 65_536 ? 126 : 127);
  if (head.length === 8) head.writeUInt16BE(length, 2);
  else if (head.length === 14) head.writeUInt32BE(length, 6);
  return Buffer.concat([head, payload]);
}

/** First bytes of WebSocket frames that are whole messages. */
export const text = 0x81;
export const binary = 0x82;
