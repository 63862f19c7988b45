/**
 * The far end of a channel in a process of its own, so that it can be killed: `dial URL` sends one
 * frame, `listen ws` or `listen PATH` prints its address and greets each channel with one frame.
 */
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import { createHttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import type { Transport } from "../../packages/node/src/ports/transport.ts";

const clock = systemClock();
const greeting = (): Uint8Array => Uint8Array.of(1, 2, 3);

function callIn(url: string): void {
  const channel = dialWith({})(
    url,
    { onOpen: () => channel.send(greeting()), onFrame: () => {}, onEnd: () => process.exit(1) },
    { maxFrameBytes: 1000 },
  );
}

async function listen(where: string): Promise<void> {
  const bounds = { maxFrameBytes: 1000, maxConnections: 10, clock };
  const transport: Transport =
    where === "ws"
      ? createHttpServer({
          ...bounds,
          host: "127.0.0.1",
          port: 0,
          maxBodyBytes: 1000,
          handler: async () => ({ status: 200, body: undefined }),
        })
      : createUnixTransport({ ...bounds, path: where });
  await transport.listen((channel) => {
    channel.send(greeting());
    return { onFrame: () => {}, onEnd: () => {} };
  });
  process.stdout.write(`${transport.url}\n`);
}

const [verb, where = ""] = process.argv.slice(2);
if (verb === "dial") callIn(where);
else await listen(where);
