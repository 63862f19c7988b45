// The doctor at nodes that have their API elsewhere, or speak TLS.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { type NodeOptions, startNode } from "@myelin/node";
import { Authority } from "../contract/certificates.ts";
import { myelin } from "../../packages/cli/src/commands/test-support.ts";

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly mend?: string;
}

suite("myelin doctor", () => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-doctor-"));
  const authority = new Authority();
  after(() => {
    authority[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  const certificate = authority.issue("node");
  const tlsFlags = ["--tls-cert", certificate.certFile, "--tls-key", certificate.keyFile];

  /** What is found, each of a check behind the others of it. */
  const doctor = async (args: readonly string[]): Promise<(check: string) => Finding> => {
    const { out, err } = await myelin(["doctor", "--json", ...args]);
    assert.equal(err, "");
    const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] };
    return (check) =>
      findings.find((each) => each.check === check) ?? assert.fail(`nothing of ${check}: ${out}`);
  };

  let made = 0;
  const start = async (t: { after: (end: () => Promise<void>) => void }, options: NodeOptions) => {
    const data = join(folder, `data-${made++}`);
    const node = await startNode({ port: 0, dataDirectory: data, ...options });
    t.after(() => node.close());
    const portOf = (url: string): string => new URL(url).port;
    return { data, port: portOf(node.url), apiPort: portOf(node.httpUrl) };
  };

  test("finds a node that speaks TLS well, and compares versions where it may trust it", async (t) => {
    const { data, port } = await start(t, { tls: certificate });
    const args = ["--port", port, ...tlsFlags];
    const other = ["--data", join(folder, "other")];
    assert.match((await doctor([...args, ...other]))("port").message, /^a node serves at /);
    const untrusted = await doctor([...args, "--data", data]);
    assert.equal(untrusted("configuration").status, "ok");
    assert.equal(untrusted("versions").status, "warn");
    assert.match(untrusted("versions").mend ?? "", /--ca FILE/);
    const trusted = await doctor([...args, "--data", data, "--ca", authority.caFile]);
    assert.match(trusted("versions").message, /^command .*, node .* at https:/);
  });

  test("finds a node well that asks for clients' certificates, and has its API elsewhere", async (t) => {
    const adminListen = { host: "127.0.0.1", port: 0 };
    const tls = { ...certificate, clientCaFile: authority.caFile };
    const { data, port, apiPort } = await start(t, { tls, adminListen });
    const client = authority.issue("client", "DNS:client");
    const of = await doctor([
      ...["--port", port, "--admin-listen", `127.0.0.1:${apiPort}`, "--data", data],
      ...[...tlsFlags, "--tls-client-ca", authority.caFile, "--ca", authority.caFile],
      ...["--cert", client.certFile, "--key", client.keyFile],
    ]);
    for (const check of ["configuration", "versions"])
      assert.equal(of(check).status, "ok", of(check).message);
    // Whose port it is can be seen on Linux only; elsewhere such a node answers nobody here.
    if (process.platform !== "linux") return;
    for (const check of ["port", "admin port"])
      assert.match(of(check).message, /^a node serves at /);
  });

  test("asks the API where it listens", async (t) => {
    const { data, port, apiPort } = await start(t, {
      adminListen: { host: "127.0.0.1", port: 0 },
    });
    const admin = `127.0.0.1:${apiPort}`;
    const of = await doctor(["--port", port, "--admin-listen", admin, "--data", data]);
    assert.match(of("versions").message, new RegExp(`, node .* at http://${admin}$`));
  });

  test("says that the API's port is in use by another", async (t) => {
    const server = createServer((socket) => socket.end("something else\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const args = ["--port", "0", "--data", join(folder, "none")];
    const of = await doctor([...args, "--admin-listen", `127.0.0.1:${address.port}`]);
    assert.equal(of("port").status, "ok");
    assert.equal(of("admin port").status, "fail");
    assert.match(of("admin port").mend ?? "", /--admin-listen/);
  });

  test("looks at the port of each lane, and who has it", async (t) => {
    const server = createServer((socket) => socket.end("something else\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const first = address.port - 1;
    const lanes = ["--lanes", "3", "--lane-port", String(first), "--data", join(folder, "none")];
    const of = await doctor(["--port", "0", ...lanes]);
    assert.equal(of("lane 1 port").status, "fail");
    assert.match(of("lane 1 port").mend ?? "", /--lane-port/);
    for (const lane of [0, 2]) assert.match(of(`lane ${lane} port`).message, /:\d+ /);
    const taken = (await doctor(["--port", String(first + 2), ...lanes]))("configuration");
    assert.match(taken.message, /would take port \d+, which is the node's own$/);
  });

  test("fails a configuration that a node would refuse", async () => {
    mkdirSync(join(folder, "empty"));
    const args = ["--port", "0", "--data", join(folder, "empty")];
    for (const [more, message] of [
      [["--tls-cert", certificate.certFile], /needs both/],
      [["--tls-cert", "none.pem", "--tls-key", certificate.keyFile], /none\.pem cannot be read/],
      [["--host", "0.0.0.0"], /can be reached from other machines/],
      [["--lanes", "9", "--lane-port", "65530"], /would take port 65536, which is none$/],
      [["--admin-listen", "0.0.0.0:0"], /can be reached from other machines/],
    ] as const) {
      const found = (await doctor([...args, ...more]))("configuration");
      assert.equal(found.status, "fail");
      assert.match(found.message, message);
    }
  });
});
