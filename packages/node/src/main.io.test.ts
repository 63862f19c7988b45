import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import type { InstructionDocument } from "@myelin/core/instruction";
import pino from "pino";
import { readRecording } from "./adapters/recordings/index.ts";
import type { MyelinError } from "@myelin/core/errors";
import { type EmbeddedNode, embedNode, findProblems, type NodeOptions, startNode } from "./main.ts";

const log = pino({ level: "silent" });

test("a node in memory serves on a free port, and is closed once however often it is asked to", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const answer = await fetch(`${node.httpUrl}/readyz`);
  assert.deepEqual(await answer.json(), { status: "ready" });
  assert.equal(node.describe().state, "serving");
  const first = node.close(0);
  assert.equal(node.describe().state, "draining");
  assert.equal(node.close(0), first);
  await first;
  await assert.rejects(fetch(`${node.httpUrl}/readyz`));
});

test("a node beyond loopback without a token does not start", async () => {
  await assert.rejects(startNode({ host: "0.0.0.0", port: 0, storage: "memory", log }), {
    code: "AUTHENTICATION_REQUIRED",
  });
});

test("a node whose port is taken does not start, and leaves nothing open", async () => {
  const first = await startNode({ port: 0, storage: "memory", log });
  const port = Number(new URL(first.httpUrl).port);
  await assert.rejects(startNode({ port, storage: "memory", log }), { code: "ADDRESS_IN_USE" });
  await first.close(0);
});

test("an agent that dials the listener of the API is told where agents connect, whatever it shows", async () => {
  const adminListen = { host: "127.0.0.1", port: 0 };
  for (const [host, where] of [
    ["127.0.0.1", "ws://127\\.0\\.0\\.1:\\d+"],
    ["0.0.0.0", "port \\d+"],
  ] as const) {
    const options = { host, adminListen, token: "s3cret", port: 0, storage: "memory" } as const;
    const node = await startNode({ ...options, log });
    const dialed = request(node.httpUrl, {
      headers: { connection: "upgrade", upgrade: "websocket", authorization: "Bearer s3cret" },
    }).end();
    const [response] = (await once(dialed, "response")) as [IncomingMessage];
    assert.equal(response.statusCode, 404);
    const { code, message } = JSON.parse(await text(response)) as MyelinError;
    assert.equal(code, "NOT_FOUND");
    assert.match(
      message,
      new RegExp(`^agents connect to ${where}; this listener has the API only$`),
    );
    await node.close(0);
  }
});

test("a node that fails once it listens lets go of its port", async () => {
  const first = await startNode({ port: 0, storage: "memory", log });
  const port = Number(new URL(first.httpUrl).port);
  await first.close(0);
  const failing = pino({ level: "silent" });
  failing.info = () => {
    throw new Error("no log");
  };
  await assert.rejects(startNode({ port, storage: "memory", log: failing }), /no log/);
  const second = await startNode({ port, storage: "memory", log });
  await second.close(0);
});

/** What Node makes for sockets, of any kind and on either side. */
const socketKinds: ReadonlySet<string> = new Set([
  "PIPECONNECTWRAP",
  "PIPESERVERWRAP",
  "PIPEWRAP",
  "TCPCONNECTWRAP",
  "TCPSERVERWRAP",
  "TCPWRAP",
  "TLSWRAP",
  "UDPWRAP",
]);

const hot = JSON.stringify({ rules: [{ name: "hot", expr: "cpu_usage > 0.9", action: "cool" }] });

/** Has an agent in memory report what fires a rule; gives the instruction as the ledger has it. */
async function firedOn(node: EmbeddedNode): Promise<InstructionDocument> {
  const applied = await node.fetch("/api/v1/rules", { method: "POST", body: hot });
  assert.equal(applied.status, 200, await applied.text());
  const ended = Promise.withResolvers<InstructionDocument>();
  const stopListening = node.onInstructionEnded((document) => ended.resolve(document));
  await using agent = await connect({ ...node.memory, id: "w1" });
  agent.on("cool", () => ({ cooled: true }));
  agent.report({ cpu_usage: 0.95 });
  const { id } = await ended.promise;
  stopListening();
  const answer = await node.fetch(`/api/v1/instructions/${id}`);
  return (await answer.json()) as InstructionDocument;
}

test("a program has its node within it: agents and HTTP over memory, and no socket is made", async () => {
  const made: string[] = [];
  const hook = createHook({
    init: (_id, kind) => {
      if (socketKinds.has(kind)) made.push(kind);
    },
  }).enable();
  const node = await embedNode({ storage: "memory", log });
  try {
    const { agent, status, rule, result, stagesUs } = await firedOn(node);
    assert.deepEqual(
      { agent, status, rule, result },
      { agent: "w1", status: "executed", rule: "hot", result: { cooled: true } },
    );
    assert.ok(Object.values(stagesUs).every((stageUs) => stageUs !== null));
  } finally {
    await node.close();
    hook.disable();
  }
  assert.deepEqual(made, []);
});

test("a node that listens on TCP is reached over memory as well", async () => {
  const node = await startNode({ port: 0, storage: "memory", log });
  const { status } = await firedOn(node);
  assert.equal(status, "executed");
  const { agents } = (await (await fetch(`${node.httpUrl}/api/v1/agents`)).json()) as {
    readonly agents: readonly { readonly id: string }[];
  };
  assert.deepEqual(
    agents.map(({ id }) => id),
    ["w1"],
  );
  await node.close();
});

test("a node that asks for a token asks agents and callers over memory too", async () => {
  const node = await embedNode({ storage: "memory", token: "secret", log });
  const refused = await node.fetch("/api/v1/agents");
  assert.equal(refused.status, 401);
  const headers = { authorization: "Bearer secret" };
  assert.equal((await node.fetch("/api/v1/agents", { headers })).status, 200);
  await assert.rejects(connect({ ...node.memory, id: "w1" }), { code: "UNAUTHENTICATED" });
  await using agent = await connect({ ...node.memory, id: "w1", token: "secret" });
  assert.equal(agent.status.state, "live");
  await node.close();
});

test("two nodes of one process know nothing of each other", async () => {
  const first = await embedNode({ storage: "memory", id: "first", log });
  const second = await embedNode({ storage: "memory", id: "second", log });
  await using agent = await connect({ ...first.memory, id: "w1" });
  assert.equal(agent.status.state === "live" && agent.status.nodeId, "first");
  assert.deepEqual([first.describe().agents, second.describe().agents], [1, 0]);
  await Promise.all([first.close(), second.close()]);
});

test("what would keep a node from starting is seen without starting it: all of it, and kept tokens are minded", async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "myelin-main-"));
  t.after(() => rmSync(dataDirectory, { recursive: true }));
  const codesOf = async (options: NodeOptions): Promise<string[]> =>
    (await findProblems({ dataDirectory, ...options })).map(({ code }) => code);
  const open = { adminListen: { host: "0.0.0.0", port: 0 } };
  assert.deepEqual(await codesOf({}), []);
  assert.deepEqual(await codesOf(open), ["AUTHENTICATION_REQUIRED"]);
  assert.deepEqual(await codesOf({ ...open, token: "secret" }), []);
  const tls = { certFile: join(dataDirectory, "none"), keyFile: "none" };
  assert.deepEqual(await codesOf({ ...open, tls }), [
    "INVALID_ARGUMENT",
    "AUTHENTICATION_REQUIRED",
  ]);
  assert.deepEqual(readdirSync(dataDirectory), [], "it only looks");

  const node = await startNode({ port: 0, dataDirectory, log });
  const address = `${node.httpUrl}/api/v1/tokens`;
  const body = JSON.stringify({ role: "operator", name: "ops" });
  const { token } = (await (await fetch(address, { method: "POST", body })).json()) as {
    readonly token: string;
  };
  assert.deepEqual(await codesOf(open), [], "a node uses them");
  await node.close(0);
  const files = readdirSync(dataDirectory);
  assert.deepEqual(await codesOf(open), []);
  assert.deepEqual(readdirSync(dataDirectory), files);

  const again = await startNode({ port: 0, dataDirectory, log });
  const headers = { authorization: `Bearer ${token}` };
  const { status } = await fetch(`${again.httpUrl}/api/v1/tokens/ops`, {
    method: "DELETE",
    headers,
  });
  assert.equal(status, 200);
  await again.close(0);
  assert.deepEqual(await codesOf(open), ["AUTHENTICATION_REQUIRED"]);
});

test("a node records what rules are told where it is asked to, and tells so", async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "myelin-recorded-"));
  try {
    for (const isRecorded of [false, true]) {
      const node = await embedNode({ dataDirectory, log, isRecorded });
      const agent = await connect({ ...node.memory, id: "w1" });
      agent.report({ cpu_usage: 0.5 });
      const metrics = await (await node.fetch("/metrics")).text();
      assert.match(metrics, /^myelin_store_file_bytes{.*file="recording"} \d+$/m);
      await agent.close();
      await node.close();
      assert.equal(readdirSync(dataDirectory).includes("recording"), isRecorded);
    }
    const recorded = (await Array.fromAsync(readRecording(dataDirectory))).flat();
    const told = recorded.filter(({ kind }) => kind !== "line" && kind !== "timers");
    assert.deepEqual(
      told.slice(0, 3).map(({ kind }) => kind),
      ["start", "join", "samples"],
    );
  } finally {
    rmSync(dataDirectory, { recursive: true });
  }
});
