import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { after, test, type TestContext } from "node:test";
import { connect, type ConnectionOptions } from "node:tls";
import { WebSocket } from "ws";
import {
  type HttpServer,
  type HttpServerOptions,
  openTlsFiles,
  type TlsFiles,
} from "../../packages/node/src/adapters/http-server/index.ts";
import type { AcceptChannel } from "../../packages/node/src/ports/transport.ts";
import { Authority, type CertificateFiles } from "./certificates.ts";
import { clock, start } from "./http-fixture.ts";

const authority = new Authority();
after(() => authority[Symbol.dispose]());

async function startTls(
  t: TestContext,
  options: Partial<HttpServerOptions> & { clientCaFile?: string } = {},
  accept?: AcceptChannel,
): Promise<{ server: HttpServer; files: CertificateFiles; tls: TlsFiles }> {
  const { clientCaFile, ...rest } = options;
  const files = authority.issue("first");
  const caOption = clientCaFile === undefined ? {} : { clientCaFile };
  const tls = await openTlsFiles({ ...files, ...caOption }, clock);
  t.after(() => tls.close());
  const server = await start(t, { ...rest, tls }, accept);
  return { server, files, tls };
}

/** Name in the certificate that a new connection is shown. */
async function nameShown(server: HttpServer, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: server.port, ca: authority.ca, ...options });
  await once(socket, "secureConnect");
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

/** Status of an answer over a new connection. */
async function statusOf(server: HttpServer, options: ConnectionOptions = {}): Promise<number> {
  const call = request({
    host: "127.0.0.1",
    port: server.port,
    path: "/x",
    ca: authority.ca,
    agent: false,
    ...options,
  });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  return response.statusCode;
}

test("the port speaks HTTP over TLS, and says so in its addresses", async (t) => {
  const { server } = await startTls(t);
  assert.equal(await statusOf(server), 200);
  assert.match(server.url, /^wss:\/\/127\.0\.0\.1:\d+$/);
  assert.match(server.httpUrl, /^https:/);
});

test("frames flow over a WebSocket in TLS, both ways, at any size", async (t) => {
  const accept: AcceptChannel = (channel, peer) => {
    assert.equal(peer.isLoopback, true);
    return { onFrame: (frame) => channel.send(frame.slice()), onEnd: () => undefined };
  };
  const { server } = await startTls(t, { maxFrameBytes: 100_000 }, accept);
  const socket = new WebSocket(server.url, "myelin.v1.proto", { ca: authority.ca });
  await once(socket, "open");
  for (const sizeBytes of [1, 200, 20_000, 90_000]) {
    socket.send(Buffer.alloc(sizeBytes, 7));
    const [echo] = await once(socket, "message");
    assert.deepEqual(echo, Buffer.alloc(sizeBytes, 7));
  }
  socket.close();
  await once(socket, "close");
});

test("TLS below 1.2 is refused", async (t) => {
  const { server } = await startTls(t);
  const old: ConnectionOptions = {
    maxVersion: "TLSv1.1",
    minVersion: "TLSv1",
    ciphers: "ALL:@SECLEVEL=0",
  };
  await assert.rejects(nameShown(server, old), /protocol version|unsupported protocol/);
  assert.equal(await nameShown(server, { maxVersion: "TLSv1.2" }), "first");
});

test("new connections get the new certificate when the files change, and open ones stay", async (t) => {
  const { server, files, tls } = await startTls(t);
  const changed = Promise.withResolvers<void>();
  tls.listen({ onChange: () => changed.resolve(), onUnfit: () => undefined });
  const old = connect({ host: "127.0.0.1", port: server.port, ca: authority.ca });
  await once(old, "secureConnect");
  authority.replace(files, authority.issue("second"));
  await changed.promise;
  assert.equal(await nameShown(server), "second");
  old.write("GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const [answer] = await once(old, "data");
  assert.match(String(answer), /^HTTP\/1\.1 200/);
  old.destroy();
});

test("files that cannot be used are told of once, and the old certificate stays", async (t) => {
  const { server, files, tls } = await startTls(t);
  const problems: string[] = [];
  tls.listen({ onChange: () => undefined, onUnfit: ({ message }) => problems.push(message) });
  copyFileSync(authority.issue("half").certFile, files.certFile);
  await tls.reload();
  await tls.reload();
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /are no certificate with its key/);
  assert.equal(await nameShown(server), "first");
  writeFileSync(files.certFile, "nothing");
  await tls.reload();
  assert.equal(await nameShown(server), "first");
  authority.replace(files, authority.issue("whole"));
  await tls.reload();
  assert.equal(await nameShown(server), "whole");
});

test("with an authority for clients only those with its certificate come in", async (t) => {
  using others = new Authority();
  const { server } = await startTls(t, { clientCaFile: authority.caFile });
  const { readFileSync } = await import("node:fs");
  const shown = ({ certFile, keyFile }: CertificateFiles): ConnectionOptions => ({
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
  });
  assert.equal(await statusOf(server, shown(authority.issue("w1", "DNS:w1"))), 200);
  await assert.rejects(statusOf(server), /certificate required|ECONNRESET|socket hang up/);
  await assert.rejects(statusOf(server, shown(others.issue("w1", "DNS:w1"))));
  assert.equal(await statusOf(server, shown(authority.issue("w2", "DNS:w2"))), 200);
});

test("whoever speaks no TLS is cut off, and nobody else is touched", async (t) => {
  const { server } = await startTls(t);
  const plain = httpRequest({ host: "127.0.0.1", port: server.port, agent: false });
  plain.end();
  await assert.rejects(once(plain, "response"));
  const noise = connectTcp(server.port, "127.0.0.1");
  noise.write(Buffer.alloc(4096, 0xff));
  noise.on("error", () => undefined);
  noise.resume();
  await once(noise, "close");
  assert.equal(await statusOf(server), 200);
});

test("handshakes that are half open end at their bound in time, and those beyond their number at once", async (t) => {
  const bounds = { maxConnections: 1, maxHandshakes: 1, handshakeWithinUs: 200_000 };
  const { server } = await startTls(t, bounds);
  const halfOpen = Array.from({ length: 4 }, (_, at) => {
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    // The first bytes of a greeting that does not go on.
    if (at % 2 === 0) socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1));
    return new Promise((resolve) => socket.once("close", resolve));
  });
  await Promise.all(halfOpen);
  assert.equal(await statusOf(server), 200);
});

test("closing ends what is open over TLS", async (t) => {
  const { server } = await startTls(t);
  const idle = connect({ host: "127.0.0.1", port: server.port, ca: authority.ca });
  await once(idle, "secureConnect");
  idle.on("error", () => undefined);
  const gone = once(idle, "close");
  await server.close();
  await gone;
});

test("the files are looked at when the node starts", async () => {
  const files = authority.issue("good");
  const other = authority.issue("other");
  const open = (changes: Partial<CertificateFiles & { clientCaFile: string }>): Promise<TlsFiles> =>
    openTlsFiles({ ...files, ...changes }, clock);
  const refused = { code: "INVALID_ARGUMENT" };
  await assert.rejects(open({ certFile: "/nowhere.crt" }), { ...refused, message: /nowhere/ });
  await assert.rejects(open({ keyFile: other.keyFile }), { ...refused, message: /with its key/ });
  await assert.rejects(open({ clientCaFile: files.keyFile }), {
    ...refused,
    message: /authorities/,
  });
});
