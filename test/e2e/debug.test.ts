// The diagnostic bundle: what is in it, who may have it, and that no secret is.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { connect } from "@myelin/agent";
import { mainPath, NodeProcess, temporaryDirectory } from "./support/index.ts";

const operator = "the-operators-own-secret";
const hush = "hush/hush&more";

interface Outcome {
  readonly code: number;
  readonly out: string;
}

/** Runs the command in a folder. */
function myelin(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const surroundings = { cwd: folder, env: { ...process.env, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [mainPath, ...args], surroundings, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
    );
  });
}

/** The files of a bundle, unpacked by the system's tar. */
async function unpacked(folder: string, bundle: string): Promise<Map<string, string>> {
  await new Promise<void>((resolve, reject) => {
    execFile("tar", ["-xzf", bundle, "--strip-components=1", "--one-top-level=seen"], {
      cwd: folder,
    }).once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`tar: ${code}`))));
  });
  const seen = join(folder, "seen");
  return new Map(readdirSync(seen).map((name) => [name, readFileSync(join(seen, name), "utf8")]));
}

async function tokenOf(node: NodeProcess, role: string): Promise<string> {
  const response = await fetch(new URL("/api/v1/tokens", node.http), {
    method: "POST",
    headers: { authorization: `Bearer ${operator}` },
    body: JSON.stringify({ role, name: `a-${role}`, ...(role === "agent" && { agents: "*" }) }),
  });
  const { token } = (await response.json()) as { readonly token: string };
  assert.match(token, /^myl_/);
  return token;
}

test("an operator's bundle tells of the node and its machine, and has no secret in it", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "data");
  const otlp = `http://collector:${encodeURIComponent(hush)}@127.0.0.1:1/v1/traces`;
  const told = { MYELIN_TOKEN: operator, MYELIN_OTLP_URL: otlp };
  await using node = await NodeProcess.start(data, ["--log-level", "info"], {
    env: told,
    stderr: "pipe",
  });
  node.child.stderr?.resume();
  const tokens = {
    agent: await tokenOf(node, "agent"),
    reader: await tokenOf(node, "reader"),
    other: await tokenOf(node, "operator"),
  };
  await using _agent = await connect({ url: node.url, id: "a1", token: tokens.agent });
  const rules = [
    {
      name: "hot",
      expr: "cpu_usage > 0.9",
      action: "work",
      args: { apiKey: "key-of-a-rule", grace: "2s" },
    },
  ];
  const headers = { authorization: `Bearer ${tokens.other}` };
  const applied = await fetch(new URL("/api/v1/rules", node.http), {
    method: "POST",
    headers,
    body: JSON.stringify({ rules }),
  });
  assert.equal(applied.status, 200);
  await fetch(new URL("/api/v1/node", node.http), {
    headers: { authorization: "Bearer of-a-stranger-who-guesses" },
  });

  const call = ["--url", node.http, "--data", data];
  const bundle = join(directory.path, "b.tar.gz");
  const args = ["debug", "bundle", ...call, "--out", bundle, "--profile", "1"];
  const { code, out } = await myelin(directory.path, args, { ...told, MYELIN_TOKEN: tokens.other });
  assert.equal(code, 0, out);
  assert.equal(statSync(bundle).mode & 0o777, 0o600);
  const files = await unpacked(directory.path, bundle);
  const names = ["breakers", "config", "debug", "doctor", "enforcement", "ledger"];
  assert.deepEqual([...files.keys()].toSorted(), [
    ...names.map((name) => `${name}.json`),
    "log.jsonl",
    "manifest.json",
    "metrics.txt",
    "node.json",
    "profile.cpuprofile",
    "rules.json",
    "top.json",
  ]);

  const raw = gunzipSync(readFileSync(bundle)).toString("latin1");
  const secrets = [operator, hush, encodeURIComponent(hush), ...Object.values(tokens)];
  for (const secret of [...secrets, "key-of-a-rule", "of-a-stranger-who-guesses"])
    assert.ok(!raw.includes(secret), `${secret} is in the bundle`);

  const read = (name: string) => JSON.parse(files.get(name) ?? "");
  const debug = read("debug.json");
  const entry = debug.configuration.entries.find((each: { key: string }) => each.key === "token");
  assert.deepEqual([entry.value, entry.from], ["(hidden)", "MYELIN_TOKEN"]);
  assert.ok(debug.process.memory.rss > 0 && debug.process.heap.heap_size_limit > 0);
  assert.ok(debug.process.activeHandles.TCPServerWrap >= 1);
  assert.match(debug.process.limits["Max open files"], /^\d+/);
  assert.match(files.get("log.jsonl") ?? "", /"msg":"the node serves"/);
  assert.match(files.get("metrics.txt") ?? "", /^myelin_rules 1$/m);
  assert.equal(read("rules.json").rules[0].source.args.grace, "2s");
  assert.ok(read("profile.cpuprofile").nodes.length > 1);
  assert.ok(read("doctor.json").findings.length > 5);
  assert.equal(read("top.json").node.id, read("node.json").id);
  assert.deepEqual(read("manifest.json").missing, []);

  const again = await myelin(directory.path, args, { MYELIN_TOKEN: tokens.other });
  assert.equal(again.code, 1, "what is there is not written over");
  const refused = join(directory.path, "r.tar.gz");
  const asReader = await myelin(directory.path, ["debug", "bundle", ...call, "--out", refused], {
    MYELIN_TOKEN: tokens.reader,
  });
  assert.equal(asReader.code, 4, asReader.out);
  assert.ok(!existsSync(refused));
  const audit = await fetch(new URL("/api/v1/audit?act=debug.profile", node.http), { headers });
  const { entries } = (await audit.json()) as { readonly entries: readonly { actor: string }[] };
  assert.deepEqual(
    entries.map(({ actor }) => actor),
    ["token:a-operator"],
  );
});

test("of a node of two lanes the bundle has the figures, lines and profiles of both, and no secret", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "data");
  const more = ["--lanes", "2", "--log-level", "info"];
  const env = { MYELIN_TOKEN: operator };
  await using node = await NodeProcess.start(data, more, { env, stderr: "pipe" });
  node.child.stderr?.resume();
  const ids = ["a0", "a1", "a2", "a3", "a4", "a5"];
  await using ended = new AsyncDisposableStack();
  const agents = await Promise.all(
    ids.map((id) => connect({ url: node.url, id, token: operator })),
  );
  for (const agent of agents) ended.use(agent);
  const bundle = join(directory.path, "b.tar.gz");
  const call = ["--url", node.http, "--data", data];
  const args = ["debug", "bundle", ...call, "--out", bundle, "--profile", "1"];
  const { code, out } = await myelin(directory.path, args, env);
  assert.equal(code, 0, out);
  const files = await unpacked(directory.path, bundle);
  assert.ok(!gunzipSync(readFileSync(bundle)).toString("latin1").includes(operator));
  const read = (name: string) => JSON.parse(files.get(name) ?? "");
  assert.deepEqual(read("manifest.json").missing, []);
  const sessions = read("node.json").lanes.map((lane: { sessions: number }) => lane.sessions);
  assert.equal(sessions[0] + sessions[1], ids.length);
  assert.equal(read("top.json").agents.live, ids.length);
  assert.ok(sessions.every((count: number) => count > 0));
  for (const lane of [0, 1]) {
    const log = files.get(`log-lane-${lane}.jsonl`) ?? "";
    assert.equal(log.split('"msg":"agent attached"').length - 1, sessions[lane]);
    assert.ok(read("debug.json").lanes[lane].thread.heap.used_heap_size > 0);
    const metrics = files.get("metrics.txt") ?? "";
    assert.match(metrics, new RegExp(`^myelin_sessions{lane="${lane}"} ${sessions[lane]}$`, "m"));
    const names = read(`profile-lane-${lane}.cpuprofile`).nodes.map(
      ({ callFrame }: { callFrame: { functionName: string } }) => callFrame.functionName,
    );
    assert.ok(names.includes("(root)"));
  }
});

test("of a node that does not run the bundle has what this machine knows, and says what is missing", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "data");
  const program = `process.on("SIGUSR2", () => { throw new Error("planted"); });`;
  await using node = await NodeProcess.start(data, [], {
    env: {
      NODE_OPTIONS: `--import="data:text/javascript,${encodeURIComponent(program)}"`,
      MYELIN_TOKEN: operator,
    },
    stderr: "pipe",
  });
  node.child.stderr?.resume();
  assert.equal(await node.end("SIGUSR2"), 70);
  const env = { MYELIN_TOKEN: operator };
  const call = ["--port", String(node.port), "--data", data];
  const { code, out } = await myelin(directory.path, ["debug", "bundle", ...call, "--json"], env);
  assert.equal(code, 0, out);
  const { file, missing } = JSON.parse(out);
  assert.match(file, /\/myelin-debug-[\dTZ-]+\.tar\.gz$/);
  assert.deepEqual(
    missing.map((each: { file: string }) => each.file),
    ["node.json"],
  );
  assert.match(missing[0].why, /^UNAVAILABLE: no node answers/);
  const files = await unpacked(directory.path, file);
  const names = [...files.keys()].map((name) => name.replace(/^crash-.*/, "crash")).toSorted();
  assert.deepEqual(names, ["config.json", "crash", "doctor.json", "manifest.json"]);
  assert.ok(![...files.values()].join().includes(operator));
});
