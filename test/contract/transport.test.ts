import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Channel, Dial } from "@myelin/core/channel";
import { encodingNamed, encodingNames } from "@myelin/core/wire";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import { createHttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import { createMemoryTransport } from "../../packages/node/src/adapters/memory-transport/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import { Recorder } from "./recorder.ts";
import { maxFrameBytes, transportContract } from "./transport-contract.ts";

const clock = systemClock();

for (const encoding of encodingNames) {
  const { isText } = encodingNamed(encoding);
  const dialEncoded: Dial = (url, handler, options) =>
    dialWith({})(url, handler, { ...options, encoding });

  transportContract(`WebSocket in ${encoding}`, async () => ({
    transport: createHttpServer({
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: 1 << 20,
      maxFrameBytes,
      maxConnections: 200,
      clock,
      handler: async () => ({ status: 200, body: undefined }),
    }),
    dial: dialEncoded,
    isText,
  }));

  test(`both ends of a channel say that it is in ${encoding}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "myelin-encoding-"));
    const path = join(directory, "node.sock");
    const memory = createMemoryTransport({ maxFrameBytes, clock });
    const unix = createUnixTransport({ path, maxFrameBytes, maxConnections: 9, clock, encoding });
    for (const [transport, dials] of [
      [memory, memory.dial],
      [unix, dialWith({})],
    ] as const) {
      const accepted = Promise.withResolvers<Channel>();
      await transport.listen((channel) => {
        accepted.resolve(channel);
        return new Recorder();
      });
      const near = dials(transport.url, new Recorder(), { maxFrameBytes, encoding });
      const far = await accepted.promise;
      assert.deepEqual([near.encoding, far.encoding], [encoding, encoding]);
      near.destroy();
      await transport.close();
    }
    await rm(directory, { recursive: true });
  });
}

transportContract("Unix socket", async () => {
  const directory = await mkdtemp(join(tmpdir(), "myelin-unix-"));
  const path = join(directory, "node.sock");
  return {
    transport: createUnixTransport({ path, maxFrameBytes, maxConnections: 200, clock }),
    dial: dialWith({}),
  };
});

transportContract("memory", async () => {
  const transport = createMemoryTransport({ maxFrameBytes, clock });
  return { transport, dial: transport.dial };
});
