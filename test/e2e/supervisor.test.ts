// `myelin run` against a real node: what a supervised process shows, and what it is told.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createLog, type RunningNode, startNode } from "@myelin/node";

type Json = Record<string, unknown>;
/** What a test started, ended in reverse. */
type Scope = AsyncDisposableStack;

const main = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const worker = fileURLToPath(new URL("../../examples/demo/worker.ts", import.meta.url));
const rules = fileURLToPath(new URL("../../examples/demo/rules.yaml", import.meta.url));
const patienceMs = 30_000;
const lookIntervalMs = 20;

/** Asks again and again until there is what is looked for: HTTP tells nothing by itself. */
async function eventually<Found>(
  what: string,
  look: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  const giveUpAtMs = performance.now() + patienceMs;
  const { promise, resolve, reject } = Promise.withResolvers<Found>();
  const again = (): void => {
    Promise.resolve(look()).then((found) => {
      if (found !== undefined) resolve(found);
      else if (performance.now() > giveUpAtMs) reject(new Error(`waited in vain until ${what}`));
      else setTimeout(again, lookIntervalMs);
    }, reject);
  };
  again();
  return await promise;
}

async function startTestNode(
  scope: Scope,
  port = 0,
  folder = temporary(scope),
): Promise<RunningNode> {
  const log = createLog({ level: "error", isReadable: true });
  const node = await startNode({ port, dataDirectory: folder, log });
  scope.defer(() => node.close(1000));
  return node;
}

function temporary(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "myelin-e2e-"));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(scope: Scope, node: RunningNode, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [main, "run", "--url", node.url, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  scope.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  });
  return child;
}

async function call(node: RunningNode, path: string, body?: Json | string): Promise<Json> {
  const response = await fetch(new URL(path, node.httpUrl), {
    ...(body === undefined
      ? {}
      : {
          method: "POST",
          body: typeof body === "string" ? body : JSON.stringify(body),
          headers: {
            "content-type": typeof body === "string" ? "application/yaml" : "application/json",
          },
        }),
  });
  return (await response.json()) as Json;
}

/** The twin's view of the supervised process, once it is as it should be. */
function processOf(
  node: RunningNode,
  id: string,
  isMet: (process: Json) => boolean,
): Promise<Json> {
  return eventually(`the process of ${id} is as it should be`, async () => {
    const agent = await call(node, `/api/v1/agents/${id}`);
    const process = (agent["twin"] as Json | undefined)?.["process"] as Json | undefined;
    return process !== undefined && isMet(process) ? process : undefined;
  });
}

async function instruct(
  node: RunningNode,
  to: string,
  action: string,
  args: Json = {},
): Promise<Json> {
  const answer = await call(node, "/api/v1/instructions", { to, action, args });
  const [instruction] = answer["instructions"] as Json[];
  assert.ok(instruction !== undefined);
  return instruction;
}

function isAlive(pid: unknown): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${Number(pid)}/status`, "latin1"));
  } catch {
    return false;
  }
}

test("a supervised process is one agent of two parts, and obeys by hand", async () => {
  await using scope = new AsyncDisposableStack();
  const node = await startTestNode(scope);
  run(scope, node, [
    "--id",
    "w1",
    "--type",
    "worker",
    "--label",
    "zone=a",
    "--",
    process.execPath,
    worker,
  ]);
  const agent = await eventually("both parts have joined", async () => {
    const found = await call(node, "/api/v1/agents/w1");
    return (found["parts"] as Json[] | undefined)?.length === 2 ? found : undefined;
  });
  const parts = (agent["parts"] as Json[]).map((part) => String(part["name"]));
  assert.deepEqual(new Set(parts), new Set(["app", "supervisor"]));
  assert.equal((agent["labels"] as Json)["zone"], "a");
  const { pid } = await processOf(node, "w1", (process) => process["state"] === "running");
  assert.equal((await instruct(node, "w1", "pause"))["status"], "executed");
  await processOf(node, "w1", (process) => process["state"] === "paused");
  assert.equal((await instruct(node, "w1", "resume"))["status"], "executed");
  const throttled = await instruct(node, "w1", "throttle", { cpu: 0.5 });
  assert.equal(((throttled["result"] as Json)["throttle"] as Json)["cpu"], 0.5);
  const refused = await instruct(node, "w1", "throttle", { cpu: -1 });
  assert.equal(refused["status"], "failed");
  assert.equal((refused["error"] as Json)["code"], "INVALID_ARGUMENT");
  const restarted = await instruct(node, "w1", "restart", { grace: 1 });
  assert.equal((restarted["result"] as Json)["previousPid"], pid);
  await processOf(
    node,
    "w1",
    (process) => process["pid"] !== pid && process["throttle"] === undefined,
  );
});

test("a process outlives its node's restart, and is heard again", async () => {
  await using scope = new AsyncDisposableStack();
  const folder = temporary(scope);
  const first = await startTestNode(scope, 0, folder);
  run(scope, first, ["--id", "w2", "--", "sleep", "1000"]);
  const { pid } = await processOf(first, "w2", (process) => process["state"] === "running");
  const port = Number(new URL(first.url).port);
  await first.close(1000);
  const second = await startTestNode(scope, port, folder);
  const after = await processOf(second, "w2", (process) => process["state"] === "running");
  assert.equal(after["pid"], pid);
  assert.equal((await instruct(second, "w2", "kill"))["status"], "executed");
});

test("a supervisor that is killed takes its process with it", async () => {
  await using scope = new AsyncDisposableStack();
  const node = await startTestNode(scope);
  const supervisor = run(scope, node, ["--id", "w3", "--", "sh", "-c", "sleep 1000 & sleep 1000"]);
  const { pid } = await processOf(node, "w3", (process) => process["state"] === "running");
  supervisor.kill("SIGKILL");
  await eventually("the process has ended", () => (isAlive(pid) ? undefined : true));
});

test("output and exit status are the command's own", async () => {
  await using scope = new AsyncDisposableStack();
  const node = await startTestNode(scope);
  const ended = run(scope, node, [
    "--id",
    "w4",
    "--restart",
    "never",
    "--",
    "sh",
    "-c",
    "echo out; exit 7",
  ]);
  assert.ok(ended.stdout !== null);
  const [output, [code]] = await Promise.all([text(ended.stdout), once(ended, "exit")]);
  assert.equal(output, "out\n");
  assert.equal(code, 7);
  const script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
  const asked = run(scope, node, ["--id", "w5", "--", "sh", "-c", script]);
  assert.ok(asked.stdout !== null);
  asked.stdout.once("data", () => asked.kill("SIGTERM"));
  const [words, [status]] = await Promise.all([text(asked.stdout), once(asked, "exit")]);
  assert.match(words, /asked/);
  assert.equal(status, 3);
});

test("the demo's rules throttle and restart a worker that spins, and kill one that blocks", async () => {
  await using scope = new AsyncDisposableStack();
  const node = await startTestNode(scope);
  await call(node, "/api/v1/rules", readFileSync(rules, "utf8"));
  const ended: string[] = [];
  node.onInstructionEnded((document) =>
    ended.push(`${document.agent} ${document.action} ${document.status}`),
  );
  for (const how of ["spin", "block"]) {
    const command = [process.execPath, worker, "--misbehave", how, "--after", "1"];
    run(scope, node, ["--id", how, "--type", "worker", "--", ...command]);
  }
  for (const wanted of ["spin throttle executed", "spin restart executed", "block kill executed"]) {
    await eventually(wanted, () => (ended.includes(wanted) ? true : undefined));
  }
  assert.ok(ended.indexOf("spin throttle executed") < ended.indexOf("spin restart executed"));
  await processOf(
    node,
    "block",
    (process) => process["state"] === "running" && process["restarts"] !== 0,
  );
});
