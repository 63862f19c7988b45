import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAgentId } from "@myelin/core/ids";
import type { InstructionDocument } from "@myelin/core/instruction";
import { secondUs, TestAgent, TestNode } from "./test-support.ts";

const hot = `
rules:
  - name: hot
    expr: cpu_usage > 0.9
    action: restart
    args: { reason: "cpu \${cpu_usage}" }
    sla: 10ms
    deadline: 5s
    timeout: 20s
`;

test("a sample that fires becomes an acknowledged instruction, accounted stage by stage", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.5 });
  await node.clock.run(1000);
  assert.equal(agent.received.length, 0);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const instruction = agent.only;
  assert.equal(instruction.action, "restart");
  assert.deepEqual(instruction.args, { reason: "cpu 0.95" });
  assert.equal(instruction.episode?.rule, "hot");
  assert.equal(instruction.deadlineUs - instruction.createdAtUs, 5 * secondUs);
  agent.tell(instruction.id, "received");
  await node.clock.run(3000);
  agent.tell(instruction.id, "executed", { result: { pid: 7 } });
  await node.clock.run(secondUs);
  const [document] = node.ended;
  assert.equal(document?.status, "executed");
  assert.deepEqual(document?.stagesUs, {
    collect: 0,
    ingest: 0,
    compute: 0,
    rule: 0,
    dispatch: 0,
    execute: 3000,
  });
  assert.deepEqual([document?.totalUs, document?.withinSla], [3000, true]);
  assert.deepEqual(agent.settled, [instruction.id]);
  assert.equal(node.store.disk.ledger.size, 1);
  assert.equal(node.arc.ledger.figures().counts.executed, 1);
});

test("an episode causes one instruction, and the next episode another, after the cooldown", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock, { answers: true }).join(node);
  await node.apply(hot.replace("sla", "cooldown: 3s\n    sla"));
  for (const cpu_usage of [0.95, 0.97, 0.5, 0.96, 0.99]) {
    agent.report({ cpu_usage });
    await node.clock.run(100_000);
  }
  assert.equal(agent.received.length, 1);
  await node.clock.run(3 * secondUs);
  agent.report({ cpu_usage: 0.99 });
  await node.clock.run(1000);
  assert.equal(agent.received.length, 2);
});

test("an instruction that failed is tried again in the same episode where the rule says so", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot.replace("sla", "attempts: 2\n    cooldown: 1s\n    sla"));
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(2 * secondUs);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  const [first, second] = agent.received;
  assert.deepEqual([first?.episode?.attempt, second?.episode?.attempt], [1, 2]);
  assert.equal(first?.episode?.startedAtUs, second?.episode?.startedAtUs);
  assert.notEqual(first?.id, second?.id);
});

test("a broken connection loses nothing: what was not received is sent again on resume, what was is not", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const { id } = agent.only;
  agent.received.length = 0;
  agent.disconnect();
  await node.clock.run(secondUs);
  await agent.join(node);
  assert.equal(agent.welcome?.isResumed, true);
  assert.equal(agent.only.id, id);
  agent.tell(id, "received");
  agent.disconnect();
  await node.clock.run(secondUs);
  await agent.join(node);
  assert.equal(agent.received.length, 1);
});

test("a session that goes down changes no state: what is pending and what fires goes on", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(`${hot}
  - { name: waiting, expr: cpu_usage > 0.9, for: 1h, action: restart }`);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const states = (): unknown => node.arc.engine.agentStates(0).map(({ state }) => state);
  assert.deepEqual(states(), ["firing", "pending"]);
  agent.disconnect();
  await node.clock.run(secondUs);
  assert.deepEqual(states(), ["firing", "pending"]);
  await agent.join(node);
  assert.equal(agent.welcome?.isResumed, true);
  assert.deepEqual(states(), ["firing", "pending"]);
});

test("an agent that was killed and lives anew leaves its instruction unknown", async () => {
  const node = await new TestNode().start();
  const former = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  former.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  former.disconnect();
  await node.clock.run(secondUs);
  const next = await new TestAgent(node.clock, { incarnation: "life-2" }).join(node);
  assert.equal(node.ended[0]?.error?.code, "OUTCOME_UNKNOWN");
  assert.deepEqual(next.received, []);
});

test("a node that is killed with a rule's instruction under way neither loses nor repeats it", async () => {
  const before = await new TestNode().start();
  const agent = await new TestAgent(before.clock).join(before);
  await before.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await before.clock.run(0);
  const { id } = agent.only;
  agent.tell(id, "received");
  await before.clock.run(1000);
  await before.kill([agent]);

  const after = await new TestNode({
    clock: before.clock,
    disk: before.store.disk,
    seed: 2,
  }).start();
  await agent.join(after);
  assert.equal(agent.welcome?.isResumed, false);
  agent.report({ cpu_usage: 0.97 });
  await after.clock.run(1000);
  assert.equal(agent.only.id, id, "no second instruction");
  assert.equal(after.arc.dispatch.openCount, 1);
  agent.tell(id, "executed");
  await after.clock.run(secondUs);
  assert.deepEqual(
    after.ended.map((document) => [document.id, document.status, document.rule]),
    [[id, "executed", "hot"]],
  );
  assert.deepEqual(agent.settled, [id]);
  agent.report({ cpu_usage: 0.5 });
  agent.report({ cpu_usage: 0.98 });
  await after.clock.run(1000);
  assert.equal(agent.received.length, 2, "the next episode acts");
});

test("a node that was killed before an outcome was on disk learns it from the agent, once", async () => {
  const before = await new TestNode().start();
  const agent = await new TestAgent(before.clock, { answers: true }).join(before);
  await before.apply(hot.replace("sla", "cooldown: 1h\n    sla"));
  agent.report({ cpu_usage: 0.95 });
  await before.clock.run(0);
  assert.equal(before.ended.length, 1);
  await before.kill([agent]);
  assert.equal(before.store.disk.ledger.size, 0);

  const after = await new TestNode({
    clock: before.clock,
    disk: before.store.disk,
    seed: 2,
  }).start();
  await agent.join(after);
  agent.report({ cpu_usage: 0.97 });
  await after.clock.run(secondUs);
  assert.deepEqual(
    after.ended.map(({ status }) => status),
    ["executed"],
  );
  assert.equal(after.store.disk.ledger.size, 1);
  assert.equal(agent.received.length, 1);
  agent.report({ cpu_usage: 0.1 });
  agent.report({ cpu_usage: 0.97 });
  await after.clock.run(secondUs);
  assert.equal(agent.received.length, 1, "the cooldown has survived too");
});

test("an outcome that is on disk and was not settled is not accounted again, by the same run or the next", async () => {
  const before = await new TestNode().start();
  const agent = await new TestAgent(before.clock, { answers: true }).join(before);
  await before.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await before.clock.run(0);
  const unsettled = new Map(agent.outcomes);
  await before.clock.run(secondUs);
  const [id] = [...unsettled.keys()];
  const kept = before.store.disk.ledger.get(id ?? "");
  assert.ok(kept);
  for (const [key, outcome] of unsettled) agent.outcomes.set(key, outcome);
  agent.disconnect();
  await before.clock.run(secondUs);
  await agent.join(before);
  await before.clock.run(secondUs);
  assert.equal(before.ended.length, 1);
  assert.equal(agent.outcomes.size, 0);

  for (const [key, outcome] of unsettled) agent.outcomes.set(key, outcome);
  await before.kill([agent]);
  const after = await new TestNode({
    clock: before.clock,
    disk: before.store.disk,
    seed: 2,
  }).start();
  await agent.join(after);
  agent.report({ cpu_usage: 0.96 });
  await after.clock.run(secondUs);
  assert.deepEqual(after.ended, []);
  assert.equal(after.arc.ledger.endedCounts.executed, 0);
  assert.equal(after.arc.ledger.figures().counts.executed, 1, "that of the life before");
  assert.equal(after.store.disk.ledger.get(id ?? ""), kept, "with the stages it had");
  assert.equal(agent.received.length, 1, "the episode goes on");
  assert.equal(agent.outcomes.size, 0);
});

test("an outcome that a further hello tells again is settled again, and not accounted again", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock, { answers: true }).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const outcomes = [...agent.outcomes.values()];
  await node.clock.run(secondUs);
  const { id } = agent.only;
  assert.deepEqual(agent.settled, [id]);
  agent.greet({ outcomes });
  await node.clock.run(secondUs);
  assert.deepEqual(agent.settled, [id, id]);
  assert.equal(node.ended.length, 1);
});

test("an instruction by hand survives the node, and is performed once", async () => {
  const before = await new TestNode().start();
  const agent = await new TestAgent(before.clock).join(before);
  await before.clock.run(secondUs);
  const sent = await before.ask("POST", "/api/v1/instructions", {
    to: "w1",
    action: "restart",
    wait: "0s",
  });
  assert.equal(sent.status, 202);
  const { id } = agent.only;
  await before.kill([agent]);
  const after = await new TestNode({
    clock: before.clock,
    disk: before.store.disk,
    seed: 2,
  }).start();
  agent.outcomes.clear();
  await agent.join(after);
  await after.clock.run(0);
  assert.deepEqual(
    agent.received.map((instruction) => instruction.id),
    [id, id],
  );
  agent.tell(id, "executed");
  await after.clock.run(secondUs);
  assert.equal(after.store.disk.instructions.get(id)?.status, "executed");
});

test("a hung agent is noticed by the metric heartbeat_age, and its supervisor is told", async () => {
  const node = await new TestNode().start();
  const supervisor = await new TestAgent(node.clock, {
    part: "supervisor",
    actions: ["kill"],
  }).join(node);
  const app = await new TestAgent(node.clock).join(node);
  await node.apply(
    "rules: [{ name: hung, expr: heartbeat_age > 0.9, action: kill, deadline: 1s }]",
  );
  await node.clock.run(2 * secondUs);
  assert.deepEqual(supervisor.received, []);
  app.freeze();
  await node.clock.run(1.5 * secondUs);
  assert.equal(supervisor.only.action, "kill");
});

test("a node that drains takes no new work, waits for what is under way and ends the rest", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const { id } = agent.only;
  agent.tell(id, "received");
  await node.clock.run(0);
  const drained = node.arc.drain(5 * secondUs);
  await node.clock.run(secondUs);
  agent.report({ cpu_usage: 0.5 });
  agent.report({ cpu_usage: 0.99 });
  await node.clock.run(0);
  assert.equal(node.ended[0]?.error?.code, "NODE_DRAINING");
  const refused = await new TestAgent(node.clock, { id: "w2" }).join(node);
  assert.equal(refused.goodbyes[0]?.code, "NODE_DRAINING");
  agent.tell(id, "executed");
  await node.clock.run(100_000);
  await drained;
  assert.equal(node.ended[1]?.status, "executed");
  assert.equal(agent.goodbyes[0]?.code, "NODE_DRAINING");
  assert.equal(agent.goodbyes[0]?.canResume, true);
  await node.clock.run(0);
  assert.equal(node.store.disk.ledger.size, 2);
});

test("a drain has a bound: what has not ended then is handed back, and the next run hears of it", async () => {
  const before = await new TestNode().start();
  const agent = await new TestAgent(before.clock).join(before);
  await before.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await before.clock.run(0);
  const { id } = agent.only;
  agent.tell(id, "received");
  const drained = before.arc.drain(2 * secondUs);
  await before.clock.run(3 * secondUs);
  await drained;
  await before.settle(before.store.close());
  assert.deepEqual(before.ended, []);
  const after = await new TestNode({
    clock: before.clock,
    disk: before.store.disk,
    seed: 2,
  }).start();
  await agent.join(after);
  agent.tell(id, "executed");
  await after.clock.run(secondUs);
  assert.deepEqual(
    after.ended.map((document) => [document.id, document.status]),
    [[id, "executed"]],
  );
});

test("after a drain no timer of the arc is left", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(
    hot.replace("sla", "keep_firing_for: 1h\n    resolve: cpu_usage < 0.5\n    sla"),
  );
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  agent.report({ cpu_usage: 0.1 });
  await node.clock.run(0);
  const drained = node.arc.drain(0);
  await node.clock.run(15 * secondUs);
  await drained;
  assert.equal(node.clock.nextDueUs, Number.POSITIVE_INFINITY);
});

test("a rule's breaker opens beyond its limit, says so, and what it stops is accounted", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock, { answers: true }).join(node);
  await node.apply(hot.replace("sla", "limit: 2/1m\n    sla"));
  for (let count = 0; count < 4; count++) {
    agent.report({ cpu_usage: 0.95 });
    await node.clock.run(10_000);
    agent.report({ cpu_usage: 0.1 });
    await node.clock.run(10_000);
  }
  assert.equal(agent.received.length, 2);
  assert.deepEqual(
    node.notices.flatMap((notice) => (notice.kind === "breaker-opened" ? [notice.over] : [])),
    ["rule hot"],
  );
  assert.deepEqual(
    node.ended.map(({ status }) => status),
    ["executed", "executed", "rejected", "rejected"],
  );
});

test("a rule in shadow decides and accounts, and sends nothing", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot.replace("sla", "mode: shadow\n    sla"));
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(secondUs);
  assert.deepEqual(agent.received, []);
  assert.equal(node.ended[0]?.error?.code, "SHADOW");
});

test("a node that drains accounts for what waits for agents that are away", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock, { part: "supervisor" }).join(node);
  await node.apply("rules: [{ name: hung, expr: heartbeat_age > 0.9, action: restart }]");
  agent.disconnect();
  await node.clock.run(3 * secondUs);
  assert.equal(node.arc.dispatch.openCount, 1);
  const drained = node.arc.drain(secondUs);
  await node.clock.run(secondUs);
  await drained;
  assert.deepEqual(
    node.ended.map(({ status, error }) => [status, error?.code]),
    [["rejected", "NODE_DRAINING"]],
  );
});

test("an agent that leaves and joins anew starts with its breaker closed", async () => {
  const node = await new TestNode({
    settings: { breakerFailures: 1, breakerOpenUs: 1e12 },
  }).start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(0);
  assert.deepEqual(node.arc.dispatch.openBreakersOf(parseAgentId("w1")), ["app"]);
  agent.leave();
  await node.clock.run(secondUs);
  const next = await new TestAgent(node.clock, { incarnation: "life-2" }).join(node);
  next.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  assert.equal(next.received.length, 1);
});

test("to forget an agent ends what waits for it, also on disk and in the ledger", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  const send = async (): Promise<string> => {
    const body = { action: "restart", to: "w1", deadline: "1h", wait: "0s" };
    const { json } = await node.ask("POST", "/api/v1/instructions", body);
    const [instruction] = json["instructions"] as unknown as InstructionDocument[];
    return instruction?.id ?? "";
  };
  const sent = await send();
  assert.equal(agent.only.id, sent);
  agent.leave();
  await node.clock.run(0);
  const waiting = await send();
  const { status } = await node.ask("DELETE", "/api/v1/agents/w1");
  assert.equal(status, 200);
  await node.clock.run(secondUs);
  const endOf = async (id: string): Promise<unknown[]> => {
    const kept = await node.settle(node.store.instructionById(id));
    const entry = await node.settle(node.store.ledgerById(id));
    assert.deepEqual([kept?.status, kept?.error], [entry?.document.status, entry?.document.error]);
    return [kept?.status, kept?.error?.code];
  };
  assert.deepEqual(await endOf(waiting), ["rejected", "NOT_FOUND"]);
  assert.deepEqual(await endOf(sent), ["failed", "OUTCOME_UNKNOWN"]);
  assert.equal(node.arc.dispatch.openCount, 0);
});

test("a further hello on a connection tells nothing of what is under way on it", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  const { id } = agent.only;
  agent.tell(id, "received");
  await node.clock.run(5 * secondUs);
  const other = { instructionId: "other", status: "executed" as const, action: "restart" };
  agent.greet({ outcomes: [{ ...other, receivedAtUs: 1, begunAtUs: 1, endedAtUs: 2 }] });
  await node.clock.run(0);
  assert.equal(node.ended.length, 0, "it is at its deadline, and may have begun");
  agent.tell(id, "executed");
  await node.clock.run(secondUs);
  assert.equal(node.ended[0]?.status, "executed");
});

test("what was lost with a connection is sent again once the part has told its actions on the next", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  agent.freeze();
  await node.clock.run(0);
  agent.disconnect();
  agent.thaw();
  assert.equal(agent.received.length, 0);
  await agent.join(node, { actionsFollow: true, actions: [] });
  await node.clock.run(3 * secondUs);
  assert.equal(agent.received.length, 0);
  agent.greet();
  await node.clock.run(0);
  assert.equal(agent.received.length, 1);
});

test("a window that is shorter than two intervals of its metric is warned of", async () => {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  for (let sent = 0; sent < 5; sent += 1) {
    agent.report({ cpu_usage: 0.5 });
    await node.clock.run(2 * secondUs);
  }
  const apply = async (width: string): Promise<readonly string[]> => {
    const rules = `rules: [{ name: busy, expr: 'avg_over_time(cpu_usage, "${width}") > 1', action: stop }]`;
    const { warnings } = await node.settle(node.arc.rules.apply(rules, "local"));
    return warnings.map(({ message }) => message);
  };
  assert.deepEqual(await apply("3s"), [
    "a window of 3s over cpu_usage, which comes about every 2s, holds two samples at the most",
  ]);
  assert.deepEqual(await apply("4s"), []);
});
