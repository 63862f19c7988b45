import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstructionStatus } from "@myelin/core/instruction";
import { secondUs, TestAgent, TestNode } from "./test-support.ts";

type End = Extract<InstructionStatus, "executed" | "failed" | "rejected" | "expired" | "canceled">;

/** Every end, and whether an instruction that ended so is tried again. */
const ends: readonly (readonly [End, boolean])[] = [
  ["executed", false],
  ["failed", true],
  ["rejected", true],
  ["expired", true],
  ["canceled", false],
];

const hot = `
rules:
  - name: hot
    expr: cpu_usage > 0.9
    action: restart
    attempts: 2
    cooldown: 1s
    deadline: 5s
`;

/** A node whose rule has acted, and the agent it acted on. */
async function fired(): Promise<{ node: TestNode; agent: TestAgent; id: string }> {
  const node = await new TestNode().start();
  const agent = await new TestAgent(node.clock).join(node);
  await node.apply(hot);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  return { node, agent, id: agent.only.id };
}

/** Another run of a node that was killed. */
async function rerun(node: TestNode, agent: TestAgent): Promise<TestNode> {
  await node.kill([agent]);
  const { clock, store } = node;
  const next = await new TestNode({ clock, disk: store.disk, seed: 2 }).start();
  await agent.join(next);
  return next;
}

/** The attempts that the agent has got when the rule's condition goes on after the cooldown. */
async function attemptsGiven(node: TestNode, agent: TestAgent): Promise<unknown[]> {
  await node.clock.run(2 * secondUs);
  agent.report({ cpu_usage: 0.95 });
  await node.clock.run(1000);
  return agent.received.map(({ episode }) => episode?.attempt);
}

for (const [end, isTriedAgain] of ends) {
  const expected = isTriedAgain ? [1, 2] : [1];
  const told = `an instruction that ended ${end} is ${isTriedAgain ? "" : "not "}tried again`;

  test(`${told}, told by its agent`, async () => {
    const { node, agent, id } = await fired();
    agent.tell(id, end);
    assert.deepEqual(await attemptsGiven(node, agent), expected);
    assert.equal(node.ended[0]?.status, end);
  });

  test(`${told}, told by the hello to another run of the node`, async () => {
    const { node, agent, id } = await fired();
    await node.kill([agent]);
    agent.tell(id, end);
    const next = await rerun(node, agent);
    assert.deepEqual(await attemptsGiven(next, agent), expected);
  });

  test(`${told}, kept by another run of the node when its agent tells nothing more`, async () => {
    const { node, agent, id } = await fired();
    agent.tell(id, end);
    await node.clock.run(2 * secondUs);
    assert.deepEqual(agent.settled, [id]);
    const next = await rerun(node, agent);
    assert.deepEqual(await attemptsGiven(next, agent), expected);
  });

  test(`${told}, found in the ledger by another run of the node`, async () => {
    const { node, agent, id } = await fired();
    agent.tell(id, end);
    const [outcome] = agent.outcomes.values();
    await node.clock.run(10_000);
    assert.ok(node.store.disk.ledger.has(id));
    assert.ok(outcome);
    agent.outcomes.set(id, { ...outcome, status: "received" });
    const next = await rerun(node, agent);
    assert.deepEqual(await attemptsGiven(next, agent), expected);
  });
}

test("an instruction that nobody took before its deadline is tried again, one that was called off is not", async () => {
  for (const isCalledOff of [false, true]) {
    const node = await new TestNode().start();
    const agent = await new TestAgent(node.clock).join(node);
    await node.apply(hot);
    agent.disconnect();
    await node.clock.run(1000);
    const supervisor = await new TestAgent(node.clock, { part: "supervisor", actions: [] }).join(
      node,
    );
    supervisor.report({ cpu_usage: 0.95 });
    await node.clock.run(1000);
    const [waiting] = [...node.arc.dispatch.open()];
    assert.equal(waiting?.status, "accepted");
    if (isCalledOff) {
      const answer = await node.ask("POST", `/api/v1/instructions/${waiting?.id}/cancel`);
      assert.equal(answer.status, 200);
    }
    await node.clock.run(6 * secondUs);
    await agent.join(node);
    supervisor.report({ cpu_usage: 0.95 });
    await node.clock.run(1000);
    assert.deepEqual(
      node.ended.map(({ status }) => status),
      [isCalledOff ? "canceled" : "expired"],
    );
    assert.deepEqual(
      agent.received.map(({ episode }) => episode?.attempt),
      isCalledOff ? [] : [2],
    );
  }
});
