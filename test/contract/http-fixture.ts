import assert from "node:assert/strict";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { type Socket, connect } from "node:net";
import type { TestContext } from "node:test";
import type { Clock } from "@myelin/core/clock";
import type { ErrorDocument } from "@myelin/core/errors";
import {
  type HttpServer,
  type HttpServerOptions,
  createHttpServer,
} from "../../packages/node/src/adapters/http-server/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import type { AcceptChannel, HttpHandler } from "../../packages/node/src/ports/transport.ts";

export const clock: Clock = systemClock();
export const hears: AcceptChannel = () => ({ onFrame: () => {}, onEnd: () => {} });
export const echo: HttpHandler = async (request) => ({
  status: 200,
  body: JSON.stringify({
    method: request.method,
    path: request.path,
    query: request.query.toString(),
    header: request.headers["x-test"],
    size: request.body.length,
    isLoopback: request.isLoopback,
  }),
});

export async function start(
  t: TestContext,
  options: Partial<HttpServerOptions> = {},
  accept: AcceptChannel = hears,
): Promise<HttpServer> {
  const server = createHttpServer({
    host: "127.0.0.1",
    port: 0,
    maxBodyBytes: 1000,
    maxHeldBodiesBytes: 32_000,
    maxFrameBytes: 1000,
    maxConnections: 50,
    clock,
    handler: echo,
    ...options,
  });
  await server.listen(accept);
  t.after(() => server.close());
  return server;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** One request by Node's client, which unlike fetch sends any Host and Origin. */
export function call(
  server: HttpServer,
  options: {
    path?: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array;
  } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest({
    host: "127.0.0.1",
    port: server.port,
    path: options.path ?? "/",
    method: options.method ?? "GET",
    headers: options.headers ?? {},
    agent: false,
  });
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
  });
  request.on("error", reject);
  request.end(options.body);
  return promise;
}

/** Everything the server says to these bytes until it hangs up. */
export async function raw(server: HttpServer, bytes: string): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.write(bytes);
  return everythingFrom(socket);
}

export async function everythingFrom(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export function assertErrorShape(text: string, code: string): ErrorDocument {
  const document = JSON.parse(text) as ErrorDocument;
  assert.deepEqual(Object.keys(document).sort(), ["code", "details", "hint", "message"]);
  assert.equal(document.code, code);
  assert.notEqual(document.message, "");
  assert.notEqual(document.hint, "");
  return document;
}

export function bodyOf(rawAnswer: string): string {
  return rawAnswer.slice(rawAnswer.indexOf("\r\n\r\n") + 4);
}

/** A handshake by hand, for callers that then break the protocol. */
export const handshake: string = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Protocol: myelin.v1.proto",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "\r\n",
].join("\r\n");
