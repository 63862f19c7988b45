import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest, HttpResponse, ResponseSink } from "../../ports/transport.ts";
import { createMemoryFetch } from "./memory-fetch.ts";

/** A way to ask `handler`, and what it was asked. */
function asking(handler: (request: HttpRequest) => Promise<HttpResponse>) {
  const asked: HttpRequest[] = [];
  const ask = createMemoryFetch({
    maxBodyBytes: 10,
    handler: (request) => {
      asked.push(request);
      return handler(request);
    },
  });
  return { asked, ask };
}

/** A way to ask for an answer that goes on, and its two ends. */
function streaming() {
  const opened = Promise.withResolvers<ResponseSink>();
  const ended = Promise.withResolvers<void>();
  let drains = 0;
  const { ask } = asking(async () => ({
    status: 200,
    headers: { "content-type": "text/event-stream" },
    body: undefined,
    stream: (sink) => {
      opened.resolve(sink);
      return { onDrain: () => (drains += 1), onEnd: () => ended.resolve() };
    },
  }));
  return { ask, opened: opened.promise, ended: ended.promise, drains: () => drains };
}

test("a handler is asked as a server's would be", async () => {
  const { asked, ask } = asking(async () => ({ status: 201, body: '{"made":true}' }));
  const answer = await ask("/api/v1/rules/a%20b?limit=3", {
    method: "POST",
    headers: { Authorization: "Bearer secret" },
    body: "{}",
  });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(await answer.json(), { made: true });
  const [{ method, path, query, headers, body, isLoopback } = assert.fail()] = asked;
  assert.deepEqual([method, path, isLoopback], ["POST", "/api/v1/rules/a%20b", true]);
  assert.equal(query.get("limit"), "3");
  assert.equal(headers["authorization"], "Bearer secret");
  assert.equal(new TextDecoder().decode(body), "{}");
});

test("of a URL the path and query count, and a HEAD has no body", async () => {
  const { asked, ask } = asking(async () => ({ status: 200, body: "long" }));
  const answer = await ask(new URL("http://anywhere:1/healthz?a=b"), { method: "HEAD" });
  assert.equal(await answer.text(), "");
  assert.deepEqual([asked[0]?.path, asked[0]?.query.get("a")], ["/healthz", "b"]);
});

test("a body beyond the bound is refused before anybody is asked", async () => {
  const { asked, ask } = asking(async () => ({ status: 200, body: undefined }));
  const answer = await ask("/", { method: "POST", body: "x".repeat(11) });
  assert.equal(answer.status, 413);
  assert.equal(((await answer.json()) as { code: string }).code, "PAYLOAD_TOO_LARGE");
  assert.deepEqual(asked, []);
});

test("what a handler throws is answered in the one error shape", async () => {
  const { ask } = asking(() => Promise.reject(new RangeError("broken")));
  const answer = await ask("/");
  assert.equal(answer.status, 500);
  assert.equal(((await answer.json()) as { code: string }).code, "INTERNAL");
});

test("who gives up is not waited for, and the handler hears of it", async () => {
  const never = Promise.withResolvers<HttpResponse>();
  const { asked, ask } = asking(() => never.promise);
  const controller = new AbortController();
  const answered = ask("/", { signal: controller.signal });
  const rejected = assert.rejects(answered, /enough/);
  while (asked.length === 0) await Promise.resolve();
  controller.abort(new Error("enough"));
  await rejected;
  assert.equal(asked[0]?.signal.aborted, true);
});

test("an answer that goes on is read as it is written, until its writer ends it", async () => {
  const { ask, opened, ended } = streaming();
  const answer = await ask("/watch");
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  const sink = await opened;
  sink.write("data: ä\n\n");
  sink.write(Uint8Array.of(33));
  sink.end();
  sink.write("nobody reads this");
  assert.equal(await answer.text(), "data: ä\n\n!");
  await ended;
});

test("what its reader has not taken is counted, and its taking is told", async () => {
  const { ask, opened, drains } = streaming();
  const answer = await ask("/watch");
  const reader = answer.body?.getReader() ?? assert.fail();
  const sink = await opened;
  sink.write("12345");
  assert.equal(sink.bufferedBytes, 5);
  const before = drains();
  await reader.read();
  assert.equal(sink.bufferedBytes, 0);
  assert.equal(drains(), before + 1);
  await reader.cancel();
});

test("its writer hears that the reader has gone, in either way", async () => {
  const one = streaming();
  await (await one.ask("/watch")).body?.cancel();
  await one.ended;
  const other = streaming();
  const controller = new AbortController();
  const answer = await other.ask("/watch", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await other.ended;
  await assert.rejects(answer.text(), /enough/);
});

test("an answer that is cut off fails its reader", async () => {
  const { ask, opened, ended } = streaming();
  const answer = await ask("/watch");
  (await opened).destroy();
  await assert.rejects(answer.text(), /cut off/);
  await ended;
});
