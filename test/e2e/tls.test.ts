// The command line and the SDK at a node that speaks TLS and asks its clients for certificates.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { connect } from "@myelin/agent";
import { Authority } from "../contract/certificates.ts";
import { mainPath, NodeProcess, temporaryDirectory } from "./support/index.ts";

const execute = promisify(execFile);

test("every command shows its certificate, and an idempotency key is something else", async () => {
  await using folder = await temporaryDirectory();
  using authority = new Authority();
  const { certFile, keyFile } = authority.issue("node");
  await using node = await NodeProcess.start(folder.path, [
    ...["--tls-cert", certFile, "--tls-key", keyFile],
    ...["--tls-client-ca", authority.caFile],
  ]);
  const client = authority.issue("client", "DNS:client.invalid");
  const tls = { ca: authority.caFile, cert: client.certFile, key: client.keyFile };
  const byFlags = ["--ca", tls.ca, "--cert", tls.cert, "--key", tls.key];
  const byEnvironment = { MYELIN_CA: tls.ca, MYELIN_CERT: tls.cert, MYELIN_KEY: tls.key };
  const myelin = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const given = { env: { ...process.env, MYELIN_URL: node.http, ...env } };
    const { stdout } = await execute(process.execPath, [mainPath, ...args], given);
    return stdout;
  };

  const agent = await connect({ url: node.url, id: "w1", tls });
  try {
    let performed = 0;
    agent.on("cool", () => ({ performed: ++performed }));
    const send = ["send", "cool", "--to", "w1", "--idempotency-key", "cool-1"];
    const [first, again, other] = [
      await myelin([...send, ...byFlags]),
      await myelin(send, byEnvironment),
      await myelin(["send", "cool", "--to", "w1"], byEnvironment),
    ];
    assert.match(first, /^w1 +app +executed .*\{"performed":1\}$/m);
    assert.match(again, /^w1 +app +executed .*\{"performed":1\}$/m);
    assert.match(other, /\{"performed":2\}$/m);
    assert.match(await myelin(["agents", ...byFlags]), /^w1 +agent +live /m);

    const anonymous: unknown = await myelin(["agents", "--ca", tls.ca]).catch((error) => error);
    assert.ok(anonymous instanceof Error && "code" in anonymous && "stderr" in anonymous);
    assert.equal(anonymous.code, 3);
    assert.match(String(anonymous.stderr), /UNAVAILABLE.*\n {2}.*--cert.*--key/);
  } finally {
    await agent.close();
  }
});
