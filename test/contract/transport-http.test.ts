import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { createHttpServer } from "../../packages/node/src/adapters/http-server/index.ts";
import {
  type Answer,
  assertErrorShape,
  bodyOf,
  call,
  clock,
  echo,
  everythingFrom,
  hears,
  raw,
  start,
} from "./http-fixture.ts";

test("a handler gets the request whole and its answer is sent as JSON", async (t) => {
  const server = await start(t);
  const answer = await call(server, {
    path: "/api/v1/agents?limit=3",
    method: "POST",
    headers: { "X-Test": "yes" },
    body: "x".repeat(1000),
  });
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"] ?? "", /^application\/json/);
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.deepEqual(JSON.parse(answer.text), {
    method: "POST",
    path: "/api/v1/agents",
    query: "limit=3",
    header: "yes",
    size: 1000,
    isLoopback: true,
  });
});

test("what a handler throws is answered in the error shape with its code's status", async (t) => {
  const server = await start(t, {
    handler: async (request) => {
      if (request.path === "/ours") throw new MyelinError("CONFLICT", "not now");
      throw new TypeError("a fault");
    },
  });
  const ours = await call(server, { path: "/ours" });
  assert.equal(ours.status, 409);
  assertErrorShape(ours.text, "CONFLICT");
  const fault = await call(server, { path: "/fault" });
  assert.equal(fault.status, 500);
  assertErrorShape(fault.text, "INTERNAL");
});

test("an answer that HTTP cannot carry is a fault of the handler, not of the node", async (t) => {
  const server = await start(t, {
    handler: async () => ({ status: 200, headers: { "x-bad": "a\nb" }, body: "{}" }),
  });
  const answer = await call(server);
  assert.equal(answer.status, 500);
  assertErrorShape(answer.text, "INTERNAL");
});

test("a HEAD request is answered without a body", async (t) => {
  const server = await start(t);
  const answer = await call(server, { method: "HEAD" });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, "");
  assert.ok(Number(answer.headers["content-length"]) > 0);
});

test("a body above the limit is refused, declared or chunked, and its caller reads the refusal", async (t) => {
  const server = await start(t);
  const declared = await call(server, { method: "POST", body: "x".repeat(200_000) });
  assert.equal(declared.status, 413);
  assertErrorShape(declared.text, "PAYLOAD_TOO_LARGE");
  const chunked = await call(server, {
    method: "POST",
    headers: { "transfer-encoding": "chunked" },
    body: "x".repeat(200_000),
  });
  assert.equal(chunked.status, 413);
  assertErrorShape(chunked.text, "PAYLOAD_TOO_LARGE");
});

test("bodies held for slow answers are bounded together", async (t) => {
  const release = Promise.withResolvers<void>();
  const server = await start(t, {
    handler: async (request) => {
      if (request.path === "/held") await release.promise;
      return { status: 200, body: "{}" };
    },
  });
  const refused: Answer[] = [];
  const held: Promise<Answer>[] = [];
  const allRefused = Promise.withResolvers<void>();
  for (let number = 0; number < 40; number++) {
    const answer = call(server, { path: "/held", method: "POST", body: "x".repeat(1000) });
    held.push(answer);
    void answer.then((one) => {
      if (one.status === 429 && refused.push(one) === 8) allRefused.resolve();
    });
  }
  await allRefused.promise;
  assertErrorShape(refused[0]?.text ?? "", "RESOURCE_EXHAUSTED");
  release.resolve();
  const statuses = (await Promise.all(held)).map((answer) => answer.status);
  assert.equal(statuses.filter((status) => status === 200).length, 32);
  const after = await call(server, { method: "POST", body: "x".repeat(1000) });
  assert.equal(after.status, 200);
});

test("bytes that are not HTTP are answered in the error shape, and the server goes on", async (t) => {
  const server = await start(t);
  const answer = await raw(server, "\x16\x03\x01 nonsense\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assertErrorShape(bodyOf(answer), "INVALID_ARGUMENT");
  assert.equal((await call(server)).status, 200);
});

test("headers that are too large are refused", async (t) => {
  const server = await start(t);
  const answer = await raw(
    server,
    `GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${"x".repeat(70_000)}\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assertErrorShape(bodyOf(answer), "PAYLOAD_TOO_LARGE");
});

test("a request without Host is refused, of any version of HTTP/1", async (t) => {
  const server = await start(t);
  for (const version of ["1.0", "1.1"]) {
    const answer = await raw(server, `GET / HTTP/${version}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assertErrorShape(bodyOf(answer), "INVALID_ARGUMENT");
  }
});

for (const [what, bytes] of [
  ["nothing at all", ""],
  ["headers", "GET / HTTP/1.1\r\nHost: localhost\r\n"],
  ["a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf"],
] as const) {
  test(`a caller who sends ${what} and then stops is answered and cut off`, async (t) => {
    const server = await start(t, { requestWithinUs: 100_000 });
    const answer = await raw(server, bytes);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assertErrorShape(bodyOf(answer), "INVALID_ARGUMENT");
  });
}

test("connections beyond the bound are refused with RESOURCE_EXHAUSTED, and room is found again", async (t) => {
  const answers: number[] = [];
  const onAnswer = (status: number): void => void answers.push(status);
  const refusals: string[] = [];
  const onRefused = (what: string, code: string): void => void refusals.push(`${what} ${code}`);
  const server = await start(t, { maxConnections: 2, onAnswer, onRefused });
  const held = [connect(server.port, "127.0.0.1"), connect(server.port, "127.0.0.1")];
  for (const socket of held) {
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
  }
  const refused = await call(server);
  assert.equal(refused.status, 429);
  assertErrorShape(refused.text, "RESOURCE_EXHAUSTED");
  const gone = new Promise((resolve) => held[0]?.once("close", resolve));
  held[0]?.end();
  await gone;
  assert.equal((await call(server)).status, 200);
  held[1]?.destroy();
  assert.deepEqual(answers, [200, 200, 429, 200], "each is told, the refusal too");
  assert.deepEqual(refusals, ["http RESOURCE_EXHAUSTED"]);
});

test("requests piled up on one connection are bounded", async (t) => {
  const release = Promise.withResolvers<void>();
  const server = await start(t, {
    handler: async () => {
      await release.promise;
      return { status: 200, body: "{}" };
    },
  });
  const socket = connect(server.port, "127.0.0.1");
  const everything = everythingFrom(socket);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20));
  // The refusals wait behind the answers; a second caller shows that all twenty were read.
  const other = call(server);
  release.resolve();
  await other;
  const answers = (await everything).match(/HTTP\/1\.1 \d+/g) ?? [];
  assert.equal(answers.filter((line) => line.endsWith(" 200")).length, 16);
  assert.equal(answers.at(-1), "HTTP/1.1 429");
});

test("a handler learns that its caller has gone", async (t) => {
  const gone = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const server = await start(t, {
    handler: async (request) => {
      request.signal.addEventListener("abort", () => gone.resolve());
      began.resolve();
      await gone.promise;
      return { status: 200, body: "{}" };
    },
  });
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await began.promise;
  socket.destroy();
  await gone.promise;
});

test("an allowed origin may read, ask beforehand, and no other may", async (t) => {
  const origin = "https://console.example";
  const server = await start(t, { allowedOrigins: [origin] });
  const read = await call(server, { headers: { origin } });
  assert.equal(read.headers["access-control-allow-origin"], origin);
  assert.equal(read.headers["vary"], "origin");
  const asked = await call(server, { method: "OPTIONS", headers: { origin } });
  assert.equal(asked.status, 204);
  assert.match(asked.headers["access-control-allow-methods"] ?? "", /DELETE/);
  const foreign = await call(server, {
    method: "POST",
    headers: { origin: "https://evil.example" },
    body: "x",
  });
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers["access-control-allow-origin"], undefined);
  assertErrorShape(foreign.text, "PERMISSION_DENIED");
});

test("an address in use is said by its port", async (t) => {
  const server = await start(t);
  const second = createHttpServer({
    host: "127.0.0.1",
    port: server.port,
    maxBodyBytes: 1,
    maxFrameBytes: 1,
    maxConnections: 1,
    clock,
    handler: echo,
  });
  await assert.rejects(second.listen(hears), (error) => {
    assert.ok(error instanceof MyelinError);
    assert.equal(error.code, "ADDRESS_IN_USE");
    assert.match(error.message, new RegExp(String(server.port)));
    return true;
  });
});

test("an address that cannot be listened on is an invalid argument", async () => {
  for (const place of [
    { host: "203.0.113.1", port: 0 },
    { host: "127.0.0.1", port: 70_000 },
  ]) {
    const server = createHttpServer({
      ...place,
      maxBodyBytes: 1,
      maxFrameBytes: 1,
      maxConnections: 1,
      clock,
      handler: echo,
    });
    await assert.rejects(server.listen(hears), { code: "INVALID_ARGUMENT" });
  }
});

test("closing answers what is under way, cuts what is idle and takes nothing new", async (t) => {
  const began = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await start(t, {
    handler: async () => {
      began.resolve();
      await release.promise;
      return { status: 200, body: "{}" };
    },
  });
  const idle = connect(server.port, "127.0.0.1");
  const idleGone = new Promise((resolve) => idle.once("close", resolve));
  idle.resume();
  const underWay = call(server);
  await began.promise;
  const closed = server.close();
  await idleGone;
  await assert.rejects(call(server), { code: "ECONNREFUSED" });
  release.resolve();
  const answer = await underWay;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.connection, "close");
  await closed;
});

test("closing cuts an answer that takes longer than the bound", async (t) => {
  const began = Promise.withResolvers<void>();
  const server = await start(t, {
    closeWithinUs: 50_000,
    handler: async () => {
      began.resolve();
      return new Promise(() => {});
    },
  });
  const underWay = call(server);
  await began.promise;
  const [answer] = await Promise.allSettled([underWay, server.close()]);
  assert.equal(answer.status, "rejected");
});
