import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { startNode } from "./main.ts";

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
