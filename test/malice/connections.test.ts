// What can be done to a node by connections alone, before or beside what they say.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { encodingNamed, encodingNames, subprotocolOf } from "@myelin/core/wire";
import {
  binary,
  clientFrame,
  everythingFrom,
  handshake,
  HostileNode,
  text,
} from "./hostile-node.ts";
import { Typist } from "./typist.ts";

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "myelin-malice-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("an oversized frame costs its sender its connection, in every encoding and transport", async (t) => {
  const unixPath = join(temporary(t), "node.sock");
  const hostile = await HostileNode.start(t, { unixPath, session: { maxFrameBytes: 10_000 } });
  const payload = new Uint8Array(10_001).fill(0x20);
  for (const encoding of encodingNames) {
    const first = encodingNamed(encoding).isText ? text : binary;
    const heard = await hostile.say(
      handshake(subprotocolOf(encoding)),
      clientFrame(first, payload),
    );
    // 1009 is the close code of a message too big.
    assert.ok(heard.includes("\u0003\u00f1"), `${encoding}: ${JSON.stringify(heard)}`);
  }
  const socket = dial(unixPath);
  socket.write(Uint8Array.of(0, 0, 0x27, 0x11));
  assert.equal(await everythingFrom(socket), "");
  await hostile.assertUnharmed();
});

test("a frame that announces gigabytes costs its sender its connection before a byte of it came", async (t) => {
  const unixPath = join(temporary(t), "node.sock");
  const hostile = await HostileNode.start(t, { unixPath });
  const announced = Buffer.from("82ff00000001000000000000000000", "hex");
  const heard = await hostile.say(handshake("myelin.v1.proto"), announced);
  assert.ok(heard.includes("\u0003\u00f1"), JSON.stringify(heard));
  const socket = dial(unixPath);
  socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  assert.equal(await everythingFrom(socket), "");
  await hostile.assertUnharmed();
});

test("endless headers are refused at their bound, in one line or in many", async (t) => {
  const hostile = await HostileNode.start(t, { limits: { maxHeaderBytes: 4096 } });
  for (const line of ["X: " + "a".repeat(1000) + "\r\n", "a".repeat(1000)]) {
    const socket = await hostile.dial();
    const answer = everythingFrom(socket);
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nY: ");
    for (let count = 0; count < 100 && socket.writable; count++) socket.write(line);
    assert.match(await answer, /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/);
  }
  await hostile.assertUnharmed();
});

test("an endless body is refused at its bound, declared or in chunks", async (t) => {
  const hostile = await HostileNode.start(t, { limits: { maxBodyBytes: 1000 } });
  const head = "POST /api/v1/rules HTTP/1.1\r\nHost: localhost\r\n";
  const declared = await hostile.say(`${head}Content-Length: 9007199254740991\r\n\r\n`);
  assert.match(declared, /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/);
  const chunk = `100\r\n${"a".repeat(256)}\r\n`;
  const chunked = await hostile.say(
    `${head}Transfer-Encoding: chunked\r\n\r\n`,
    ...Array<string>(10).fill(chunk),
  );
  assert.match(chunked, /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/);
  await hostile.assertUnharmed();
});

test("half-open handshakes end at their bound: none, half a request, an upgrade without a hello", async (t) => {
  const hostile = await HostileNode.start(t, {
    limits: { requestWithinUs: 100_000 },
    session: { helloTimeoutUs: 100_000 },
  });
  for (const begun of ["", "GET / HTTP/1.1\r\nHost: loc", "PRI * HTTP/2.0\r\n\r\n"]) {
    const heard = await hostile.say(begun);
    assert.match(heard, /^HTTP\/1\.1 400 /, begun);
  }
  const upgraded = await hostile.say(handshake("myelin.v1.json"));
  assert.match(upgraded, /PROTOCOL_ERROR.*no hello came in time/s);
  const halfHello = clientFrame(text, Buffer.from('{"hello":{"agent_id":"x"}}')).subarray(0, 20);
  const half = await hostile.say(handshake("myelin.v1.json"), halfHello);
  assert.match(half, /PROTOCOL_ERROR.*no hello came in time/s);
  await hostile.assertUnharmed();
});

/** Writes a byte at a time, each in its turn of the loop, until the other side has closed. */
async function drip(socket: Socket, bytes: Buffer): Promise<string> {
  const heard = everythingFrom(socket);
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length && socket.writable) socket.write(bytes.subarray(at, ++at));
  }, 5);
  const said = await heard;
  clearInterval(timer);
  return said;
}

test("slow loris: headers, a body and a hello that come a byte at a time are cut off, however alive they look", async (t) => {
  const hostile = await HostileNode.start(t, {
    limits: { requestWithinUs: 200_000 },
    session: { helloTimeoutUs: 200_000 },
  });
  const head = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(4000)}\r\n\r\n`;
  const body = `POST /api/v1/rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n`;
  const hello = clientFrame(text, Buffer.from(`{"hello":{"agent_id":"${"a".repeat(4000)}"}}`));
  const [headers, bodied, greeted] = await Promise.all([
    hostile.dial().then((socket) => drip(socket, Buffer.from(head))),
    hostile.dial().then((socket) => {
      socket.write(body);
      return drip(socket, Buffer.alloc(4000, "a"));
    }),
    hostile.dial().then((socket) => {
      socket.write(handshake("myelin.v1.json"));
      return drip(socket, hello);
    }),
  ]);
  assert.match(headers, /^HTTP\/1\.1 400 [^]*not whole within/);
  assert.match(bodied, /^HTTP\/1\.1 400 [^]*not whole within/);
  assert.match(greeted, /no hello came in time/);
  await hostile.assertUnharmed();
});

test("a flood of connections beyond the bound is refused, and the others go on", async (t) => {
  const hostile = await HostileNode.start(t, { limits: { maxSockets: 20 } });
  const sockets = await Promise.all(Array.from({ length: 200 }, () => hostile.dial()));
  let refused = 0;
  const { promise: allRefused, resolve } = Promise.withResolvers<void>();
  const heard = sockets.map(async (socket) => {
    const answer = await everythingFrom(socket);
    // The bystander has one of the 20.
    if (++refused === 181) resolve();
    return answer;
  });
  await allRefused;
  await hostile.assertUnharmed();
  for (const socket of sockets) socket.end("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const answers = await Promise.all(heard);
  const statuses = answers.map((answer) => /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "cut off");
  assert.equal(statuses.filter((status) => status === "200").length, 19);
  const others = statuses.filter((status) => status !== "200");
  assert.ok(others.every((status) => status === "429" || status === "cut off"));
  assert.equal((await hostile.call("GET", "/healthz")).status, 200);
  await hostile.assertUnharmed();
});

test("a flood of sessions beyond the bound is refused, and those there are go on", async (t) => {
  const hostile = await HostileNode.start(t, { session: { maxSessions: 5 } });
  const typists = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => {
      const typist = await Typist.open(hostile.node.url);
      typist.say({ hello: { agent_id: `flood-${at}` } });
      return typist;
    }),
  );
  const kinds = await Promise.all(
    typists.map(async (typist) => {
      while (typist.heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
      return typist.heard[0]?.kind === "welcome" ? "welcome" : typist.heard[0]?.said.code;
    }),
  );
  assert.deepEqual(
    kinds.toSorted((a: string, b: string) => a.localeCompare(b)),
    [...Array<string>(16).fill("RESOURCE_EXHAUSTED"), ...Array<string>(4).fill("welcome")],
  );
  for (const typist of typists) typist.close();
  await hostile.assertUnharmed();
});

test("compression is never negotiated, so there are no bombs: neither over WebSocket nor in a body", async (t) => {
  const hostile = await HostileNode.start(t);
  const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
  const compressed = clientFrame(0xc0 | binary, gzipSync(Buffer.alloc(1 << 20)));
  const heard = await hostile.say(handshake("myelin.v1.proto", offer), compressed);
  const [head = "", rest = ""] = heard.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(head, /Sec-WebSocket-Extensions/i);
  // 1002 is the close code of a protocol error.
  assert.ok(rest.includes("\u0003\u00ea"), JSON.stringify(rest));
  const socket = new WebSocket(hostile.node.url, "myelin.v1.json");
  await once(socket, "open");
  assert.equal(socket.extensions, "");
  socket.close();
  const bomb = gzipSync(JSON.stringify({ rules: [], padding: "a".repeat(1 << 20) }));
  const answer = await hostile.call("POST", "/api/v1/instructions", {
    body: bomb,
    headers: { "content-encoding": "gzip", "accept-encoding": "gzip" },
  });
  assert.equal(answer.status, 400);
  await hostile.assertUnharmed();
});
