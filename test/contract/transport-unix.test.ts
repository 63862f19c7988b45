import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ChannelEnd } from "@myelin/core/channel";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { createUnixTransport } from "../../packages/node/src/adapters/unix-transport/index.ts";
import type { AcceptChannel, Transport } from "../../packages/node/src/ports/transport.ts";

const clock = systemClock();
const hears: AcceptChannel = () => ({ onFrame: () => {}, onEnd: () => {} });

async function socketPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-unix-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "node.sock");
}

function transportAt(t: TestContext, path: string, maxConnections = 10): Transport {
  const transport = createUnixTransport({ path, maxFrameBytes: 1000, maxConnections, clock });
  t.after(() => transport.close());
  return transport;
}

test("the socket's file is its owner's only, and goes with the transport", async (t) => {
  const path = await socketPath(t);
  const transport = transportAt(t, path);
  await transport.listen(hears);
  assert.equal(transport.url, `unix:${path}`);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await transport.close();
  await assert.rejects(access(path), { code: "ENOENT" });
});

test("a connection beyond the bound is closed, and counted", async (t) => {
  const path = await socketPath(t);
  const refused = Promise.withResolvers<string>();
  const bounds = { maxFrameBytes: 1000, maxConnections: 1, clock };
  const transport = createUnixTransport({ path, ...bounds, onRefused: refused.resolve });
  t.after(() => transport.close());
  await transport.listen(hears);
  const first = connect(path);
  await once(first, "connect");
  const second = connect(path);
  assert.equal(await refused.promise, "RESOURCE_EXHAUSTED");
  first.destroy();
  second.destroy();
});

test("a socket that something answers on is an address in use, and stays", async (t) => {
  const path = await socketPath(t);
  await transportAt(t, path).listen(hears);
  await assert.rejects(transportAt(t, path).listen(hears), { code: "ADDRESS_IN_USE" });
  const still = connect(path);
  await once(still, "connect");
  still.destroy();
});

test("a stale socket left by a process that was killed is replaced", async (t) => {
  const path = await socketPath(t);
  const code = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok((await stat(path)).isSocket());
  await transportAt(t, path).listen(hears);
});

test("a file that is no socket is never removed", async (t) => {
  const path = await socketPath(t);
  await writeFile(path, "precious");
  await assert.rejects(transportAt(t, path).listen(hears), { code: "ADDRESS_IN_USE" });
  assert.ok((await stat(path)).isFile());
});

test("a path that cannot be is an invalid argument", async (t) => {
  for (const path of ["/nowhere/at/all/node.sock", `/tmp/${"x".repeat(200)}`]) {
    await assert.rejects(transportAt(t, path).listen(hears), { code: "INVALID_ARGUMENT" });
  }
});

test("a name in the abstract namespace needs no file", {
  skip: process.platform !== "linux",
}, async (t) => {
  const name = `myelin-test-${process.pid}`;
  const transport = transportAt(t, `@${name}`);
  const accepted = Promise.withResolvers<void>();
  await transport.listen(() => {
    accepted.resolve();
    return { onFrame: () => {}, onEnd: () => {} };
  });
  const socket = connect(`\0${name}`);
  await accepted.promise;
  socket.destroy();
  await assert.rejects(transportAt(t, `@${name}`).listen(hears), { code: "ADDRESS_IN_USE" });
});

test("a connection beyond the bound is closed at once", async (t) => {
  const path = await socketPath(t);
  const accepted = Promise.withResolvers<void>();
  await transportAt(t, path, 1).listen(() => {
    accepted.resolve();
    return { onFrame: () => {}, onEnd: () => {} };
  });
  const first = connect(path);
  await accepted.promise;
  const second = connect(path);
  await once(second, "close");
  assert.equal(first.destroyed, false);
  first.destroy();
});

test("a peer that is gone in the middle of a frame ends its channel as broken", async (t) => {
  const path = await socketPath(t);
  const ended = Promise.withResolvers<ChannelEnd>();
  await transportAt(t, path).listen(() => ({ onFrame: () => {}, onEnd: ended.resolve }));
  connect(path).end(Uint8Array.of(0, 0, 0, 9, 1, 2, 3));
  assert.equal((await ended.promise).code, "UNAVAILABLE");
});

test("a hostile length ends the channel before a byte of the frame has come", async (t) => {
  const path = await socketPath(t);
  const ended = Promise.withResolvers<ChannelEnd>();
  await transportAt(t, path).listen(() => ({ onFrame: () => {}, onEnd: ended.resolve }));
  const socket = connect(path);
  socket.write(Uint8Array.of(255, 255, 255, 255));
  const end = await ended.promise;
  assert.equal(end.code, "PAYLOAD_TOO_LARGE");
  assert.match(end.reason, /4294967295 bytes; the limit is 1000/);
});

test("a transport listens once", async (t) => {
  const transport = transportAt(t, await socketPath(t));
  await transport.listen(hears);
  await assert.rejects(transport.listen(hears), { code: "CONFLICT" });
});

test("a server of another program on the path is not disturbed", async (t) => {
  const path = await socketPath(t);
  const other = createServer().listen(path);
  t.after(() => other.close());
  await once(other, "listening");
  await assert.rejects(transportAt(t, path).listen(hears), { code: "ADDRESS_IN_USE" });
  assert.equal(other.listening, true);
});
