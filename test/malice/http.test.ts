// What can be done to a node over HTTP: pages of other sites, requests within requests, tokens in the wrong place.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { handshake, HostileNode } from "./hostile-node.ts";

const token = "a-token-of-thirty-two-characters";

test("a page's own name that is made to point here is no name of the node, for requests and for WebSockets", async (t) => {
  const hostile = await HostileNode.start(t);
  for (const host of [
    "evil.example",
    "evil.example:7400",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example@localhost",
    "localhost@evil.example",
    "[::1].evil.example",
    "localhost, evil.example",
  ]) {
    const plain = `GET /api/v1/node HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    assert.match(await hostile.say(plain), /^HTTP\/1\.1 40[03] /, host);
    const upgrade = handshake("myelin.v1.json").replace("Host: localhost", `Host: ${host}`);
    assert.match(await hostile.say(upgrade), /^HTTP\/1\.1 40[03] /, host);
  }
  const twice = "GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n";
  assert.match(await hostile.say(twice), /^HTTP\/1\.1 400 /);
  const none = "GET /api/v1/node HTTP/1.1\r\nConnection: close\r\n\r\n";
  assert.match(await hostile.say(none), /^HTTP\/1\.1 400 /);
  await hostile.assertUnharmed();
});

test("pages of other origins may neither read, nor send, nor open a WebSocket", async (t) => {
  const hostile = await HostileNode.start(t);
  for (const header of [
    "Origin: https://evil.example",
    "Origin: http://localhost.evil.example",
    "Origin: http://127.0.0.1:1",
    "Origin: null",
    "Origin: file://",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
  ]) {
    const head = `HTTP/1.1\r\nHost: localhost:${hostile.port}\r\n${header}\r\nConnection: close\r\n`;
    const body = '{"to":"bystander","action":"work"}';
    for (const request of [
      `GET /api/v1/node ${head}\r\n`,
      `OPTIONS /api/v1/instructions ${head}Access-Control-Request-Method: POST\r\n\r\n`,
      `POST /api/v1/instructions ${head}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ]) {
      const answer = await hostile.say(request);
      assert.match(answer, /^HTTP\/1\.1 403 /, `${header}: ${answer.slice(0, 100)}`);
      assert.doesNotMatch(answer, /access-control-allow-origin/i);
    }
    const answer = await hostile.say(handshake("myelin.v1.json", header));
    assert.match(answer, /^HTTP\/1\.1 403 /, header);
  }
  await hostile.assertUnharmed();
});

suite("a request within a request", () => {
  const inner = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const head = "POST /api/v1/instructions HTTP/1.1\r\nHost: localhost\r\n";
  const shapes: Readonly<Record<string, string>> = {
    "Content-Length and Transfer-Encoding": `${head}Content-Length: ${inner.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    "Transfer-Encoding and Content-Length": `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${inner}`,
    "two lengths that differ": `${head}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    "two lengths that are the same": `${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${inner}`,
    "a list of lengths": `${head}Content-Length: 0, ${inner.length}\r\n\r\n${inner}`,
    "a signed length": `${head}Content-Length: +0\r\n\r\n${inner}`,
    "a length in hexadecimal": `${head}Content-Length: 0x0\r\n\r\n${inner}`,
    "a length beyond all": `${head}Content-Length: 99999999999999999999\r\n\r\n${inner}`,
    "a folded header": `${head}X: a\r\n Content-Length: ${inner.length}\r\n\r\n${inner}`,
    "a folded coding": `${head}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${inner}`,
    "a space before the colon": `${head}Content-Length : ${inner.length}\r\n\r\n${inner}`,
    "bare line feeds": `${head.replaceAll("\r\n", "\n")}Content-Length: 0\n\n${inner}`,
    "bare carriage returns": `${head}X: a\rContent-Length: ${inner.length}\r\n\r\n${inner}`,
    "an unknown coding": `${head}Transfer-Encoding: identity, gzip\r\n\r\n${inner}`,
    "chunked twice": `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    "chunked, and then another": `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
    "chunked by another name": `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
    "a NUL in a header": `${head}X: a\0b\r\nContent-Length: 0\r\n\r\n${inner}`,
    "a chunk's size that is none": `${head}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${inner}`,
    "a chunk's size beyond all": `${head}Transfer-Encoding: chunked\r\n\r\n${"f".repeat(20)}\r\n${inner}`,
    "a chunk without its end": `${head}Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n${inner}`,
    "a chunk's extension that ends its line by a line feed": `${head}Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n${inner}`,
  };
  test("is not answered behind any shape of a request that two programs could read differently", async (t) => {
    const hostile = await HostileNode.start(t, { limits: { requestWithinUs: 300_000 } });
    await Promise.all(
      Object.entries(shapes).map(async ([what, bytes]) => {
        const answer = await hostile.say(bytes);
        assert.doesNotMatch(answer, /smuggled/, what);
        assert.equal(answer.split("HTTP/1.1 ").length, 2, `${what}: ${answer}`);
        assert.match(answer, /^HTTP\/1\.1 400 /, what);
      }),
    );
    await hostile.assertUnharmed();
  });

  test("is not begun by what a chunk's extension or trailer holds, and their size is bounded", async (t) => {
    const hostile = await HostileNode.start(t);
    const chunked = `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const extended = await hostile.say(`${chunked}2;a="${inner.slice(0, 12)}"\r\n{}\r\n0\r\n\r\n`);
    assert.equal(extended.split("HTTP/1.1 ").length, 2);
    const endless = await hostile.say(`${chunked}2;${"a".repeat(100_000)}\r\n{}\r\n0\r\n\r\n`);
    assert.match(endless, /^HTTP\/1\.1 413 /);
    const trailed = await hostile.say(
      `${chunked}2\r\n{}\r\n0\r\nHost: evil.example\r\nAuthorization: Bearer x\r\n\r\n`,
    );
    assert.equal(trailed.split("HTTP/1.1 ").length, 2);
    await hostile.assertUnharmed();
  });
});

test("huge bodies are refused one by one, and together, and are let go of", async (t) => {
  const limits = { maxBodyBytes: 100_000, maxHeldBodiesBytes: 300_000 };
  const hostile = await HostileNode.start(t, { limits });
  const one = await hostile.call("POST", "/api/v1/rules", { body: "a".repeat(100_001) });
  assert.equal(one.status, 413);
  const held = await Promise.all(Array.from({ length: 5 }, () => hostile.dial()));
  const head = `POST /api/v1/rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n`;
  const answers = held.map(
    (socket) =>
      new Promise<string>((resolve) => {
        socket.once("data", (bytes: Buffer) => resolve(bytes.toString()));
        socket.write(head + "a".repeat(99_999));
      }),
  );
  const refused = await Promise.race(answers);
  assert.match(refused, /^HTTP\/1\.1 429 [^]*RESOURCE_EXHAUSTED/);
  for (const socket of held) socket.destroy();
  await Promise.all(
    held.map(
      async (socket) => socket.closed || new Promise((resolve) => socket.once("close", resolve)),
    ),
  );
  const after = await hostile.call("POST", "/api/v1/rules", { body: "a".repeat(90_000) });
  assert.equal(after.status, 400);
  await hostile.assertUnharmed();
});

test("tokens in the wrong place admit nobody: in the URL, a cookie, basic credentials or a subprotocol", async (t) => {
  const hostile = await HostileNode.start(t, { token });
  const paths = [
    `/api/v1/node?token=${token}`,
    `/api/v1/node?access_token=${token}`,
    `/api/v1/node?authorization=Bearer%20${token}`,
    `/api/v1/node;token=${token}`,
    `http://${token}@localhost/api/v1/node`,
    `http://token:${token}@localhost/api/v1/node`,
  ];
  for (const path of paths) {
    const raw = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    assert.match(await hostile.say(raw), /^HTTP\/1\.1 40[14] /, path);
  }
  const basic = Buffer.from(`token:${token}`).toString("base64");
  for (const header of [
    `Cookie: token=${token}`,
    `Authorization: Basic ${basic}`,
    `Authorization: ${token}`,
    `Authorization: Token ${token}`,
    `X-Token: ${token}`,
    `Proxy-Authorization: Bearer ${token}`,
  ]) {
    const raw = `GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\n${header}\r\nConnection: close\r\n\r\n`;
    assert.match(await hostile.say(raw), /^HTTP\/1\.1 401 /, header);
  }
  const hello = Buffer.from('{"hello":{"agent_id":"x"}}');
  const frame = Buffer.concat([Uint8Array.of(0x81, 0x80 | hello.length, 0, 0, 0, 0), hello]);
  for (const path of [`/?token=${token}`, `/myelin?access_token=${token}`]) {
    const upgrade = handshake("myelin.v1.json").replace("GET / ", `GET ${path} `);
    assert.match(await hostile.say(upgrade, frame), /UNAUTHENTICATED/, path);
  }
  const offered = await hostile.say(handshake(`myelin.v1.json, ${token}`), frame);
  assert.match(offered, /UNAUTHENTICATED/);
  assert.doesNotMatch(offered, new RegExp(token));
  assert.ok(!hostile.log.join("").includes(token), "the log has the token");
  await hostile.assertUnharmed();
});
