import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { SocketReader } from "./index.ts";

/** A client and the socket that a server accepted for it. */
async function pair(): Promise<{ client: Socket; accepted: Socket } & AsyncDisposable> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  return {
    client,
    accepted,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      accepted.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Keeps what a socket receives, and resolves when there is as much as is waited for. */
class Ear {
  readonly buffers = new Set<Uint8Array>();
  #heard: Buffer = Buffer.alloc(0);
  #onMore: () => void = () => undefined;

  onChunk(bytes: Uint8Array, length: number): void {
    this.buffers.add(bytes);
    this.#heard = Buffer.concat([this.#heard, bytes.subarray(0, length)]);
    this.#onMore();
  }

  async hear(sizeBytes: number): Promise<Buffer> {
    while (this.#heard.length < sizeBytes)
      await new Promise<void>((resolve) => (this.#onMore = resolve));
    return this.#heard;
  }
}

/** Bytes of which none two neighbouring blocks are alike. */
function sample(sizeBytes: number): Buffer {
  return Buffer.from(Array.from({ length: sizeBytes }, (_, at) => (at * 7 + (at >> 8)) & 255));
}

for (const [isShared, name] of [
  [true, "a socket reader with one buffer"],
  [false, "a socket reader with a buffer for each chunk"],
] as const) {
  describe(name, () => {
    test("tells all that comes, in order", async () => {
      await using sockets = await pair();
      const ear = new Ear();
      new SocketReader(isShared).read(sockets.accepted, ear);
      const sent = sample(1_000_000);
      sockets.client.write(sent.subarray(0, 3));
      sockets.client.write(sent.subarray(3));
      assert.deepEqual(await ear.hear(sent.length), sent);
    });

    test("tells what was read before first", async () => {
      await using sockets = await pair();
      const ear = new Ear();
      sockets.accepted.unshift(Buffer.from("before "));
      new SocketReader(isShared).read(sockets.accepted, ear);
      sockets.client.write("after");
      assert.equal((await ear.hear(12)).toString(), "before after");
    });

    test("reads several sockets at once", async () => {
      await using first = await pair();
      await using second = await pair();
      const reader = new SocketReader(isShared);
      const [one, other] = [new Ear(), new Ear()];
      reader.read(first.accepted, one);
      reader.read(second.accepted, other);
      for (let at = 0; at < 20; at++) {
        first.client.write(Buffer.alloc(5000, 1));
        second.client.write(Buffer.alloc(5000, 2));
      }
      assert.deepEqual(await one.hear(100_000), Buffer.alloc(100_000, 1));
      assert.deepEqual(await other.hear(100_000), Buffer.alloc(100_000, 2));
    });

    test("tells nothing more of a socket that is paused in the call, until it is resumed", async () => {
      await using sockets = await pair();
      const { accepted, client } = sockets;
      const ear = new Ear();
      let calls = 0;
      new SocketReader(isShared).read(accepted, {
        onChunk: (bytes, length) => {
          calls++;
          accepted.pause();
          ear.onChunk(bytes, length);
        },
      });
      const sent = sample(300_000);
      client.write(sent);
      await ear.hear(1);
      await echoed();
      assert.equal(calls, 1);
      for (let heard = 0; heard < sent.length; ) {
        accepted.resume();
        heard = (await ear.hear(heard + 1)).length;
      }
      assert.deepEqual(await ear.hear(sent.length), sent);
    });

    test("leaves the end and the close of a socket to its events", async () => {
      await using sockets = await pair();
      const ear = new Ear();
      new SocketReader(isShared).read(sockets.accepted, ear);
      const ended = once(sockets.accepted, "end");
      const closed = once(sockets.accepted, "close");
      sockets.client.end("bye");
      await ended;
      await closed;
      assert.equal((await ear.hear(3)).toString(), "bye");
    });
  });
}

test("this version of Node lets a socket reader read all its sockets into one buffer", async () => {
  await using first = await pair();
  await using second = await pair();
  const reader = new SocketReader();
  const ear = new Ear();
  reader.read(first.accepted, ear);
  reader.read(second.accepted, ear);
  first.client.write("a");
  await ear.hear(1);
  second.client.write("b");
  await ear.hear(2);
  assert.equal(ear.buffers.size, 1);
});

/** Resolves when another connection has gone forth and back: by then a socket that is read has been. */
async function echoed(): Promise<void> {
  await using sockets = await pair();
  sockets.accepted.pipe(sockets.accepted);
  sockets.client.write("x");
  await once(sockets.client, "data");
}
