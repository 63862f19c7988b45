// Real packets that are lost on a real wire, and a proxy that delays and turns connections around.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@myelin/agent";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "../e2e/support/index.ts";
import { metricOf } from "./support/metrics.ts";
import { Network, whyNoNetwork } from "./support/network.ts";
import { Tunnel } from "./support/tunnel.ts";

const token = "a-token-of-the-tests";
// So that four breaks take no longer than one would by default.
process.env["MYELIN_SESSION_DEAD_CONNECTION_US"] = "2s";

interface Break {
  readonly name: string;
  begin(network: Network): void;
  end(network: Network): void;
}

const breaks: readonly Break[] = [
  {
    name: "a partition, packets lost both ways",
    begin: (network) => network.lose("INPUT", "OUTPUT"),
    end: (network) => network.heal("INPUT", "OUTPUT"),
  },
  {
    name: "a connection that is half open: the agent is not heard",
    begin: (network) => network.lose("OUTPUT"),
    end: (network) => network.heal("OUTPUT"),
  },
  {
    name: "a connection that is half open: the agent hears nothing",
    begin: (network) => network.lose("INPUT"),
    end: (network) => network.heal("INPUT"),
  },
  {
    name: "a link that goes down",
    begin: (network) => network.setLink("down"),
    end: (network) => network.setLink("up"),
  },
];

test("an agent behind a broken network is missed, comes back, and does once what it was given", {
  skip: whyNoNetwork,
}, async (context) => {
  await using directory = await temporaryDirectory();
  using network = new Network();
  const args = ["--host", network.address, "--token", token];
  await using node = await NodeProcess.start(directory.path, args);
  const { through } = network;
  await using agent = await AgentProcess.start(node.url, "a1", { through, token });
  const expected: string[] = [];
  const send = async (order: Readonly<Record<string, unknown>>): Promise<string> => {
    const { status, body } = await node.send({ to: "a1", ...order });
    assert.ok(status === 200 || status === 202, JSON.stringify(body));
    expected.push(String(body.instructions[0].id));
    return String(body.instructions[0].id);
  };
  const statusOf = async (id: string): Promise<string> =>
    (await node.get(`/api/v1/instructions/${id}`)).body.status;
  for (const { name, begin, end } of breaks) {
    await context.test(name, async (inner) => {
      const running = await send({ action: "wait", wait: "1ms", timeout: "60s" });
      await agent.nthBegun(expected.length);
      begin(network);
      const startedAtMs = performance.now();
      agent.finish(running);
      const noticed = agent.until(() => !agent.isLive).then(() => performance.now() - startedAtMs);
      await eventually(
        "the node misses it",
        async () => (await node.get("/api/v1/agents/a1")).body.state !== "live",
      );
      const missedMs = performance.now() - startedAtMs;
      const meant = await send({ action: "work", wait: "1ms", deadline: "60s" });
      const noticedMs = await noticed;
      end(network);
      const healedAtMs = performance.now();
      await agent.until(() => agent.isLive);
      const backMs = performance.now() - healedAtMs;
      for (const id of [running, meant])
        await eventually("it is executed", async () => (await statusOf(id)) === "executed");
      assert.deepEqual(agent.begun.toSorted(), expected.toSorted());
      inner.diagnostic(
        `missed by the node after ${missedMs.toFixed(0)} ms, noticed by the agent after ${noticedMs.toFixed(0)} ms, ` +
          `back ${backMs.toFixed(0)} ms after the end`,
      );
    });
  }
});

test("bytes that are late by up to 80 ms each way arrive in order, and instructions are executed once", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  const delayed = { kind: "delayed", delayMs: () => Math.random() * 80 } as const;
  using tunnel = await Tunnel.open(node.port, { toNode: delayed, toAgent: delayed });
  await using agent = await connect({ url: tunnel.url, id: "a1", type: "test" });
  const begun: string[] = [];
  agent.on("work", ({ id }) => void begun.push(id));
  const orders = Array.from({ length: 30 }, (_, index) => {
    agent.report({ step: index });
    return node.send({ to: "a1", action: "work" });
  });
  const answers = await Promise.all(orders);
  const ids = answers.map(({ body }) => String(body.instructions[0].id));
  assert.deepEqual(begun.toSorted(), ids.toSorted());
  assert.ok(answers.every(({ body }) => body.instructions[0].status === "executed"));
  await agent.flush();
  assert.equal((await node.get("/api/v1/agents/a1")).body.metrics.step.value, 29);
});

test("what a former connection still brings after the next one is up changes nothing", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  using tunnel = await Tunnel.open(node.port);
  const backoff = { baseMs: 20, capMs: 200 };
  await using agent = await connect({ url: tunnel.url, id: "a1", type: "test", backoff });
  agent.on("work", () => "done");
  agent.report({ step: 1 });
  await agent.flush();
  const [former] = tunnel.crossings;
  assert.ok(former !== undefined);
  former.toNode = { kind: "held" };
  agent.report({ step: 2 });
  await eventually("the node has pinged in vain", () => former.heldBytes > 0);
  former.cutAgent();
  await eventually(
    "it is back",
    () => agent.statistics.reconnects > 0 && agent.status.state === "live",
  );
  agent.report({ step: 3 });
  await agent.flush();
  former.toNode = { kind: "free" };
  await eventually(
    "the former connection is gone",
    async () => (await metricOf(node, "myelin_connections")) === 1,
  );
  const { body } = await node.send({ to: "a1", action: "work" });
  assert.equal(body.instructions[0].result, "done");
  assert.equal((await node.get("/api/v1/agents/a1")).body.metrics.step.value, 3);
  assert.equal(await metricOf(node, "myelin_sessions"), 1);
});
