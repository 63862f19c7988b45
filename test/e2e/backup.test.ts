// A backup of a node under load, and a node that lives on from it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import {
  AgentProcess,
  eventually,
  mainPath,
  NodeProcess,
  temporaryDirectory,
} from "./support/index.ts";

const myelin = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [mainPath, ...args]);
  return stdout;
};

async function myelinFails(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const thrown: unknown = await myelin(...args).catch((error: unknown) => error);
  assert.ok(thrown instanceof Error && "code" in thrown && "stderr" in thrown, "it went through");
  return { code: Number(thrown.code), stderr: String(thrown.stderr) };
}

/** Between a caller and the node: passes all on until the node has answered something, and then waits. */
class Valve implements AsyncDisposable {
  readonly port: number;
  /** Resolves when an answer has begun and is held back. */
  readonly isStopped: Promise<void>;
  readonly #server: Server;
  #held: Socket | undefined;

  private constructor(server: Server, nodePort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.isStopped = promise;
    server.on("connection", (caller) => {
      const node = connect(nodePort, "127.0.0.1");
      caller.on("error", () => node.destroy()).pipe(node);
      node.on("error", () => caller.destroy()).pipe(caller);
      if (this.#held !== undefined) return;
      this.#held = node;
      node.once("data", () => {
        node.unpipe(caller).pause();
        node.on("close", () => caller.destroy());
        resolve();
      });
    });
  }

  static async open(nodePort: number): Promise<Valve> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Valve(server, nodePort);
  }

  /** What was held back is lost, and the caller is cut off as the node has cut it off. */
  resume(): void {
    this.#held?.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held?.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

suite("a backup", () => {
  test("made under load becomes a node with the same agents, rules, instructions and tokens", async () => {
    await using folder = await temporaryDirectory();
    const data = join(folder.path, "data");
    const file = join(folder.path, "backup.tar");
    await using node = await NodeProcess.start(data, ["--token", "secret"]);
    const url = ["--url", node.http, "--token", "secret"];
    const call = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(new URL(path, node.http), {
        method,
        headers: { authorization: "Bearer secret" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // oxlint-disable-next-line typescript/no-explicit-any -- documents of several shapes
      return { status: response.status, body: (await response.json()) as any };
    };
    await call("POST", "/api/v1/rules", {
      rules: [{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }],
    });
    const token = await call("POST", "/api/v1/tokens", { name: "looker", role: "reader" });
    assert.ok(token.status < 300, JSON.stringify(token.body));
    process.env["MYELIN_TOKEN"] = "secret";
    await using present = await AgentProcess.start(node.url, "a1");
    assert.ok(present.isLive);
    const gone = await AgentProcess.start(node.url, "a2");
    await gone.kill();
    delete process.env["MYELIN_TOKEN"];
    const order = { action: "work", to: "a1", wait: "10s" };
    const before = await call("POST", "/api/v1/instructions", order);
    assert.equal(before.body.instructions[0].status, "executed");
    const waiting = await call("POST", "/api/v1/instructions", {
      action: "work",
      to: "a2",
      deadline: "1h",
      wait: "10ms",
    });

    let isLoading = true;
    const load = (async () => {
      while (isLoading) await call("POST", "/api/v1/instructions", order);
    })();
    const told = await myelin("backup", file, ...url);
    isLoading = false;
    await load;
    assert.match(told, /is whole: \d+ files/);
    assert.deepEqual(readdirSync(folder.path).toSorted(), ["backup.tar", "data"]);
    assert.ok(!existsSync(join(data, "backup.tmp")));

    const restored = join(folder.path, "restored");
    await myelin("restore", file, "--data", restored);
    await using later = await NodeProcess.start(restored, ["--token", "secret"]);
    const ask = async (path: string, bearer = "secret") => {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(new URL(path, later.http), { headers });
      // oxlint-disable-next-line typescript/no-explicit-any -- documents of several shapes
      return { status: response.status, body: (await response.json()) as any };
    };
    const agents = await ask("/api/v1/agents");
    assert.deepEqual(
      agents.body.agents.map(({ id }: { id: string }) => id),
      ["a1", "a2"],
    );
    const rules = await ask("/api/v1/rules");
    assert.deepEqual(
      rules.body.rules.map(({ name }: { name: string }) => name),
      ["hot"],
    );
    const { id } = before.body.instructions[0];
    assert.equal((await ask(`/api/v1/instructions/${id}`)).body.status, "executed");
    const open = waiting.body.instructions[0].id;
    assert.equal((await ask(`/api/v1/instructions/${open}`)).body.status, "accepted");
    const secret: string = token.body.secret ?? token.body.token;
    assert.equal((await ask("/api/v1/rules", secret)).status, 200);
    await eventually("the ledger has what was executed", async () => {
      const { body } = await ask("/api/v1/instructions?status=executed&limit=1000");
      return body.instructions.some((each: { id: string }) => each.id === id);
    });
  });

  test("is made by operators only", async () => {
    await using folder = await temporaryDirectory();
    await using node = await NodeProcess.start(join(folder.path, "data"), ["--token", "secret"]);
    const file = join(folder.path, "backup.tar");
    const { code } = await myelinFails("backup", file, "--url", node.http, "--token", "wrong");
    assert.equal(code, 4);
    assert.ok(!existsSync(file));
  });

  test("ends with the token that asked for it, leaves nothing, and stands in nobody's way", async () => {
    await using folder = await temporaryDirectory();
    const data = join(folder.path, "data");
    const file = join(folder.path, "backup.tar");
    await using node = await NodeProcess.start(data, ["--token", "secret"]);
    const operator = ["--url", node.http, "--token", "secret"];
    process.env["MYELIN_TOKEN"] = "secret";
    await using agent = await AgentProcess.start(node.url, "a1");
    delete process.env["MYELIN_TOKEN"];
    assert.ok(agent.isLive);
    // More than the buffers between the node and who does not read take.
    const order = { action: "work", to: "a1", args: { bulk: "x".repeat(60_000) } };
    const request = {
      method: "POST",
      headers: { authorization: "Bearer secret" },
      body: JSON.stringify(order),
    };
    const url = new URL("/api/v1/instructions", node.http);
    const answers = await Promise.all(Array.from({ length: 300 }, () => fetch(url, request)));
    assert.ok(answers.every(({ ok }) => ok));
    const create = ["token", "create", "--role", "operator", "--name", "keeper"];
    const keeper = (await myelin(...create, ...operator)).trimEnd();

    await using valve = await Valve.open(node.port);
    const keep = ["backup", file, "--url", `http://127.0.0.1:${valve.port}`, "--token", keeper];
    const failing = myelinFails(...keep);
    await valve.isStopped;
    assert.ok(existsSync(join(data, "backup.tmp")));
    await myelin("token", "revoke", "keeper", ...operator);
    await eventually("the copy is gone", () => !existsSync(join(data, "backup.tmp")));
    valve.resume();
    const { code, stderr } = await failing;
    assert.equal(code, 4);
    assert.match(stderr, /^error UNAUTHENTICATED: the token keeper was revoked\n {2}/);
    assert.deepEqual(readdirSync(folder.path), ["data"]);
    assert.match(await myelin("backup", file, ...operator), /is whole/);
  });

  test("of a directory, and a restore into one, need that no node uses it", async () => {
    await using folder = await temporaryDirectory();
    const data = join(folder.path, "data");
    const file = join(folder.path, "backup.tar");
    await using node = await NodeProcess.start(data);
    const inUse = await myelinFails("backup", file, "--data", data);
    assert.match(inUse.stderr, /DATA_DIRECTORY_LOCKED/);
    await node.end("SIGTERM");
    await myelin("backup", file, "--data", data);
    const twice = await myelinFails("backup", file, "--data", data);
    assert.match(twice.stderr, /ALREADY_EXISTS/);
    const full = await myelinFails("restore", file, "--data", data);
    assert.match(full.stderr, /CONFLICT: .* is not empty/);
    assert.match(await myelin("restore", file, "--data", data, "--force"), /before-restore-/);
    await using again = await NodeProcess.start(data);
    assert.equal((await again.get("/readyz")).status, 200);
    const used = await myelinFails("restore", file, "--data", data, "--force");
    assert.match(used.stderr, /DATA_DIRECTORY_LOCKED/);
  });
});
