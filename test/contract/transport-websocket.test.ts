import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import { test } from "node:test";
import type { Channel, ChannelEnd } from "@myelin/core/channel";
import { WebSocket } from "ws";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import type { HttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import type { AcceptChannel, PeerInfo } from "../../packages/node/src/ports/transport.ts";
import {
  assertErrorShape,
  bodyOf,
  call,
  everythingFrom,
  handshake,
  raw,
  start,
} from "./http-fixture.ts";
import { Recorder } from "./recorder.ts";

interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** Tries to open a WebSocket; the refusal if there is one. */
function openWebSocket(
  server: HttpServer,
  path: string,
  subprotocols: readonly string[],
  headers: Record<string, string> = {},
): Promise<WebSocket | Refusal> {
  const { promise, resolve } = Promise.withResolvers<WebSocket | Refusal>();
  const webSocket = new WebSocket(`${server.url}${path}`, [...subprotocols], { headers });
  webSocket.on("error", () => {});
  webSocket.on("open", () => resolve(webSocket));
  webSocket.on("unexpected-response", (_request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
  });
  return promise;
}

const ours = ["myelin.v1.proto"];

async function opened(
  server: HttpServer,
  path: string,
  subprotocols: readonly string[] = ours,
  headers: Record<string, string> = {},
): Promise<WebSocket> {
  const outcome = await openWebSocket(server, path, subprotocols, headers);
  assert.ok(outcome instanceof WebSocket, JSON.stringify(outcome));
  return outcome;
}

test("a WebSocket opens at its paths with our subprotocol and brings its bearer token", async (t) => {
  const peers: PeerInfo[] = [];
  const server = await start(t, {}, (_channel, peer) => {
    peers.push(peer);
    return { onFrame: () => {}, onEnd: () => {} };
  });
  for (const path of ["/", "/myelin", "/myelin?x=1"]) {
    const webSocket = await opened(server, path, ["other", ...ours], {
      authorization: "Bearer s3cret",
    });
    assert.equal(webSocket.protocol, "myelin.v1.proto");
    assert.equal(webSocket.extensions, "");
    webSocket.terminate();
  }
  assert.deepEqual(
    peers.map((peer) => [peer.transport, peer.isLoopback, peer.token]),
    Array.from({ length: 3 }, () => ["websocket", true, "s3cret"]),
  );
});

test("other paths, subprotocols, hosts and origins are refused in the error shape", async (t) => {
  const server = await start(t, { allowedOrigins: ["https://console.example"] });
  const refusals = [
    ["/elsewhere", ours, {}, 404, "NOT_FOUND"],
    ["/", ["mqtt"], {}, 400, "UNSUPPORTED_VERSION"],
    ["/", ["myelin.v2.json", "myelin.v1"], {}, 400, "UNSUPPORTED_VERSION"],
    ["/", ours, { host: "evil.example" }, 403, "PERMISSION_DENIED"],
    ["/", ours, { origin: "https://evil.example" }, 403, "PERMISSION_DENIED"],
  ] as const;
  for (const [path, subprotocols, headers, status, code] of refusals) {
    const outcome = await openWebSocket(server, path, subprotocols, headers);
    assert.ok(!(outcome instanceof WebSocket));
    assert.equal(outcome.status, status);
    assertErrorShape(outcome.text, code);
  }
  (await opened(server, "/", ours, { origin: "https://console.example" })).terminate();
});

test("the first subprotocol that is spoken is taken, and protobuf where none is offered", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const offers = [
    [["myelin.v1.json", "myelin.v1.proto"], "myelin.v1.json", "json"],
    [["myelin.v1.msgpack"], "myelin.v1.msgpack", "msgpack"],
    [["myelin.v9.json", "myelin.v1.proto"], "myelin.v1.proto", "proto"],
    [[], "", "proto"],
  ] as const;
  for (const [offered, taken, encoding] of offers) {
    const webSocket = await opened(server, "/", offered);
    assert.equal(webSocket.protocol, taken);
    assert.equal(one.channel?.encoding, encoding);
    webSocket.terminate();
  }
});

test("a refusal says which subprotocols are spoken, and the SDK's dialer hands its code on", async (t) => {
  const server = await start(t);
  const outcome = await openWebSocket(server, "/", ["mqtt"]);
  assert.ok(!(outcome instanceof WebSocket));
  const { hint } = assertErrorShape(outcome.text, "UNSUPPORTED_VERSION");
  assert.match(hint ?? "", /myelin\.v1\.proto or myelin\.v1\.msgpack or myelin\.v1\.json/);
  const heard = new Recorder();
  dialWith({})(`${server.url}/nowhere`, heard, { maxFrameBytes: 1000 });
  const end = await heard.ended();
  assert.equal(end.code, "NOT_FOUND");
  assert.match(end.reason, /404 .*no WebSocket at/);
});

test("a port of HTTP alone tells who asks for a WebSocket where agents connect", async (t) => {
  const server = await start(t, { agentsAt: () => "ws://node.example:7400" });
  const heard = new Recorder();
  dialWith({})(server.url, heard, { maxFrameBytes: 1000 });
  const { code, reason } = await heard.ended();
  assert.equal(code, "NOT_FOUND");
  assert.match(
    reason,
    /404 .*agents connect to ws:\/\/node\.example:7400; this listener has the API/,
  );
  const outcome = await openWebSocket(server, "/", ours, { host: "evil.example" });
  assert.ok(!(outcome instanceof WebSocket));
  assertErrorShape(outcome.text, "PERMISSION_DENIED");
});

test("in JSON messages are text, both ways, and binary ones cost their sender the channel", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/", ["myelin.v1.json"]);
  const said = new Promise<string>((resolve) => {
    webSocket.on("message", (data, isBinary) =>
      resolve(`${isBinary} ${(data as Buffer).toString()}`),
    );
  });
  const closed = new Promise<[number, string]>((resolve) => {
    webSocket.on("close", (code, reason) => resolve([code, reason.toString()]));
  });
  one.channel?.send(Buffer.from("[]"));
  assert.equal(await said, "false []");
  webSocket.send("{}");
  webSocket.send(Buffer.from("{}"));
  assert.deepEqual(await closed, [1003, "binary messages are not spoken in json, only text ones"]);
  assert.equal((await one.ended).code, "PROTOCOL_ERROR");
  assert.deepEqual(
    one.frames.map((frame) => Buffer.from(frame).toString()),
    ["{}"],
  );
});

test("a text that is not UTF-8 costs its sender the channel", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/", ["myelin.v1.json"]);
  webSocket.send(Buffer.from([0xc3, 0x28]), { binary: false });
  assert.equal((await one.ended).code, "PROTOCOL_ERROR");
});

test("a malformed handshake is refused in the error shape", async (t) => {
  const server = await start(t);
  const answer = await raw(server, handshake.replace(/Key: \S+/, "Key: short"));
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /sec-websocket-version: 13/);
  assertErrorShape(bodyOf(answer), "INVALID_ARGUMENT");
});

test("an upgrade to anything but WebSocket is answered as plain HTTP", async (t) => {
  const server = await start(t);
  const answer = await call(server, { headers: { connection: "upgrade", upgrade: "h2c" } });
  assert.equal(answer.status, 200);
});

/** Accepts one channel and tells what became of it. */
function oneChannel(): {
  readonly accept: AcceptChannel;
  readonly ended: Promise<ChannelEnd>;
  readonly frames: Uint8Array[];
  channel: Channel | undefined;
} {
  const { promise, resolve } = Promise.withResolvers<ChannelEnd>();
  const one = {
    ended: promise,
    frames: [] as Uint8Array[],
    channel: undefined as Channel | undefined,
    accept: (channel: Channel) => {
      one.channel = channel;
      return {
        onFrame: (frame: Uint8Array) => void one.frames.push(new Uint8Array(frame)),
        onEnd: resolve,
      };
    },
  };
  return one;
}

test("a text message costs its sender the channel, with the reason in the close", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/");
  const closed = new Promise<[number, string]>((resolve) => {
    webSocket.on("close", (code, reason) => resolve([code, reason.toString()]));
  });
  webSocket.send(Buffer.from([1]));
  webSocket.send("hello");
  webSocket.send(Buffer.from([2]));
  const [code, reason] = await closed;
  assert.equal(code, 1003);
  assert.match(reason, /binary/);
  assert.equal((await one.ended).code, "PROTOCOL_ERROR");
  assert.equal(one.frames.length, 1);
});

test("a message above the limit is closed with 1009", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/");
  const closed = new Promise<number>((resolve) => webSocket.on("close", resolve));
  webSocket.send(Buffer.alloc(1001));
  assert.equal(await closed, 1009);
  assert.equal((await one.ended).code, "PAYLOAD_TOO_LARGE");
});

test("a message in fragments arrives as one frame, and fragments count against the limit together", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/");
  webSocket.send(Buffer.from([1, 2]), { fin: false });
  webSocket.send(Buffer.from([3]), { fin: false });
  webSocket.send(Buffer.from([4, 5]), { fin: true });
  webSocket.send(Buffer.alloc(600), { fin: false });
  webSocket.send(Buffer.alloc(600), { fin: true });
  assert.equal((await one.ended).code, "PAYLOAD_TOO_LARGE");
  assert.deepEqual(
    one.frames.map((frame) => [...frame]),
    [[1, 2, 3, 4, 5]],
  );
});

test("bytes that break the WebSocket protocol cost their sender the channel only", async (t) => {
  const hostile: readonly (readonly [string, readonly number[]])[] = [
    ["an unmasked message", [0x82, 1, 7]],
    ["a reserved bit", [0xc2, 0x80, 0, 0, 0, 0]],
    ["an unknown opcode", [0x83, 0x80, 0, 0, 0, 0]],
    ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]],
    ["a fragmented ping", [0x09, 0x80, 0, 0, 0, 0]],
    ["a ping that is too long", [0x89, 0xfe, 0, 200, 0, 0, 0, 0]],
    ["a length beyond 2^53", [0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]],
    ["an invalid close code", [0x88, 0x82, 0, 0, 0, 0, 0, 1]],
  ];
  for (const [what, bytes] of hostile) {
    const one = oneChannel();
    const server = await start(t, {}, one.accept);
    const socket = connect(server.port, "127.0.0.1");
    socket.write(handshake);
    socket.write(Uint8Array.from(bytes));
    await everythingFrom(socket);
    const end = await one.ended;
    assert.ok(
      end.code === "PROTOCOL_ERROR" || end.code === "PAYLOAD_TOO_LARGE",
      `${what}: ${end.code}`,
    );
    assert.equal((await call(server)).status, 200);
  }
});

test("a ping is answered, and frames sent meanwhile stay whole", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/");
  const pong = new Promise<string>((resolve) => {
    webSocket.on("pong", (data) => resolve(data.toString()));
  });
  const message = new Promise<number>((resolve) => {
    webSocket.on("message", (data) => resolve((data as Buffer).length));
  });
  webSocket.ping("still there?");
  one.channel?.send(new Uint8Array(70_000));
  assert.equal(await pong, "still there?");
  assert.equal(await message, 70_000);
  webSocket.close();
  assert.equal((await one.ended).code, undefined);
});

test("a channel outlives the time that a request may take", async (t) => {
  const one = oneChannel();
  const server = await start(t, { requestWithinUs: 50_000 }, one.accept);
  const webSocket = await opened(server, "/");
  // Two idle callers in turn are cut off by that bound, the second well after the channel's start.
  for (let caller = 0; caller < 2; caller++) await raw(server, "");
  const pong = new Promise((resolve) => webSocket.on("pong", resolve));
  webSocket.ping();
  await pong;
  webSocket.terminate();
  await one.ended;
});

test("a peer that leaves without a handshake and reads nothing is cut off within a second", async (t) => {
  const one = oneChannel();
  const server = await start(t, {}, one.accept);
  const webSocket = await opened(server, "/");
  webSocket.pause();
  for (let sent = 0; sent < 512; sent++) one.channel?.send(new Uint8Array(65_536));
  // The raw socket under the library's client: its half is closed while it stays paused.
  (webSocket as unknown as { readonly _socket: Socket })._socket.end();
  const startedAt = performance.now();
  assert.notEqual((await one.ended).reason, "");
  assert.ok(performance.now() - startedAt < 3_000);
  webSocket.terminate();
});
