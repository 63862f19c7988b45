import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { ResponseSink } from "../../packages/node/src/ports/transport.ts";
import { call, start } from "./http-fixture.ts";

const head = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

interface Streaming {
  /** Resolves when the body can be written. */
  readonly opened: Promise<ResponseSink>;
  readonly drained: Promise<void>;
  readonly ended: Promise<void>;
  readonly handler: Parameters<typeof start>[1];
}

function streaming(): Streaming {
  const opened = Promise.withResolvers<ResponseSink>();
  const drained = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  return {
    opened: opened.promise,
    drained: drained.promise,
    ended: ended.promise,
    handler: {
      handler: async () => ({
        status: 200,
        headers: { "content-type": "text/event-stream" },
        body: undefined,
        stream: (sink) => {
          opened.resolve(sink);
          return { onDrain: () => drained.resolve(), onEnd: () => ended.resolve() };
        },
      }),
    },
  };
}

test("an answer that goes on is read as it is written, and ends its connection with it", async (t) => {
  const { opened, ended, handler } = streaming();
  const server = await start(t, handler);
  const socket = connect(server.port, "127.0.0.1");
  socket.write(head);
  const sink = await opened;
  const [first] = await once(socket, "data");
  assert.match(String(first), /^HTTP\/1.1 200 OK\r\n/);
  assert.match(String(first), /\r\nx-content-type-options: nosniff\r\n/);
  assert.match(String(first), /\r\nconnection: close\r\n/i);
  sink.write("data: ä\n\n");
  const [second] = await once(socket, "data");
  assert.match(String(second), /data: ä\n\n/);
  sink.end();
  sink.write("nobody reads this");
  await once(socket, "end");
  await ended;
  socket.destroy();
});

test("whoever writes hears that the caller has gone", async (t) => {
  const { opened, ended, handler } = streaming();
  const server = await start(t, handler);
  const socket = connect(server.port, "127.0.0.1");
  socket.write(head);
  await opened;
  socket.destroy();
  await ended;
});

test("what a slow caller has not taken is counted, and its taking is told", async (t) => {
  const { opened, drained, handler } = streaming();
  const server = await start(t, handler);
  const socket = connect(server.port, "127.0.0.1");
  socket.pause();
  socket.write(head);
  const sink = await opened;
  const text = "x".repeat(1 << 20);
  while (sink.bufferedBytes < 4 << 20) sink.write(text);
  socket.resume();
  await drained;
  assert.equal(sink.bufferedBytes, 0);
  socket.destroy();
});

test("HEAD gets the head of an answer that goes on, and nothing is begun for it", async (t) => {
  let isBegun = false;
  const server = await start(t, {
    handler: async () => ({
      status: 200,
      body: undefined,
      stream: () => {
        isBegun = true;
        return { onDrain: () => {}, onEnd: () => {} };
      },
    }),
  });
  const answer = await call(server, { method: "HEAD" });
  assert.deepEqual([answer.status, answer.text, isBegun], [200, "", false]);
});
