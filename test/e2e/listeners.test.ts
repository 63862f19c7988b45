// A node as `myelin up` starts it, with TLS, clients' certificates, and a listener of its own for the API.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { type Agent, connect } from "@myelin/agent";
import { WebSocket } from "ws";
import { myelin } from "../../packages/cli/src/commands/test-support.ts";
import { Authority, type CertificateFiles } from "../contract/certificates.ts";
import { eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

suite("a node with TLS and a listener of its own for the API", () => {
  const authority = new Authority();
  const ca = authority.caFile;
  const { certFile: cert, keyFile: key } = authority.issue("client", "DNS:client");
  const [first, renewed] = [authority.issue("first"), authority.issue("renewed")];
  const proof = ["--ca", ca, "--cert", cert, "--key", key];
  const agents: Agent[] = [];
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let node: NodeProcess;
  let pair: CertificateFiles;

  before(async () => {
    directory = await temporaryDirectory();
    const folder = join(directory.path, "pair");
    pair = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
    // Who watches the folder of these links does not see what becomes of the files.
    const links = [join(directory.path, "cert.pem"), join(directory.path, "key.pem")] as const;
    mkdirSync(dirname(pair.certFile));
    authority.replace(pair, first);
    symlinkSync(pair.certFile, links[0]);
    symlinkSync(pair.keyFile, links[1]);
    node = await NodeProcess.start(join(directory.path, "data"), [
      ...["--tls-cert", links[0], "--tls-key", links[1], "--tls-client-ca", ca],
      ...["--admin-listen", "127.0.0.1:0"],
    ]);
  });
  after(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    await node.end("SIGTERM");
    await directory[Symbol.asyncDispose]();
    authority[Symbol.dispose]();
  });

  const [certText, keyText] = [cert, key].map((file) => readFileSync(file, "utf8"));
  const shown = { ca: authority.ca, cert: certText, key: keyText };
  const joined = async (id: string): Promise<Agent> => {
    const agent = await connect({
      ...{ id, type: "test", url: node.url },
      ...{ tls: { ca, cert, key }, timeoutMs: 10_000 },
    });
    agents.push(agent);
    agent.on("work", () => ({ worked: true }));
    return agent;
  };
  const answerOf = async (
    url: URL,
    order?: Readonly<Record<string, unknown>>,
  ): Promise<{ status: number; body: string }> => {
    const method = order === undefined ? "GET" : "POST";
    const call = request(url, { ...shown, method, agent: false });
    call.end(order === undefined ? undefined : JSON.stringify(order));
    const [response] = (await once(call, "response")) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await text(response) };
  };
  /** How an attempt to open a WebSocket ended: `open`, or the status of the refusal. */
  const opened = async (url: string): Promise<string> => {
    const socket = new WebSocket(url, "myelin.v1.proto", shown);
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.on("open", () => resolve("open"));
    socket.on("unexpected-response", (_, response) => resolve(String(response.statusCode)));
    socket.on("error", () => resolve("error"));
    const how = await promise;
    socket.terminate();
    return how;
  };
  const subjectShown = async (): Promise<string> => {
    const { hostname, port } = new URL(node.url);
    const socket = connectTls({ host: hostname, port: Number(port), ...shown });
    await once(socket, "secureConnect");
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };

  test("agents join the one listener with a client's certificate, and the command calls the other", async () => {
    assert.match(node.url, /^wss:/);
    assert.match(node.http, /^https:/);
    const agent = await joined("a1");
    assert.equal(agent.status.state, "live");
    const byFlags = await myelin(["agents", "--url", node.http, "--json", ...proof]);
    assert.deepEqual([byFlags.code, byFlags.err], [0, ""]);
    assert.match(byFlags.out, /"a1"/);
    const environment = {
      MYELIN_URL: node.http,
      MYELIN_CA: ca,
      MYELIN_CERT: cert,
      MYELIN_KEY: key,
    };
    assert.equal((await myelin(["agents"], environment)).code, 0);
  });

  test("who lacks the authority or the client's certificate is told so", async () => {
    const untrusting = await myelin(["agents", "--url", node.http]);
    assert.match(untrusting.err, /signed by nobody whom this program trusts/);
    const unproven = await myelin(["agents", "--url", node.http, "--ca", ca]);
    assert.match(unproven.err, /asks for a client's certificate/);
    assert.notEqual(untrusting.code * unproven.code, 0);
    const url = node.url;
    await assert.rejects(connect({ id: "a2", type: "test", url, tls: { ca }, timeoutMs: 500 }), {
      code: "TIMEOUT",
    });
    await assert.rejects(
      connect({ id: "a2", type: "test", url, tls: { cert, key }, timeoutMs: 500 }),
      { code: "TIMEOUT" },
    );
  });

  test("the API is at its own listener only, and agents are at the other only", async () => {
    const main = node.url.replace("wss:", "https:");
    for (const path of ["/healthz", "/readyz"])
      assert.equal((await answerOf(new URL(path, main))).status, 200, path);
    for (const path of ["/api/v1/node", "/api/v1/agents", "/api/v1/watch", "/metrics"]) {
      const { status, body } = await answerOf(new URL(path, main));
      assert.equal(status, 404, `${path}: ${body}`);
    }
    for (const path of ["/api/v1/node", "/metrics", "/healthz"])
      assert.equal((await answerOf(new URL(path, node.http))).status, 200, path);
    assert.equal(await opened(node.url), "open");
    assert.notEqual(await opened(node.http.replace("https:", "wss:")), "open");
  });

  test("SIGHUP takes up a renewed certificate, and those that are there stay", async () => {
    const agent = await joined("a3");
    let changes = 0;
    agent.onStatus(() => (changes += 1));
    assert.equal(await subjectShown(), "first");
    authority.replace(pair, renewed);
    node.child.kill("SIGHUP");
    await eventually("it is shown", async () => (await subjectShown()) === "renewed");
    const order = { action: "work", to: "a3", wait: "10s" };
    const { body } = await answerOf(new URL("/api/v1/instructions", node.http), order);
    assert.match(body, /"status":"executed"/);
    assert.equal(changes, 0);
    await joined("a4");
  });
});
