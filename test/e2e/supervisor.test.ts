// `myelin run` against a real node: what a supervised process shows, and what it is told.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  eventually,
  mainPath,
  NodeProcess,
  temporaryDirectory,
  type Way,
  ways,
} from "./support/index.ts";

type Json = Record<string, unknown>;

const demo = fileURLToPath(new URL("../../packages/cli/src/demo/", import.meta.url));
const worker: readonly string[] = [process.execPath, join(demo, "worker.ts")];

/** A `myelin run`, ended with its test. */
class Run implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(node: NodeProcess, args: readonly string[], way?: Way) {
    const url = way?.urlOf(node) ?? node.url;
    this.child = spawn(process.execPath, [mainPath, "run", "--url", url, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.ended = once(this.child, "exit").then(([code]) => code as number | null);
  }

  get output(): NonNullable<ChildProcess["stdout"]> {
    assert.ok(this.child.stdout !== null);
    return this.child.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.ended;
  }
}

/** The twin's view of the supervised process, once it is as it should be. */
function processOf(
  node: NodeProcess,
  id: string,
  isMet: (process: Json) => boolean,
): Promise<Json> {
  return eventually(`the process of ${id} is as it should be`, async () => {
    const { body } = await node.get(`/api/v1/agents/${id}`);
    const process = body.twin?.process as Json | undefined;
    return process !== undefined && isMet(process) ? process : undefined;
  });
}

async function instruct(
  node: NodeProcess,
  to: string,
  action: string,
  args: Json = {},
): Promise<{ status: string; result: Json; error: Json }> {
  const { body } = await node.send({ to, action, args });
  return body.instructions[0];
}

const isRunning = (process: Json): boolean => process["state"] === "running";

function isAlive(pid: unknown): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${Number(pid)}/status`, "latin1"));
  } catch {
    return false;
  }
}

test("a supervised process is one agent of two parts, and obeys by hand", async () => {
  await using folder = await temporaryDirectory();
  await using node = await NodeProcess.start(folder.path);
  await using _run = new Run(node, ["--id", "w", "--label", "zone=a", "--", ...worker]);
  const agent = await eventually("both parts have joined", async () => {
    const { body } = await node.get("/api/v1/agents/w");
    return body.parts?.length === 2 ? body : undefined;
  });
  const parts = (agent.parts as Json[]).map((part) => String(part["name"]));
  assert.deepEqual(new Set(parts), new Set(["app", "supervisor"]));
  assert.equal(agent.labels.zone, "a");
  const { pid } = await processOf(node, "w", isRunning);
  assert.equal((await instruct(node, "w", "pause")).status, "executed");
  await processOf(node, "w", (process) => process["state"] === "paused");
  assert.equal((await instruct(node, "w", "resume")).status, "executed");
  const throttled = await instruct(node, "w", "throttle", { cpu: 0.5 });
  assert.equal((throttled.result["throttle"] as Json)["cpu"], 0.5);
  const refused = await instruct(node, "w", "throttle", { cpu: -1 });
  assert.equal(refused.status, "failed");
  assert.equal(refused.error["code"], "INVALID_ARGUMENT");
  const restarted = await instruct(node, "w", "restart", { grace: 1 });
  assert.equal(restarted.result["previousPid"], pid);
  const isAnother = (process: Json): boolean =>
    process["pid"] !== pid && process["throttle"] === undefined;
  await processOf(node, "w", isAnother);
});

for (const way of ways) {
  test(`over ${way.name}: a process outlives its node's crash, and is heard again`, async () => {
    await using folder = await temporaryDirectory();
    await using first = await NodeProcess.start(folder.path, way.argsOf(folder.path));
    await using _run = new Run(first, ["--id", "w", "--", "sleep", "1000"], way);
    const { pid } = await processOf(first, "w", isRunning);
    await first.end("SIGKILL");
    await using second = await NodeProcess.start(folder.path, way.argsAgain(folder.path, first));
    const after = await processOf(second, "w", isRunning);
    assert.equal(after["pid"], pid);
    const killed = await instruct(second, "w", "kill");
    assert.equal(killed.status, "executed");
    assert.equal(killed.result["previousPid"], pid);
  });
}

test("a supervisor that is killed takes its process with it", async () => {
  await using folder = await temporaryDirectory();
  await using node = await NodeProcess.start(folder.path);
  await using run = new Run(node, ["--id", "w", "--", "sh", "-c", "sleep 1000 & sleep 1000"]);
  const { pid } = await processOf(node, "w", isRunning);
  run.child.kill("SIGKILL");
  await eventually("the process has ended", () => !isAlive(pid));
});

test("what becomes of a supervised process is seen by who watches", async () => {
  await using folder = await temporaryDirectory();
  await using node = await NodeProcess.start(folder.path);
  const args = ["watch", "--json", "--kinds", "events", "--url", node.http];
  const watcher = spawn(process.execPath, [mainPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const lines = on(createInterface({ input: watcher.stdout }), "line", { close: ["close"] });
    const next = async (type: string): Promise<Json> => {
      for (;;) {
        const { value: line } = await lines.next();
        assert.ok(line !== undefined, `the watch ended before ${type}`);
        const event = JSON.parse(String(line)) as Json;
        if (event["type"] === type || event["event"] === type) return event;
      }
    };
    await next("begin");
    const script = ["--", "sh", "-c", "sleep 0.2; exit 5"];
    await using _run = new Run(node, ["--id", "crashing", ...script]);
    await next("process_started");
    const { time, at, cursor: _, attributes, ...exited } = await next("process_exited");
    assert.deepEqual(exited, {
      event: "events",
      kind: "events",
      type: "process_exited",
      agent: "crashing",
      part: "supervisor",
    });
    assert.equal((attributes as Json)["code"], 5);
    assert.ok(Math.abs(Date.parse(String(time)) - Date.parse(String(at))) < 5000);
    const restarting = await next("process_restarting");
    assert.equal((restarting["attributes"] as Json)["reason"], "crash");
    await next("process_started");
  } finally {
    watcher.kill("SIGTERM");
    await once(watcher, "exit");
  }
});

test("output and exit status are the command's own", async () => {
  await using folder = await temporaryDirectory();
  await using node = await NodeProcess.start(folder.path);
  const failing = ["--restart", "never", "--", "sh", "-c", "echo out; exit 7"];
  await using failed = new Run(node, ["--id", "failing", ...failing]);
  assert.equal(await text(failed.output), "out\n");
  assert.equal(await failed.ended, 7);
  const script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
  await using asked = new Run(node, ["--id", "asked", "--", "sh", "-c", script]);
  asked.output.once("data", () => asked.child.kill("SIGTERM"));
  assert.match(await text(asked.output), /asked/);
  assert.equal(await asked.ended, 3);
});

test("the demo's rules throttle and restart a worker that spins, and kill one that blocks", async () => {
  await using folder = await temporaryDirectory();
  await using node = await NodeProcess.start(folder.path);
  await node.call("POST", "/api/v1/rules", readFileSync(join(demo, "rules.yaml"), "utf8"));
  const misbehaving = (how: string): Run =>
    new Run(node, [
      ...["--id", how, "--type", "worker", "--"],
      ...[...worker, "--misbehave", how, "--after", "1"],
    ]);
  await using _spin = misbehaving("spin");
  await using _block = misbehaving("block");
  for (const [agent, action] of [
    ["spin", "throttle"],
    ["spin", "restart"],
    ["block", "kill"],
  ]) {
    await eventually(`${action} of ${agent} is executed`, async () => {
      const instructions = await node.instructions();
      return instructions.some((document) => {
        const { status } = document;
        return document.agent === agent && document.action === action && status === "executed";
      });
    });
  }
  await processOf(node, "block", (process) => isRunning(process) && process["restarts"] !== 0);
});
