import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import pino from "pino";
import type { MyelinError } from "@myelin/core/errors";
import { findProblems, type NodeOptions, startNode } from "./main.ts";

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
