import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import { createHttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import type { Transport } from "../../packages/node/src/ports/transport.ts";
import { Recorder } from "./recorder.ts";

const bounds = { maxFrameBytes: 1000, maxConnections: 10, clock: systemClock() };

async function socketPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-death-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "node.sock");
}

function peerProcess(t: TestContext, ...args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL("./peer-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function transportOf(t: TestContext, kind: "WebSocket" | "Unix socket"): Promise<Transport> {
  if (kind === "Unix socket") return createUnixTransport({ ...bounds, path: await socketPath(t) });
  return createHttpServer({
    ...bounds,
    host: "127.0.0.1",
    port: 0,
    maxBodyBytes: 1000,
    handler: async () => ({ status: 200, body: undefined }),
  });
}

for (const kind of ["WebSocket", "Unix socket"] as const) {
  test(`an agent that is killed ends its channel at the node: ${kind}`, async (t) => {
    const transport = await transportOf(t, kind);
    const heard = new Recorder();
    await transport.listen(() => heard);
    t.after(() => transport.close());
    const agent = peerProcess(t, "dial", transport.url);
    await heard.received(1);
    agent.kill("SIGKILL");
    await heard.ended();
    assert.deepEqual(heard.calls, ["frame", "end"]);
  });

  test(`a node that is killed ends its channels at the agents: ${kind}`, async (t) => {
    const node = peerProcess(t, "listen", kind === "WebSocket" ? "ws" : await socketPath(t));
    const { stdout } = node;
    assert.ok(stdout !== null);
    const [line] = (await once(stdout, "data")) as [Buffer];
    const heard = new Recorder();
    dialWith({})(line.toString().trim(), heard, { maxFrameBytes: 1000 });
    await heard.received(1);
    node.kill("SIGKILL");
    await heard.ended();
    assert.deepEqual(heard.calls, ["open", "frame", "end"]);
  });
}
