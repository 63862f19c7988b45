// A node and agents as processes of their own: from a sample to an acknowledged instruction.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AgentProcess,
  eventually,
  NodeProcess,
  temporaryDirectory,
  ways,
} from "./support/index.ts";

const hot = {
  name: "hot",
  expr: "cpu_usage > 0.9",
  action: "work",
  sla: "10s",
  args: { why: "cpu ${cpu_usage}" },
};

for (const way of ways) {
  test(`over ${way.name}: a sample that satisfies a rule has its agent perform the rule's action, and the ledger shows every stage`, async () => {
    await using directory = await temporaryDirectory();
    await using node = await NodeProcess.start(directory.path, way.argsOf(directory.path));
    await node.applyRules([hot]);
    await using agent = await AgentProcess.start(way.urlOf(node), "a1");
    agent.report({ cpu_usage: 0.5 });
    agent.report({ cpu_usage: 0.95 });
    const id = await agent.nthBegun(1);
    const ended = await eventually(
      "the instruction has ended",
      async () => (await node.instructions("status=executed"))[0],
    );
    assert.equal(ended.id, id);
    assert.deepEqual(Object.keys(ended).sort(), [
      "action",
      "actor",
      "agent",
      "args",
      "attempt",
      "createdAt",
      "deadline",
      "endedAt",
      "id",
      "part",
      "priority",
      "result",
      "rule",
      "ruleVersion",
      "stagesUs",
      "status",
      "totalUs",
      "withinSla",
    ]);
    assert.deepEqual(ended.args, { why: "cpu 0.95" });
    assert.deepEqual(ended.result, { worked: true });
    assert.equal(ended.withinSla, true);
    const stages = Object.values(ended.stagesUs);
    assert.equal(stages.length, 6);
    const sum = stages.reduce<number>((total, stage) => total + (stage ?? Number.NaN), 0);
    assert.ok(Math.abs(sum - (ended.totalUs ?? Number.NaN)) < 1, `${sum} is not ${ended.totalUs}`);
  });
}

test("an instruction sent by hand to all that match is confirmed agent by agent, also for those that do not answer in time", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using quick = await AgentProcess.start(node.url, "quick");
  await using slow = await AgentProcess.start(node.url, "slow");
  const everybody = await node.send({ where: 'agent.type == "test"', action: "work" });
  assert.deepEqual(everybody.body.counts, { executed: 2 });
  slow.child.kill("SIGSTOP");
  const answer = await node.send({ where: 'agent.type == "test"', action: "work", wait: "300ms" });
  slow.child.kill("SIGCONT");
  assert.equal(answer.status, 202);
  const byAgent = Object.fromEntries(
    answer.body.instructions.map((instruction: { agent: string; status: string }) => [
      instruction.agent,
      instruction.status,
    ]),
  );
  assert.deepEqual(byAgent, { quick: "executed", slow: "sent" });
  await slow.nthBegun(2);
  assert.equal(quick.begun.length, 2);
});

test("the same idempotency key is performed once, also after the node has been killed", async () => {
  await using directory = await temporaryDirectory();
  const first = await NodeProcess.start(directory.path);
  await using agent = await AgentProcess.start(first.url, "a1");
  const order = { to: "a1", action: "work", idempotencyKey: "once" };
  const [one, two] = await Promise.all([first.send(order), first.send(order)]);
  assert.equal(one.body.batch, two.body.batch);
  const { port } = first;
  await first.end("SIGKILL");
  await using second = await NodeProcess.start(directory.path, ["--port", String(port)]);
  const three = await second.send(order);
  assert.equal(three.body.batch, one.body.batch);
  assert.equal(three.body.instructions[0].status, "executed");
  assert.equal(agent.begun.length, 1);
});

test("an action that no part handles is rejected at once with the reason", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await using _agent = await AgentProcess.start(node.url, "a1");
  const { body } = await node.send({ to: "a1", action: "fly" });
  assert.equal(body.instructions[0].status, "rejected");
  assert.equal(body.instructions[0].error.code, "NO_HANDLER");
});

test("rules are replaced while agents report, and the new version decides from the next sample on", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await node.applyRules([hot]);
  await using agent = await AgentProcess.start(node.url, "a1");
  agent.report({ cpu_usage: 0.8 });
  await node.applyRules([{ ...hot, expr: "cpu_usage > 0.7" }]);
  agent.report({ cpu_usage: 0.81 });
  await agent.nthBegun(1);
  const [instruction] = await node.instructions("rule=hot");
  assert.equal(instruction?.ruleVersion, 2);
});

test("beyond its limit a rule's breaker opens, says so, and its episodes are accounted but not sent", async () => {
  await using directory = await temporaryDirectory();
  await using node = await NodeProcess.start(directory.path);
  await node.applyRules([{ ...hot, limit: "2/1m" }]);
  await using agent = await AgentProcess.start(node.url, "a1");
  for (let episode = 1; episode <= 4; episode++) {
    agent.report({ cpu_usage: 0.95 });
    agent.report({ cpu_usage: 0.1 });
    await eventually(
      `episode ${episode} is accounted`,
      async () =>
        (await node.instructions("rule=hot")).filter(({ endedAt }) => endedAt !== null).length >=
        episode,
    );
  }
  assert.equal(agent.begun.length, 2);
  const suppressed = await node.instructions("rule=hot&status=rejected");
  assert.deepEqual(
    suppressed.map(({ error }) => error?.code),
    ["BREAKER_OPEN", "BREAKER_OPEN"],
  );
  const { body } = await node.get("/api/v1/rules/hot");
  assert.equal(body.status.isBreakerOpen, true);
  const closed = await node.call("POST", "/api/v1/rules/hot/breaker/close");
  assert.deepEqual(closed.body, { name: "hot", wasOpen: true });
  agent.report({ cpu_usage: 0.95 });
  await agent.nthBegun(3);
});
