import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dial } from "../../packages/agent/src/dial/node.ts";
import { createHttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import { createMemoryTransport } from "../../packages/node/src/adapters/memory-transport/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import { maxFrameBytes, transportContract } from "./transport-contract.ts";

const clock = systemClock();

transportContract("WebSocket", async () => ({
  transport: createHttpServer({
    host: "127.0.0.1",
    port: 0,
    maxBodyBytes: 1 << 20,
    maxFrameBytes,
    maxConnections: 200,
    clock,
    handler: async () => ({ status: 200, body: undefined }),
  }),
  dial,
}));

transportContract("Unix socket", async () => {
  const directory = await mkdtemp(join(tmpdir(), "myelin-unix-"));
  const path = join(directory, "node.sock");
  return {
    transport: createUnixTransport({ path, maxFrameBytes, maxConnections: 200, clock }),
    dial,
  };
});

transportContract("memory", async () => {
  const transport = createMemoryTransport({ maxFrameBytes, clock });
  return { transport, dial: transport.dial };
});
