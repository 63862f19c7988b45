// What becomes of instructions when agents and nodes come and go.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { parseTime } from "@myelin/core/instruction";
import { readFrame } from "@myelin/core/wire";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import {
  AgentProcess,
  eventually,
  mainPath,
  NodeProcess,
  temporaryDirectory,
  ways,
} from "./support/index.ts";
import { spawnSync } from "node:child_process";

test("an agent that is away gets its instruction when it is back, if the deadline allows", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  const former = await AgentProcess.start(node.url, "a1");
  await former.kill();
  await eventually(
    "the node has noticed",
    async () => (await node.get("/api/v1/agents/a1")).body.state !== "live",
  );
  const { status, body } = await node.send({
    to: "a1",
    action: "work",
    deadline: "30s",
    wait: "1ms",
  });
  assert.equal(status, 202);
  assert.equal(body.instructions[0].status, "accepted");
  await using agent = await AgentProcess.start(node.url, "a1");
  assert.equal(await agent.nthBegun(1), body.instructions[0].id);
});

test("an instruction that cannot begin before its deadline expires, and is not begun later", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using agent = await AgentProcess.start(node.url, "a1");
  agent.child.kill("SIGSTOP");
  const { body } = await node.send({ to: "a1", action: "work", deadline: "50ms", wait: "1ms" });
  await eventually(
    "the deadline has passed",
    () => Date.now() > Date.parse(body.instructions[0].deadline) + 50,
  );
  agent.child.kill("SIGCONT");
  const ended = await eventually(
    "it has ended",
    async () => (await node.instructions("status=expired"))[0],
  );
  assert.equal(ended.id, body.instructions[0].id);
  assert.equal(ended.error?.code, "DEADLINE_EXCEEDED");
  assert.deepEqual(agent.begun, []);
});

test("what a dead incarnation may or may not have done ends failed with OUTCOME_UNKNOWN, unless it is idempotent", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  const former = await AgentProcess.start(node.url, "a1");
  const waiting = await node.send({ to: "a1", action: "wait", wait: "1ms" });
  const again = await node.send({ to: "a1", action: "again", wait: "1ms" });
  await former.nthBegun(2);
  await former.kill();
  await using agent = await AgentProcess.start(node.url, "a1");
  const unknown = await eventually(
    "the first has ended",
    async () => (await node.instructions("status=failed"))[0],
  );
  assert.equal(unknown.id, waiting.body.instructions[0].id);
  assert.equal(unknown.error?.code, "OUTCOME_UNKNOWN");
  const repeated = await agent.nthBegun(1);
  assert.equal(repeated, again.body.instructions[0].id);
  agent.finish(repeated);
  await eventually(
    "the second has ended",
    async () => (await node.instructions("status=executed"))[0]?.id === repeated,
  );
});

test("a second session of an agent's part takes over the first, which is told and stays away", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using former = await AgentProcess.start(node.url, "a1");
  await using agent = await AgentProcess.start(node.url, "a1");
  await former.until(() => former.isClosed);
  assert.equal(former.cause, "TAKEN_OVER");
  await node.send({ to: "a1", action: "work" });
  assert.equal(agent.begun.length, 1);
  assert.equal(former.begun.length, 0);
  assert.equal((await node.get("/api/v1/node")).body.sessions, 1);
});

test("an agent that hangs is noticed within two heartbeat intervals", async () => {
  const intervalSeconds = 0.5;
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using agent = await AgentProcess.start(node.url, "a1");
  const { body } = await fetch(new URL("/api/v1/watch?kinds=agents", node.http));
  assert.ok(body !== null);
  const events = Readable.fromWeb(body);
  agent.child.kill("SIGSTOP");
  let silenceSeconds = Number.NaN;
  let isRecovered = false;
  for await (const line of createInterface({ input: events })) {
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice("data: ".length));
    if (event.type === "hung") {
      silenceSeconds = event.silenceSeconds;
      agent.child.kill("SIGCONT");
    }
    isRecovered = event.type === "recovered";
    if (isRecovered) break;
  }
  events.destroy();
  assert.ok(isRecovered);
  assert.ok(silenceSeconds >= intervalSeconds, `${silenceSeconds} s`);
  // Half as much again: this machine may be busy.
  assert.ok(silenceSeconds <= 2 * intervalSeconds * 1.5, `${silenceSeconds} s`);
});

for (const way of ways) {
  test(`over ${way.name}: kill -9 of the node with instructions in flight: each accepted one is performed once and ends`, async () => {
    await using directory = await temporaryDirectory();
    const first = await NodeProcess.start(directory.path, way.argsOf(directory.path));
    const again = way.argsAgain(directory.path, first);
    await using agent = await AgentProcess.start(way.urlOf(first), "a1");
    const orders = Array.from({ length: 20 }, () =>
      first.send({ to: "a1", action: "wait", wait: "1ms", timeout: "1h" }),
    );
    const ids = (await Promise.all(orders)).map(({ body }) => body.instructions[0].id as string);
    await agent.nthBegun(20);
    await first.end("SIGKILL");
    for (const id of ids.slice(0, 10)) agent.finish(id);
    await using second = await NodeProcess.start(directory.path, again);
    await agent.until(() => agent.isLive);
    for (const id of ids.slice(10)) agent.finish(id);
    const executed = await eventually("all have ended", async () => {
      const list = await second.instructions("status=executed");
      return list.length === 20 && list;
    });
    assert.deepEqual(executed.map(({ id }) => id).sort(), [...ids].sort());
    assert.equal(new Set(agent.begun).size, 20);
    assert.equal(agent.begun.length, 20);
  });
}

for (const way of ways) {
  test(`over ${way.name}: kill -9 of the node after a rule has acted: its agent tells of the episode, and it does not act again`, async () => {
    await using directory = await temporaryDirectory();
    const first = await NodeProcess.start(directory.path, way.argsOf(directory.path));
    const again = way.argsAgain(directory.path, first);
    await first.applyRules([
      { name: "hot", expr: "cpu_usage > 0.9", action: "wait", timeout: "1h" },
    ]);
    await using agent = await AgentProcess.start(way.urlOf(first), "a1");
    agent.report({ cpu_usage: 0.95 });
    const id = await agent.nthBegun(1);
    await first.end("SIGKILL");
    await agent.until(() => !agent.isLive);
    await using second = await NodeProcess.start(directory.path, again);
    await agent.until(() => agent.isLive);
    agent.report({ cpu_usage: 0.96 });
    agent.finish(id);
    const executed = await eventually(
      "it has ended",
      async () => (await second.instructions("status=executed"))[0],
    );
    assert.equal(executed.id, id);
    agent.report({ cpu_usage: 0.97 });
    await eventually(
      "the sample has arrived",
      async () => (await second.get("/api/v1/agents/a1")).body.metrics.cpu_usage?.value === 0.97,
    );
    assert.deepEqual(agent.begun, [id]);
    assert.equal((await second.instructions()).length, 1);
  });
}

test("kill -9 of the node in an episode whose instruction is settled: it does not act again, the next one does", async () => {
  await using directory = await temporaryDirectory();
  await using first = await NodeProcess.start(directory.path);
  const { port } = first;
  await first.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }]);
  const settled: string[] = [];
  const dial = dialWith({});
  await using agent = await connect({
    url: first.url,
    id: "a1",
    type: "test",
    dial: (url, handler, options) =>
      dial(
        url,
        {
          onOpen: () => handler.onOpen?.(),
          onDrain: () => handler.onDrain?.(),
          onFrame: (frame) => {
            readFrame(frame, { onSettlement: (told) => settled.push(...told.instructionIds) });
            handler.onFrame(frame);
          },
          onEnd: (end) => handler.onEnd(end),
        },
        options,
      ),
  });
  const begun: string[] = [];
  agent.on("work", ({ id }) => void begun.push(id));
  agent.report({ cpu_usage: 0.95 });
  await eventually("the agent was told to forget it", () => settled.length === 1);
  assert.deepEqual(begun, settled);
  await first.end("SIGKILL");
  await eventually("the agent has noticed", () => agent.status.state !== "live");
  await using second = await NodeProcess.start(directory.path, ["--port", String(port)]);
  await eventually("the agent is back", () => agent.status.state === "live");
  const taken = (value: number): Promise<unknown> =>
    eventually("the sample has arrived", async () => {
      agent.report({ cpu_usage: value });
      const { metrics } = (await second.get("/api/v1/agents/a1")).body;
      return metrics.cpu_usage?.value === value;
    });
  await taken(0.96);
  assert.equal(begun.length, 1);
  await taken(0.5);
  await taken(0.97);
  await eventually("the next episode acts", () => begun.length === 2);
  assert.notEqual(begun[0], begun[1]);
});

test("the ledger's figures go on over a restart, and the metrics count anew", async () => {
  await using directory = await temporaryDirectory();
  const first = await NodeProcess.start(directory.path);
  const agent = await AgentProcess.start(first.url, "a1");
  await first.send({ to: "a1", action: "work" });
  await first.send({ to: "a1", action: "fly" });
  await agent.kill();
  assert.equal(await first.end("SIGTERM"), 0);
  await using second = await NodeProcess.start(directory.path);
  const { fleet, since } = await eventually("the figures are there again", async () => {
    const { body } = await second.get("/api/v1/ledger");
    return body.fleet.counts.executed + body.fleet.counts.rejected === 2 && body;
  });
  assert.equal(fleet.totalUs.count, 1);
  const { startedAt } = (await second.get("/api/v1/node")).body;
  assert.ok(Date.parse(since) < Date.parse(startedAt));
  const metrics = await (await fetch(new URL("/metrics", second.http))).text();
  assert.match(metrics, /^myelin_instructions_ended_total\{status="executed"\} 0$/m);
});

test("kill -9 of the node while a rule is pending: it goes on with its since, and down time counts", async () => {
  await using directory = await temporaryDirectory();
  await using first = await NodeProcess.start(directory.path);
  await first.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", for: "4s", action: "work" }]);
  await using agent = await AgentProcess.start(first.url, "a1");
  const ruleAt = async (node: NodeProcess): Promise<{ state: string; since?: string }> =>
    (await node.get("/api/v1/agents/a1")).body.rules[0];
  agent.report({ cpu_usage: 0.95 });
  await eventually("it is pending", async () => (await ruleAt(first)).state === "pending");
  const { since = "" } = await ruleAt(first);
  await eventually("that is on disk", async () => {
    const metrics = await (await fetch(new URL("/metrics", first.http))).text();
    return (
      metrics.includes("_episodes_kept 1") && metrics.includes('_queue_length{queue="store"} 0')
    );
  });
  await first.end("SIGKILL");
  await eventually("the agent has noticed", () => !agent.isLive);
  await using second = await NodeProcess.start(directory.path, ["--port", String(first.port)]);
  await eventually("the agent is back", () => agent.isLive);
  assert.deepEqual((await ruleAt(second)).since, since);
  const backAtMs = Date.now();
  await eventually("it acts", () => {
    agent.report({ cpu_usage: 0.96 });
    return agent.begun.length > 0;
  });
  assert.ok(Date.now() < backAtMs + 4000, "4 s of its since, not of its return");
  const [{ createdAt } = { createdAt: "" }] = await second.instructions();
  assert.ok(parseTime(createdAt) >= parseTime(since) + 4e6, `${createdAt} after ${since}`);
  assert.equal(agent.begun.length, 1);
});

test("SIGTERM drains: no new work, what is in flight may finish, and the exit code is 0", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using agent = await AgentProcess.start(node.url, "a1");
  const inFlight = node.send({ to: "a1", action: "wait" });
  const id = await agent.nthBegun(1);
  const exited = node.end("SIGTERM");
  await eventually("the node drains", async () => (await node.get("/readyz")).status === 503);
  const refused = await node.send({ to: "a1", action: "work" });
  assert.equal(refused.status, 503);
  assert.equal(refused.body.code, "NODE_DRAINING");
  agent.finish(id);
  assert.equal((await inFlight).body.instructions[0].status, "executed");
  assert.equal(await exited, 0);
});

test("a node beyond loopback without a token refuses to start and says what to do", async () => {
  await using directory = await temporaryDirectory();
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [mainPath, "up", "--host", "0.0.0.0", "--port", "0", "--data", directory.path],
    { encoding: "utf8", env: { ...process.env, MYELIN_TOKEN: "" } },
  );
  assert.equal(status, 2);
  assert.match(stderr, /AUTHENTICATION_REQUIRED.*\n.*--token/);
  assert.equal(stdout, "");
});
