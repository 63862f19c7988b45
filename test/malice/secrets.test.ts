// What must stay secret: tokens, and the files of a node.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { connect } from "@myelin/agent";
import { hashSecret, isEqualHash } from "@myelin/core/secret";
import { Typist } from "./typist.ts";

const root = join(import.meta.dirname, "../..");
const cli = join(root, "packages/cli/src/main.ts");

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "myelin-malice-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("secrets are compared in one place, in a time that does not tell where they differ", () => {
  const hash = hashSecret("secret");
  const [first, last] = [Uint8Array.from(hash), Uint8Array.from(hash)];
  first[0] = 255 - (first[0] ?? 0);
  last[31] = 255 - (last[31] ?? 0);
  for (const other of [hash, first, last]) {
    let reads = 0;
    const watched = new Proxy(other, {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key) as unknown;
      },
    });
    assert.equal(isEqualHash(hash, watched), other === hash);
    assert.equal(reads, 32, "every byte is looked at, once");
  }
  const sources = globSync("packages/{core,node}/src/**/*.ts", { cwd: root }).filter(
    (path) => !/\.test\.ts$|test-support|core\/src\/wire\//.test(path),
  );
  assert.ok(sources.length > 150);
  const comparison =
    /\b(?:\w+\.)*(?:[tT]oken(?:Hash|Text)?|[sS]ecret|hash)\s*[!=]==?\s*([^\s;,)&|?]+)/g;
  const harmless = ["undefined", '""', "null"];
  const found = sources.flatMap((path) =>
    [...readFileSync(join(root, path), "utf8").matchAll(comparison)].flatMap(
      ([match, other = ""]) => (harmless.includes(other) ? [] : [`${path}: ${match}`]),
    ),
  );
  assert.deepEqual(found, []);
});

test("tokens are in nothing that a node prints, keeps or tells, however they come to it", async (t) => {
  const data = temporary(t);
  const token = "bootstrap-token-of-some-length-0001";
  const wrong = "wrong-token-of-some-length-00000002";
  const child = spawn(
    process.execPath,
    [cli, "up", "--port", "0", "--data", data, "--unix", join(data, "node.sock")],
    {
      env: { ...process.env, MYELIN_TOKEN: token, MYELIN_LOG_LEVEL: "trace" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  t.after(() => child.kill("SIGKILL"));
  const errors = text(child.stderr);
  const lines = createInterface({ input: child.stdout });
  const [announced] = (await once(lines, "line")) as [string];
  const { url, http } = JSON.parse(announced) as { url: string; http: string };
  const ask = (path: string, bearer: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, http), { ...init, headers: { authorization: `Bearer ${bearer}` } });

  const made = await ask("/api/v1/tokens", token, {
    method: "POST",
    body: JSON.stringify({ role: "agent", agents: "w-*", name: "workers" }),
  });
  const { token: issued } = (await made.json()) as { token: string };
  assert.match(issued, /^myl_/);
  const agent = await connect({ url, id: "w-1", token: issued });
  agent.report({ a: 1 });
  await agent.flush();
  for (const [id, given] of [
    ["w-2", wrong],
    ["x-1", issued],
    ["w-3", `${issued}x`],
  ] as const) {
    const typist = await Typist.open(url);
    typist.say({ hello: { agent_id: id, token: given } });
    const goodbye = await typist.goodbye();
    assert.match(goodbye ?? "", /UNAUTHENTICATED|PERMISSION_DENIED/);
    assert.doesNotMatch(JSON.stringify(typist.heard), /-token-of-some-length|myl_/);
  }
  const told: string[] = [];
  for (const path of ["node", "agents", "agents/w-1", "audit", "tokens", "top", "rules"]) {
    for (const bearer of [token, wrong, issued]) {
      for (const query of ["", `?token=${token}`]) {
        const answer = await ask(`/api/v1/${path}${query}`, bearer);
        told.push(await answer.text());
      }
    }
  }
  told.push(await (await ask("/metrics", token)).text());
  const backup = Buffer.from(
    await (await ask("/api/v1/backup", token, { method: "POST" })).arrayBuffer(),
  );
  assert.ok(backup.length > 1000);
  await agent.close();
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  const kept = readdirSync(data, { recursive: true, encoding: "utf8" })
    .map((name) => join(data, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"));
  const log = await errors;
  assert.match(log, /the node serves/);
  const secrets = [token, wrong, issued, issued.slice(13)];
  for (const [where, what] of [
    ["the log", log],
    ["an answer", told.join("\n").replaceAll(/[?&]token=[^"&\s]*/g, "")],
    ["the data directory", kept.join("\n")],
    ["a backup", backup.toString("latin1")],
  ] as const) {
    for (const secret of secrets)
      assert.ok(!what.includes(secret), `${where} has ${secret}: ${around(what, secret)}`);
  }
});

function around(whole: string, part: string): string {
  const at = whole.indexOf(part);
  return whole.slice(Math.max(0, at - 80), at + 80);
}

/** Everything below a folder that somebody else than its owner could use, with its mode. */
function open(folder: string): string[] {
  return [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ].flatMap((path) => {
    const mode = statSync(path).mode & 0o777;
    return (mode & 0o077) === 0 ? [] : [`${relative(folder, path) || "."} ${mode.toString(8)}`];
  });
}

test("the files of a node are its owner's only, whatever the umask: state, ledger, lock, socket, backup, what is restored", async (t) => {
  const above = temporary(t);
  const data = join(above, "data");
  const script = `umask 000; exec "$0" "$@"`;
  const run = (...words: string[]) =>
    spawnSync("sh", ["-c", script, process.execPath, cli, ...words], { encoding: "utf8" });
  const child = spawn(
    "sh",
    [
      "-c",
      script,
      process.execPath,
      cli,
      "up",
      "--port",
      "0",
      "--data",
      data,
      "--unix",
      join(data, "node.sock"),
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  t.after(() => child.kill("SIGKILL"));
  const [announced] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { url, http } = JSON.parse(announced) as { url: string; http: string };
  const agent = await connect({ url, id: "w-1" });
  agent.on("work", () => ({ done: true }));
  for (let count = 0; count < 3; count++) {
    const answer = await fetch(new URL("/api/v1/instructions", http), {
      method: "POST",
      body: JSON.stringify({ to: "w-1", action: "work", wait: "5s" }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
  const backup = join(above, "backup.tar");
  const made = run("backup", "--url", http, backup);
  assert.equal(made.status, 0, made.stderr);
  const names = readdirSync(data, { recursive: true, encoding: "utf8" });
  for (const name of ["state.db", "lock.db", "lock.pid", "node.sock"])
    assert.ok(names.includes(name), `${name} of ${names.join(", ")}`);
  assert.deepEqual(open(data), []);
  assert.equal(statSync(backup).mode & 0o777, 0o600);
  await agent.close();
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  assert.deepEqual(open(data), []);
  const restored = join(above, "restored");
  const back = run("restore", backup, "--data", restored);
  assert.equal(back.status, 0, back.stderr);
  assert.deepEqual(open(restored), []);
});
