import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import type { AcceptChannel } from "../../packages/node/src/ports/transport.ts";
import { call, clock, everythingFrom, handshake, start } from "./http-fixture.ts";
import { Recorder } from "./recorder.ts";

const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 });

/** Hears every channel that is accepted. */
class Hearing {
  readonly #recorders: Recorder[] = [];

  readonly accept: AcceptChannel = () => {
    const heard = new Recorder();
    this.#recorders.push(heard);
    return heard;
  };

  /** Resolves when every channel so far has ended, and checks that each did so once and last. */
  async allEnded(): Promise<void> {
    for (const heard of this.#recorders) {
      await heard.ended();
      assert.equal(heard.calls.indexOf("end"), heard.calls.length - 1);
      assert.ok(heard.frames.every((frame) => frame.length <= 1000));
    }
  }
}

async function say(socket: Socket, first: string, bytes: readonly Uint8Array[]): Promise<void> {
  socket.write(first);
  for (const piece of bytes) socket.write(piece);
  socket.end();
  await everythingFrom(socket).catch(() => "");
}

test("random bytes to the HTTP port never harm the node", async (t) => {
  const server = await start(t);
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (bytes, isBegun) => {
      const first = isBegun
        ? "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        : "";
      await say(connect(server.port, "127.0.0.1"), first, bytes);
    }),
    { numRuns: 150 },
  );
  assert.equal((await call(server)).status, 200);
});

test("random bytes over a WebSocket cost their sender the channel at most", async (t) => {
  const hearing = new Hearing();
  const server = await start(t, {}, hearing.accept);
  const opcode = fc.constantFrom(0x82, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8a, 0x81);
  const messages = fc.array(fc.tuple(opcode, fc.uint8Array({ maxLength: 125 })), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(messages, pieces, async (begun, bytes) => {
      const framed = begun.map(([first, payload]) =>
        Buffer.concat([Uint8Array.of(first, 0x80 | payload.length, 0, 0, 0, 0), payload]),
      );
      await say(connect(server.port, "127.0.0.1"), handshake, [...framed, ...bytes]);
      await hearing.allEnded();
    }),
    { numRuns: 150 },
  );
  assert.equal((await call(server)).status, 200);
});

test("random bytes over a Unix socket cost their sender the channel at most", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "myelin-hostile-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "node.sock");
  const hearing = new Hearing();
  const transport = createUnixTransport({ path, maxFrameBytes: 1000, maxConnections: 10, clock });
  await transport.listen(hearing.accept);
  t.after(() => transport.close());
  const sized = fc.uint8Array({ maxLength: 600 }).map((payload) => {
    return Buffer.concat([Uint8Array.of(0, 0, payload.length >> 8, payload.length), payload]);
  });
  await fc.assert(
    fc.asyncProperty(fc.array(sized, { maxLength: 4 }), pieces, async (begun, bytes) => {
      await say(connect(path), "", [...begun, ...bytes]);
      await hearing.allEnded();
    }),
    { numRuns: 150 },
  );
});
