// Agents that stop, do not read, or come all at once: they harm themselves at most.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Agent, connect } from "@myelin/agent";
import type { Channel, Dial } from "@myelin/core/channel";
import { dialWith } from "../../packages/agent/src/dial/node.ts";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "../e2e/support/index.ts";
import { Crowd } from "./support/crowd.ts";
import { metricOf, sumOf } from "./support/metrics.ts";
import {
  type Beats,
  isSteady,
  Pulse,
  pulseRule,
  residentBytes,
  textOfBeats,
} from "./support/pulse.ts";
import { Tunnel } from "./support/tunnel.ts";

const mebibyte = 2 ** 20;
const stoppedMs = 2000;
const agentsAtOnce = 1000;

interface World extends AsyncDisposable {
  readonly node: NodeProcess;
  readonly pulse: Pulse;
  readonly path: string;
}

async function begin(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const directory = await temporaryDirectory();
  const node = await NodeProcess.start(join(directory.path, "data"), [], { env });
  await node.applyRules([pulseRule]);
  const pulse = await Pulse.start(node);
  return {
    node,
    pulse,
    path: directory.path,
    [Symbol.asyncDispose]: async () => {
      await pulse[Symbol.asyncDispose]();
      await node[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The loop of another agent was as before; printed, and by ratio. */
function assertSteady(context: TestContext, before: Beats, during: Beats): void {
  context.diagnostic(textOfBeats(before, during));
  assert.ok(isSteady(before, during), textOfBeats(before, during));
}

function assertBounded(context: TestContext, beforeBytes: number, node: NodeProcess): void {
  const growth = (residentBytes(node.child.pid) - beforeBytes) / mebibyte;
  context.diagnostic(`the node's memory grew by ${growth.toFixed(0)} MiB`);
  assert.ok(growth < 128, `${growth} MiB`);
}

function idle(ms: number): Promise<void> {
  const startedAtMs = performance.now();
  return eventually("the time has passed", () => performance.now() - startedAtMs > ms).then(
    () => undefined,
  );
}

test("an agent that is stopped for seconds misses nothing, and nobody else notices", async (context) => {
  await using world = await begin();
  const { node, pulse } = world;
  await using agent = await AgentProcess.start(node.url, "a1");
  const before = await pulse.beats(100);
  agent.child.kill("SIGSTOP");
  const orders = Array.from({ length: 100 }, () =>
    node.send({ to: "a1", action: "work", wait: "1ms", deadline: "60s" }),
  );
  const during = await pulse.beatsUntil(idle(stoppedMs));
  agent.child.kill("SIGCONT");
  const ids = (await Promise.all(orders)).map(({ body }) => String(body.instructions[0].id));
  await agent.nthBegun(ids.length);
  assert.deepEqual(agent.begun.toSorted(), ids.toSorted());
  assertSteady(context, before, during);
});

/** An agent behind a tunnel, or by a way of its own, and what it has begun. */
async function connectBehind(
  url: string,
  dial?: Dial,
): Promise<Agent & { readonly begun: string[] }> {
  const backoff = { baseMs: 20, capMs: 200 };
  const way = dial === undefined ? {} : { dial };
  const agent = await connect({ url, id: "a1", type: "test", backoff, ...way });
  const begun: string[] = [];
  agent.on("work", ({ id }) => void begun.push(id));
  return Object.assign(agent, { begun });
}

test("an agent that stops reading costs a bounded amount of memory, and is served when it reads again", async (context) => {
  await using world = await begin();
  const { node, pulse } = world;
  using tunnel = await Tunnel.open(node.port);
  await using agent = await connectBehind(tunnel.url);
  const before = await pulse.beats(100);
  const beforeBytes = residentBytes(node.child.pid);
  for (const crossing of tunnel.crossings) crossing.toAgent = { kind: "shut" };
  const args = { ballast: "x".repeat(60_000) };
  const flood = (async () => {
    const ids: string[] = [];
    for (let count = 0; count < 80; count++) {
      const order = { to: "a1", action: "work", args, wait: "1ms", deadline: "60s" };
      const { status, body } = await node.send(order);
      assert.equal(status, 202, JSON.stringify(body));
      ids.push(String(body.instructions[0].id));
    }
    await eventually("it has made a new connection", () => agent.statistics.reconnects > 0);
    return ids;
  })();
  const during = await pulse.beatsUntil(flood);
  assertBounded(context, beforeBytes, node);
  const ids = await flood;
  await eventually("it has begun all", () => new Set(agent.begun).size === ids.length);
  assert.deepEqual(agent.begun.toSorted(), ids.toSorted());
  assertSteady(context, before, during);
});

test("an agent that reads nothing of its socket ends at the bound as a slow reader, and gets all that was accepted on its return", async (context) => {
  await using world = await begin({ MYELIN_SESSION_HARD_OUTBOUND_BYTES: "64KiB" });
  const { node, pulse } = world;
  const channels: Channel[] = [];
  const dial: Dial = (...given) => {
    const channel = dialWith({})(...given);
    channels.push(channel);
    return channel;
  };
  await using agent = await connectBehind(node.url, dial);
  const before = await pulse.beats(100);
  const beforeBytes = residentBytes(node.child.pid);
  channels.at(-1)?.pause();
  const args = { ballast: "x".repeat(60_000) };
  const flood = (async () => {
    const ids: string[] = [];
    for (let count = 0; count < 100; count++) {
      const order = { to: "a1", action: "work", args, wait: "1ms", deadline: "60s" };
      const { status, body } = await node.send(order);
      assert.equal(status, 202, JSON.stringify(body));
      ids.push(String(body.instructions[0].id));
      if (agent.begun.length > 0) break;
    }
    return ids;
  })();
  const during = await pulse.beatsUntil(flood);
  const ids = await flood;
  assertBounded(context, beforeBytes, node);
  await eventually("it has begun all", () => new Set(agent.begun).size === ids.length);
  assert.deepEqual(agent.begun.toSorted(), ids.toSorted());
  assert.equal(await metricOf(node, "myelin_sessions_slow_reader_total"), 1);
  assertSteady(context, before, during);
});

test("an agent whose bytes come and go one by one is served, and nobody else notices", async (context) => {
  await using world = await begin();
  const { node, pulse } = world;
  const before = await pulse.beats(100);
  const beforeBytes = residentBytes(node.child.pid);
  const dribble = { kind: "dribble" } as const;
  using tunnel = await Tunnel.open(node.port, { toNode: dribble, toAgent: dribble });
  await using agent = await connectBehind(tunnel.url);
  const sent = (async () => {
    for (let count = 0; count < 50; count++) {
      agent.report({ load: count, memory: count / 2 });
      const { body } = await node.send({ to: "a1", action: "work" });
      assert.equal(body.instructions[0].status, "executed");
    }
  })();
  const during = await pulse.beatsUntil(sent);
  assert.equal(agent.begun.length, 50);
  assert.equal((await node.get("/api/v1/agents/a1")).body.metrics.load.value, 49);
  assertBounded(context, beforeBytes, node);
  assertSteady(context, before, during);
});

test("1,000 agents that lose their connections at once are all back, and another one's loop goes on", async (context) => {
  await using world = await begin();
  const { node, pulse } = world;
  using tunnel = await Tunnel.open(node.port);
  await using crowd = await Crowd.start(tunnel.url, join(world.path, "begun"), agentsAtOnce);
  assert.equal(crowd.names.length, agentsAtOnce);
  const before = await pulse.beats(100);
  const beforeBytes = residentBytes(node.child.pid);
  const startedAtMs = performance.now();
  tunnel.cut();
  const back = eventually(
    "all are back",
    async () => (await metricOf(node, "myelin_connections")) === agentsAtOnce + 1,
  );
  const during = await pulse.beatsUntil(back);
  context.diagnostic(`all back after ${(performance.now() - startedAtMs).toFixed(0)} ms`);
  assert.equal(await sumOf(node, "myelin_sessions_refused_total"), 0);
  assert.equal(await metricOf(node, "myelin_sessions"), agentsAtOnce + 1);
  assertBounded(context, beforeBytes, node);
  context.diagnostic(textOfBeats(before, during));
  // Both processes of the crowd and the proxy want the same two cores meanwhile.
  assert.ok(during.medianMs < 100 * before.medianMs, textOfBeats(before, during));
});
