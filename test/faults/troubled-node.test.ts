// The node itself stands still for seconds.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { AgentProcess, eventually, NodeProcess, temporaryDirectory } from "../e2e/support/index.ts";
import { Crowd } from "./support/crowd.ts";
import { metricOf } from "./support/metrics.ts";

const agents = 50;

test("a node that is stopped for seconds has its agents back, and what was under way ends once", async (context) => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(join(directory.path, "data"));
  await node.applyRules([{ name: "hot", expr: "cpu_usage > 0.9", action: "work" }]);
  await using crowd = await Crowd.start(node.url, join(directory.path, "begun"), agents);
  await using agent = await AgentProcess.start(node.url, "a1");
  const running = node.send({ to: "a1", action: "wait" });
  const id = await agent.nthBegun(1);
  node.child.kill("SIGSTOP");
  const orders = crowd.names.map((to) =>
    node.send({ to, action: "work", wait: "20s", deadline: "60s" }),
  );
  await agent.until(() => !agent.isLive);
  agent.report({ cpu_usage: 0.95 });
  agent.finish(id);
  node.child.kill("SIGCONT");
  const startedAtMs = performance.now();
  await agent.until(() => agent.isLive);
  assert.equal((await running).body.instructions[0].status, "executed");
  const sent = await Promise.all(orders);
  assert.deepEqual(
    new Set(sent.map(({ body }) => body.instructions[0].status)),
    new Set(["executed"]),
  );
  await eventually("all are back, by one connection each", async () => {
    const connections = await metricOf(node, "myelin_connections");
    return connections === agents + 1 && (await metricOf(node, "myelin_sessions")) === agents + 1;
  });
  context.diagnostic(`all back after ${(performance.now() - startedAtMs).toFixed(0)} ms`);
  await agent.nthBegun(2);
  const begun = crowd.begun().filter(({ action }) => action === "work");
  assert.equal(begun.length, agents);
  assert.equal(new Set(begun.map(({ id: each }) => each)).size, agents);
});
