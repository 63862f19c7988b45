// Addresses that lead nowhere: the agent says why, tries again more and more rarely, and does not end.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { type AgentStatus, connect, createAgent } from "@myelin/agent";
import type { Random } from "@myelin/core/random";
import { NodeProcess, temporaryDirectory } from "../e2e/support/index.ts";

type Waiting = Extract<AgentStatus, { state: "waiting" }>;

/** Waits are at random up to a bound; here they are all at that bound. */
const longestWaits: Random = { float: () => 0.999, bytes: (count) => randomBytes(count) };

/** What an agent says of its first tries at an address. */
async function tries(url: string, count: number): Promise<readonly Waiting[]> {
  const backoff = { baseMs: 20, capMs: 5000 };
  const agent = createAgent({ url, id: "a1", type: "test", backoff, random: longestWaits });
  const waited: Waiting[] = [];
  const enough = Promise.withResolvers<void>();
  agent.onStatus((status) => {
    if (status.state !== "waiting") return;
    waited.push(status);
    if (waited.length === count) enough.resolve();
  });
  const connected = agent.connect().catch(() => undefined);
  await enough.promise;
  await agent.close();
  await connected;
  return waited;
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a name that is not known is told as such, and tried again", async () => {
  const host = "no-such-node.invalid";
  for (const { cause } of await tries(`ws://${host}:7400`, 3)) {
    assert.equal(cause.code, "UNAVAILABLE");
    assert.match(cause.message, new RegExp(`${host}.*(ENOTFOUND|EAI_AGAIN|not found)`));
  }
});

test("a port on which nobody listens is told as such, and tried more and more rarely", async () => {
  const port = await freePort();
  const waited = await tries(`ws://127.0.0.1:${port}`, 6);
  for (const { cause } of waited) {
    assert.equal(cause.code, "UNAVAILABLE");
    assert.match(cause.message, new RegExp(`${port}.*(ECONNREFUSED|refused)`));
  }
  const betweenUs = waited
    .slice(1)
    .map(({ retryAtUs }, at) => retryAtUs - (waited[at]?.retryAtUs ?? 0));
  const [first = 0, last = 0] = [betweenUs[0], betweenUs.at(-1)];
  assert.ok(last > 4 * first, betweenUs.map((us) => (us / 1e3).toFixed(0)).join(", "));
});

test("who waits for a node no longer than a while is told why it was not reached", async () => {
  const port = await freePort();
  const url = `ws://127.0.0.1:${port}`;
  await assert.rejects(connect({ url, id: "a1", timeoutMs: 300 }), {
    code: "TIMEOUT",
    message: /refused|ECONNREFUSED/,
  });
});

test("a node that comes up later is found by those that wait for it", async () => {
  await using directory = await temporaryDirectory();
  const port = await freePort();
  const agent = createAgent({ url: `ws://127.0.0.1:${port}`, id: "a1", type: "test" });
  const refused = Promise.withResolvers<void>();
  agent.onStatus(({ state }) => {
    if (state === "waiting") refused.resolve();
  });
  const connected = agent.connect();
  await refused.promise;
  await using node = await NodeProcess.start(directory.path, ["--port", String(port)]);
  await connected;
  assert.equal((await node.get("/api/v1/node")).body.sessions, 1);
  await agent.close();
});
