// The dialers against small real servers of this file's own.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type Channel,
  type ChannelEnd,
  type Dial,
  FrameParser,
  prefixed,
} from "@myelin/core/channel";
import { type WebSocket, WebSocketServer } from "ws";
import { dialWith as dialInBrowserWith } from "./browser.ts";
import { dialWith } from "./node.ts";

const maxFrameBytes = 1_048_576;

/** A server that echoes frames; `say` sends one of its own to whoever is connected. */
interface EchoServer extends AsyncDisposable {
  readonly url: string;
  say(frame: Uint8Array): void;
  hangUp(): void;
  pause(): void;
  resume(): void;
}

async function webSocketEcho(): Promise<EchoServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  server.on("connection", (socket) => {
    assert.equal(socket.protocol, "myelin.v1.proto");
    socket.on("message", (data) => socket.send(data));
  });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const each = (act: (socket: WebSocket) => void): void => server.clients.forEach(act);
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say: (frame) => each((socket) => socket.send(frame)),
    hangUp: () => each((socket) => socket.terminate()),
    pause: () => each((socket) => socket.pause()),
    resume: () => each((socket) => socket.resume()),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        each((socket) => socket.terminate());
        server.close(() => resolve());
      }),
  };
}

async function unixEcho(): Promise<EchoServer> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-dial-"));
  const path = join(folder, "node.sock");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const parser = new FrameParser(maxFrameBytes, (frame) => socket.write(prefixed(frame)));
    socket.on("data", (chunk) => parser.push(chunk as Buffer));
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const each = (act: (socket: Socket) => void): void => sockets.forEach(act);
  return {
    url: `unix:${path}`,
    say: (frame) => each((socket) => void socket.write(prefixed(frame))),
    hangUp: () => each((socket) => void socket.destroy()),
    pause: () => each((socket) => void socket.pause()),
    resume: () => each((socket) => void socket.resume()),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        each((socket) => void socket.destroy());
        server.close(() => {
          rmSync(folder, { recursive: true });
          resolve();
        });
      }),
  };
}

/** One dialed channel and what it has told. */
class Caller {
  readonly frames: Uint8Array[] = [];
  readonly ended: Promise<ChannelEnd>;
  readonly opened: Promise<void>;
  readonly channel: Channel;
  drains = 0;
  ends = 0;
  #onFrame: (() => void) | undefined;
  #onDrain: (() => void) | undefined;

  constructor(dial: Dial, url: string, bound = maxFrameBytes) {
    const open = Promise.withResolvers<void>();
    const end = Promise.withResolvers<ChannelEnd>();
    this.opened = open.promise;
    this.ended = end.promise;
    this.channel = dial(
      url,
      {
        onOpen: () => open.resolve(),
        onFrame: (frame) => {
          this.frames.push(frame);
          this.#onFrame?.();
        },
        onDrain: () => {
          this.drains++;
          this.#onDrain?.();
        },
        onEnd: (told) => {
          this.ends++;
          end.resolve(told);
        },
      },
      { maxFrameBytes: bound },
    );
  }

  async framesAre(count: number): Promise<void> {
    while (this.frames.length < count) {
      await new Promise<void>((resolve) => {
        this.#onFrame = resolve;
      });
    }
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrain = resolve;
    });
  }
}

const dialInNode = dialWith({});
const dialInBrowser = dialInBrowserWith({});
const dialers: [string, Dial, () => Promise<EchoServer>][] = [
  ["Node over WebSocket", dialInNode, webSocketEcho],
  ["Node over a Unix socket", dialInNode, unixEcho],
  ["the browser's WebSocket", dialInBrowser, webSocketEcho],
];

for (const [name, dial, serve] of dialers) {
  describe(`dialing by ${name}`, () => {
    test("carries frames of all sizes, whole and in order", async () => {
      await using server = await serve();
      const caller = new Caller(dial, server.url);
      await caller.opened;
      const sizes = [1, 125, 126, 65_535, 65_536, 1_000_000, 2];
      sizes.forEach((size, index) => caller.channel.send(new Uint8Array(size).fill(index)));
      await caller.framesAre(sizes.length);
      caller.frames.forEach((frame, index) => {
        assert.equal(frame.length, sizes[index]);
        assert.ok(frame.every((byte) => byte === index));
      });
      caller.channel.close();
      await caller.ended;
    });

    test("tells of the end once, whoever brings it", async () => {
      await using server = await serve();
      const left = new Caller(dial, server.url);
      await left.opened;
      server.hangUp();
      await left.ended;
      const leaving = new Caller(dial, server.url);
      await leaving.opened;
      leaving.channel.destroy();
      leaving.channel.destroy();
      leaving.channel.send(Uint8Array.of(1));
      leaving.channel.close();
      await leaving.ended;
      assert.deepEqual([left.ends, leaving.ends], [1, 1]);
    });

    test("lets what was sent leave before it closes", async () => {
      await using server = await serve();
      const caller = new Caller(dial, server.url);
      await caller.opened;
      server.pause();
      caller.channel.send(new Uint8Array(500_000));
      server.resume();
      caller.channel.close();
      await caller.ended;
      assert.equal(caller.ends, 1);
    });

    test("says that nobody is there, or that it was closed before it was open", async () => {
      const server = await serve();
      const { url } = server;
      await server[Symbol.asyncDispose]();
      const caller = new Caller(dial, url);
      const end = await caller.ended;
      assert.ok(end.code === "UNAVAILABLE" || end.code === undefined);
      const hasty = new Caller(dial, url);
      hasty.channel.close();
      await hasty.ended;
      assert.equal(hasty.ends, 1);
    });

    test("ends at a frame that is larger than agreed", async () => {
      await using server = await serve();
      const caller = new Caller(dial, server.url, 1000);
      await caller.opened;
      server.say(new Uint8Array(1001));
      assert.equal((await caller.ended).code, "PAYLOAD_TOO_LARGE");
      assert.equal(caller.frames.length, 0);
    });

    test("tells of its backlog, and when it is gone", async () => {
      await using server = await serve();
      const caller = new Caller(dial, server.url);
      await caller.opened;
      server.pause();
      const drained = caller.drained();
      for (let count = 0; count < 40; count++) caller.channel.send(new Uint8Array(1_000_000));
      assert.ok(caller.channel.bufferedBytes > 1_000_000);
      server.resume();
      await drained;
      assert.equal(caller.channel.bufferedBytes, 0);
      caller.channel.destroy();
      await caller.ended;
    });
  });
}

test("a door that refuses the upgrade says why by its status", async () => {
  for (const [status, code] of [
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "UNAVAILABLE"],
  ] as const) {
    const server = createHttpServer();
    server.on("upgrade", (_, socket) =>
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const caller = new Caller(dialInNode, `ws://127.0.0.1:${port}`);
    assert.equal((await caller.ended).code, code);
    await new Promise((resolve) => server.close(resolve));
  }
});

test("addresses that a dialer cannot take end at once with the reason", async () => {
  const cases: [Dial, string, string][] = [
    [dialInNode, "ftp://node", "INVALID_ARGUMENT"],
    [dialInBrowser, "nowhere", "INVALID_ARGUMENT"],
    [dialInBrowser, "unix:/run/myelin.sock", "UNSUPPORTED_PLATFORM"],
  ];
  for (const [dial, url, code] of cases) {
    const { channel, ended } = new Caller(dial, url);
    channel.send(Uint8Array.of(1));
    channel.close();
    assert.equal((await ended).code, code);
  }
});

test("text instead of frames ends the connection", async () => {
  for (const dial of [dialInNode, dialInBrowser]) {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    server.on("connection", (socket) => socket.send("hello"));
    await new Promise<void>((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const caller = new Caller(dial, `ws://127.0.0.1:${port}`);
    await caller.ended;
    assert.equal(caller.frames.length, 0);
    await new Promise((resolve) => server.close(resolve));
  }
});
