// What a node leaves behind that ends otherwise than it should, and what the next one says of it.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Agent, connect } from "@myelin/agent";
import { eventually, NodeProcess, temporaryDirectory } from "./support/index.ts";

const secret = "a-secret-of-the-operator";

/** Faults that a signal brings about in the node's process. */
const faults = {
  throws: `throw new Error("planted, with ${secret}", { cause: new TypeError("beneath") });`,
  rejects: `Promise.reject(new RangeError("nobody waits for this"));`,
  "loses its store": `for (const worker of workers) if (worker.name?.includes("state")) worker.terminate();`,
  "loses a lane": `for (const worker of workers) if (worker.name === "myelin-lane-1") worker.terminate();`,
  "has a lane that throws": `for (const worker of workers) if (worker.name === "myelin-lane-1") worker.postMessage("throw");`,
} as const;

type Fault = keyof typeof faults;

/** What a lane's thread runs first: a message to it is an error of its own. */
const inLane = `import { parentPort } from "node:worker_threads";
  parentPort.on("message", () => { throw new RangeError("planted in a lane, with ${secret}"); });`;

const moduleOf = (program: string): string => `data:text/javascript,${encodeURIComponent(program)}`;

/** Starts a node in which SIGUSR2 brings the fault about; of two lanes where one of them is to fail. */
async function startWith(directory: string, fault: Fault): Promise<NodeProcess> {
  const program = `
    import threads from "node:worker_threads";
    import { syncBuiltinESMExports } from "node:module";
    const workers = [];
    threads.Worker = class extends threads.Worker {
      constructor(file, options) {
        const isLane = options?.name?.startsWith("myelin-lane-");
        super(file, isLane ? { ...options, execArgv: ["--import", ${JSON.stringify(moduleOf(inLane))}] } : options);
        workers.push(this);
        Object.defineProperty(this, "name", { value: options?.name });
      }
    };
    syncBuiltinESMExports();
    process.on("SIGUSR2", () => { ${faults[fault]} });`;
  const lanes = fault.includes("lane") ? ["--lanes", "2"] : [];
  return await NodeProcess.start(directory, ["--log-level", "info", ...lanes], {
    env: {
      NODE_OPTIONS: `--import="${moduleOf(program)}"`,
      MYELIN_TOKEN: secret,
    },
    stderr: "pipe",
  });
}

interface Found {
  readonly instructions: readonly { readonly id: string }[];
}

async function logOf(node: NodeProcess): Promise<Record<string, unknown>[]> {
  const { stderr } = node.child;
  assert.ok(stderr !== null);
  const lines = (await text(stderr)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What the next run logs of the one before, until it is ended. */
async function nextLog(directory: string): Promise<Record<string, unknown> | undefined> {
  const next = await NodeProcess.start(directory, ["--log-level", "info"], { stderr: "pipe" });
  const log = logOf(next);
  assert.equal(await next.end("SIGTERM"), 0);
  return (await log).find((line) => line["formerRun"] !== undefined);
}

function crashFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith("crash-"));
}

const cases = {
  throws: ["uncaughtException", /^planted/],
  rejects: ["unhandledRejection", /^nobody waits for this$/],
  "loses its store": ["store", /^the store's thread has failed$/],
  "loses a lane": ["uncaughtException", /^the thread of lane 1 has ended$/],
  "has a lane that throws": ["uncaughtException", /^the thread of lane 1 has failed$/],
} as const;

for (const [fault, [kind, message]] of Object.entries(cases)) {
  test(`a node that ${fault} writes why, ends with 70, and the next one says so`, async () => {
    await using directory = await temporaryDirectory();
    await using node = await startWith(directory.path, fault as Fault);
    const log = logOf(node);
    assert.equal(await node.end("SIGUSR2"), 70);
    const fatal = (await log).find(({ level }) => level === 60);
    assert.equal(fatal?.["msg"], "the node crashes");

    const [file = "", ...others] = crashFiles(directory.path);
    assert.deepEqual(others, []);
    const path = join(directory.path, file);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const written = readFileSync(path, "utf8");
    assert.ok(!written.includes(secret) && !JSON.stringify(fatal).includes(secret));
    const { reason, version, uptimeSeconds, memory, log: lines } = JSON.parse(written);
    assert.equal(reason.kind, kind);
    assert.match(reason.message, message);
    assert.ok(reason.stack.length > 1);
    if (fault === "has a lane that throws")
      assert.match(reason.cause.message, /^planted in a lane/);
    assert.equal(typeof version, "string");
    assert.ok(uptimeSeconds >= 0 && memory.rss > 0);
    assert.ok(lines.some((line: { msg: string }) => line.msg === "the node serves"));

    const told = await nextLog(directory.path);
    const former = told?.["formerRun"] as Record<string, unknown> | undefined;
    assert.deepEqual([former?.["how"], former?.["file"]], ["crashed", file]);
    assert.match(String(told?.["msg"]), /^the former run crashed: /);
    assert.equal(await nextLog(directory.path), undefined, "that one stopped in good order");
  });
}

test("what was accepted for agents of a lane that fails is kept, done once, and told when the node is back", async () => {
  await using directory = await temporaryDirectory();
  const failing = await startWith(directory.path, "loses a lane");
  failing.child.stderr?.resume();
  const begun: string[] = [];
  const held = Promise.withResolvers<void>();
  const { url } = failing;
  const start = async (id: string): Promise<Agent> => {
    const agent = await connect({ id, url, type: "test", token: secret, timeoutMs: 30_000 });
    agent.on("work", async ({ id: instruction }) => {
      begun.push(instruction);
      await held.promise;
      return { worked: true };
    });
    return agent;
  };
  const call = async (path: string, body?: unknown): Promise<Found> => {
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const headers = { authorization: `Bearer ${secret}` };
    const response = await fetch(new URL(path, failing.http), { headers, ...options });
    return (await response.json()) as Found;
  };
  const ids = ["a0", "a1", "a2", "a3", "a4", "a5"];
  const agents = await Promise.all(ids.map(start));
  const away = await start("away");
  await away.close();
  const terms = { action: "work", deadline: "60s", timeout: "60s", wait: "1ms" };
  const sent = [
    ...(await call("/api/v1/instructions", { where: 'agent.type == "test"', ...terms }))
      .instructions,
    ...(await call("/api/v1/instructions", { to: "away", ...terms })).instructions,
  ].map(({ id }) => id);
  await eventually("all have begun", () => begun.length === ids.length);
  assert.equal(await failing.end("SIGUSR2"), 70);
  held.resolve();

  const more = ["--lanes", "2", "--port", String(failing.port), "--token", secret];
  await using node = await NodeProcess.start(directory.path, more);
  assert.equal(node.port, failing.port);
  agents.push(await start("away"));
  const expected = [...sent].toSorted();
  await eventually("all are told to be executed", async () => {
    const { instructions } = await call("/api/v1/instructions?status=executed");
    return instructions.length === expected.length;
  });
  assert.deepEqual(begun.toSorted(), expected);
  await Promise.all(agents.map((agent) => agent.close()));
});

test("a node that was killed without a word is known by its mark", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  assert.equal(await node.end("SIGKILL"), null);
  const told = await nextLog(directory.path);
  const former = told?.["formerRun"] as Record<string, unknown> | undefined;
  assert.deepEqual([former?.["how"], former?.["machineRestarted"]], ["killed", false]);
  assert.equal(former?.["pid"], node.child.pid);
  assert.match(String(told?.["msg"]), /killed without a word/);
  assert.deepEqual(crashFiles(directory.path), []);
});

test("ten crash files are kept, the oldest go", async () => {
  await using directory = await temporaryDirectory();
  mkdirSync(directory.path, { recursive: true });
  for (let hour = 10; hour < 22; hour += 1)
    writeFileSync(join(directory.path, `crash-2026-11-20T${hour}-00-00-000Z.json`), "{}");
  await using node = await startWith(directory.path, "throws");
  assert.equal(await node.end("SIGUSR2"), 70);
  const files = crashFiles(directory.path).toSorted();
  assert.equal(files.length, 10);
  assert.equal(files[0], "crash-2026-11-20T13-00-00-000Z.json");
});
