import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemoryDisk } from "./adapters/memory-store/index.ts";
import { secondUs, TestAgent, TestNode, type TestNodeOptions } from "./test-support.ts";

const hot = `
rules:
  - name: hot
    expr: cpu_usage > 0.9
    action: restart
    deadline: 5s
    timeout: 20s
`;

const msUs = 1000;

interface Scene {
  readonly node: TestNode;
  readonly agent: TestAgent;
}

async function scene(rules = hot, answers = true, options: TestNodeOptions = {}): Promise<Scene> {
  const node = await new TestNode(options).start();
  const agent = await new TestAgent(node.clock, { answers }).join(node);
  await node.apply(rules);
  return { node, agent };
}

/** The next run on a node's disk, after `kill -9`. */
async function restarted(
  node: TestNode,
  agents: readonly TestAgent[],
  options: TestNodeOptions = {},
): Promise<TestNode> {
  await node.kill(agents);
  const { clock } = node;
  return new TestNode({ clock, disk: node.store.disk, seed: 2, ...options }).start();
}

/** Reports a value, and lets the node take it. */
async function reports(node: TestNode, agent: TestAgent, ...values: number[]): Promise<void> {
  for (const cpu_usage of values) {
    agent.report({ cpu_usage });
    await node.clock.run(10 * msUs);
  }
}

/** The rules whose episodes the disk has of agent `w1`. */
function kept({ episodes }: MemoryDisk): string[] {
  return [...(episodes.get("w1")?.keys() ?? [])];
}

test("an episode whose outcome was settled does not act again after kill -9, and the next one does", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.clock.run(secondUs);
  assert.equal(agent.outcomes.size, 0, "the agent was told to forget");
  const next = await restarted(node, [agent]);
  await agent.join(next);
  await reports(next, agent, 0.96, 0.97);
  assert.equal(agent.received.length, 1);
  await reports(next, agent, 0.5, 0.98);
  assert.equal(agent.received.length, 2);
  await next.clock.run(secondUs);
  const third = await restarted(next, [agent]);
  await agent.join(third);
  await reports(third, agent, 0.99);
  assert.equal(agent.received.length, 2);
});

test("an agent is told to forget an outcome only when its episode is on disk; a full disk stops no rule", async () => {
  const { node, agent } = await scene();
  const save = node.store.saveEpisodes.bind(node.store);
  let writes = 0;
  node.store.saveEpisodes = (...args) => {
    writes += 1;
    return writes < 3 ? Promise.reject(new Error("no room")) : save(...args);
  };
  await reports(node, agent, 0.95, 0.5, 0.96);
  await node.clock.run(100 * msUs);
  assert.equal(agent.received.length, 2);
  assert.deepEqual(agent.settled, []);
  assert.ok(node.arc.episodes.counters.refused > 0);
  await node.clock.run(10 * secondUs);
  assert.deepEqual(kept(node.store.disk), ["hot"]);
  agent.disconnect();
  await agent.join(node);
  await node.clock.run(secondUs);
  assert.equal(agent.outcomes.size, 0, "what was not settled is told again, and settled then");
});

test("cooldown and attempts go on after kill -9", async () => {
  const rules = hot.replace("deadline", "cooldown: 3s\n    attempts: 3\n    deadline");
  const { node, agent } = await scene(rules, false);
  await reports(node, agent, 0.95);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(secondUs);
  const next = await restarted(node, [agent]);
  await agent.join(next);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 1, "the cooldown runs");
  await next.clock.run(2 * secondUs);
  await reports(next, agent, 0.97);
  const [first, second] = agent.received.map(({ episode }) => episode);
  assert.deepEqual(
    [second?.startedAtUs, second?.timeLine, second?.attempt],
    [first?.startedAtUs, first?.timeLine, 2],
  );
});

test("a cooldown outlives its episode and kill -9", async () => {
  const { node, agent } = await scene(hot.replace("deadline", "cooldown: 1m\n    deadline"));
  await reports(node, agent, 0.95, 0.5);
  await node.clock.run(secondUs);
  const next = await restarted(node, [agent]);
  await next.clock.run(40 * secondUs);
  await agent.join(next);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 1);
  await next.clock.run(20 * secondUs);
  await reports(next, agent, 0.97);
  assert.equal(agent.received.length, 2);
});

for (const [how, isSettled] of [
  ["settled", true],
  ["told by the agent", false],
] as const)
  test(`samples that come again after kill -9 neither end an episode that is ${how} nor begin another`, async () => {
    const { node, agent } = await scene(hot, isSettled);
    const { clock } = node;
    await reports(node, agent, 0.5);
    const hotFromUs = clock.nowUs();
    await reports(node, agent, 0.95);
    if (isSettled) await clock.run(secondUs);
    else agent.tell(agent.only.id, "received");
    await clock.run(0);
    const next = await restarted(node, [agent]);
    // The hello took 5 ms: all that comes is placed as much later.
    await agent.join(next, { sentAtUs: clock.nowUs() - 5 * msUs });
    next.arc.engine.observe(0, 0, next.arc.engine.metric("other"), 1, clock.nowUs(), clock.nowUs());
    const { late } = next.arc.engine.counters;
    agent.report({ cpu_usage: 0.5 }, hotFromUs - 1);
    agent.report({ cpu_usage: 0.95 }, hotFromUs);
    await clock.run(10 * msUs);
    assert.equal(next.arc.engine.counters.late, late + 1);
    await reports(next, agent, 0.96);
    assert.equal(agent.received.length, 1);
    await reports(next, agent, 0.5, 0.97);
    assert.equal(agent.received.length, 2);
  });

test("what another part has kept meanwhile stays at its time, though an episode has begun after it", async () => {
  const { node, agent } = await scene();
  const { clock } = node;
  const supervisor = await new TestAgent(clock, { part: "supervisor" }).join(node);
  await reports(node, supervisor, 0.5);
  await clock.run(secondUs);
  await reports(node, agent, 0.95);
  await clock.run(secondUs);
  const next = await restarted(node, [agent, supervisor]);
  await supervisor.join(next);
  const keptSinceUs = clock.nowUs() - 1.5 * secondUs;
  supervisor.report({ fan_speed: 3 }, keptSinceUs);
  await clock.run(10 * msUs);
  const [slot] = [...next.arc.registry.all()].map((known) => known.slot ?? -1);
  const sample = next.arc.insight.latest(slot ?? -1).find(({ metric }) => metric === "fan_speed");
  assert.equal(sample?.timeUs, keptSinceUs);
});

test("samples of an episode that was over begin it not again when they come again after kill -9", async () => {
  const { node, agent } = await scene();
  const hotFromUs = node.clock.nowUs();
  await reports(node, agent, 0.95, 0.5);
  await node.clock.run(100 * msUs);
  const next = await restarted(node, [agent]);
  await agent.join(next, { sentAtUs: next.clock.nowUs() - 5 * msUs });
  agent.report({ cpu_usage: 0.95 }, hotFromUs);
  agent.report({ cpu_usage: 0.5 }, hotFromUs + 10 * msUs);
  await reports(next, agent, 0.4);
  assert.equal(agent.received.length, 1);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 2);
});

test("a clock that was set back is heard, whatever the former run had applied", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.clock.run(secondUs);
  const next = await restarted(node, [agent]);
  const setBackUs = 60 * secondUs;
  await agent.join(next, { sentAtUs: next.clock.nowUs() - setBackUs });
  agent.report({ cpu_usage: 0.5 }, next.clock.nowUs() - setBackUs);
  agent.report({ cpu_usage: 0.96 }, next.clock.nowUs() - setBackUs);
  await next.clock.run(10 * msUs);
  assert.equal(next.arc.engine.counters.late, 0);
});

test("an instruction that its agent does not know was none: the rule acts", async () => {
  const { node, agent } = await scene(hot, false);
  agent.freeze();
  node.arc.engine.observe(
    0,
    1,
    node.arc.engine.metric("cpu_usage"),
    0.95,
    node.clock.nowUs(),
    node.clock.nowUs(),
  );
  node.arc.sessions.endTurn();
  await node.clock.run(100 * msUs);
  assert.deepEqual([agent.received.length, kept(node.store.disk)], [0, ["hot"]]);
  agent.thaw();
  const next = await restarted(node, [agent]);
  await agent.join(next);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 1);
});

test("what an agent may have done that died with the node is not done again in its next life", async () => {
  const { node, agent } = await scene(hot, false);
  await reports(node, agent, 0.95);
  agent.tell(agent.only.id, "received");
  await node.clock.run(100 * msUs);
  const next = await restarted(node, [agent]);
  const reborn = await new TestAgent(next.clock, { incarnation: "life-2" }).join(next);
  await reports(next, reborn, 0.96);
  assert.deepEqual(reborn.received, []);
  await reports(next, reborn, 0.5, 0.97);
  assert.equal(reborn.received.length, 1);
});

test("an attempt that the node may have made right before it died with its agent counts as made", async () => {
  const { node, agent } = await scene(hot.replace("deadline", "attempts: 3\n    deadline"), false);
  await reports(node, agent, 0.95);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(secondUs);
  agent.report({ cpu_usage: 0.96 });
  await node.clock.run(0);
  const [, second] = agent.received;
  assert.equal(second?.episode?.attempt, 2);
  const next = await restarted(node, [agent]);
  const reborn = await new TestAgent(next.clock, { incarnation: "life-2" }).join(next);
  await reports(next, reborn, 0.97);
  assert.equal(reborn.only.episode?.attempt, 3);
  assert.notEqual(reborn.only.id, second?.id);
});

test("an attempt that counted as failed, and of which its agent tells that it was executed, is the last", async () => {
  const { node, agent } = await scene(hot.replace("deadline", "attempts: 3\n    deadline"), false);
  await reports(node, agent, 0.95);
  agent.tell(agent.only.id, "failed");
  await node.clock.run(secondUs);
  const reborn = await new TestAgent(node.clock, { incarnation: "life-2" }).join(node);
  const { disk } = node.store;
  disk.isFull = true;
  await reports(node, reborn, 0.96);
  assert.equal(reborn.only.episode?.attempt, 2);
  reborn.tell(reborn.only.id, "executed");
  await node.clock.run(secondUs);
  await node.kill([reborn]);
  disk.isFull = false;
  const next = await restarted(node, [reborn]);
  await reborn.join(next);
  await reports(next, reborn, 0.97, 0.98);
  assert.equal(reborn.received.length, 1);
});

test("what one part has is not asked of another that is back before it", async () => {
  const { node, agent } = await scene(hot, false);
  const supervisor = await new TestAgent(node.clock, { part: "supervisor" }).join(node);
  await reports(node, supervisor, 0.95);
  agent.tell(agent.only.id, "received");
  await node.clock.run(100 * msUs);
  const next = await restarted(node, [agent, supervisor]);
  await supervisor.join(next);
  await reports(next, supervisor, 0.96);
  await next.clock.run(7 * secondUs);
  await reports(next, supervisor, 0.97);
  assert.deepEqual(supervisor.received, []);
  await agent.join(next);
  agent.tell(agent.only.id, "executed");
  await next.clock.run(secondUs);
  assert.deepEqual(
    next.ended.map(({ status }) => status),
    ["executed"],
  );
  await reports(next, supervisor, 0.98);
  assert.deepEqual([agent.received.length, supervisor.received.length], [1, 0]);
});

test("what another part does not know when it is back was none, and its rule acts", async () => {
  const { node, agent } = await scene(hot, false);
  const supervisor = await new TestAgent(node.clock, { part: "supervisor" }).join(node);
  agent.freeze();
  await reports(node, supervisor, 0.95);
  await node.clock.run(100 * msUs);
  agent.thaw();
  const next = await restarted(node, [agent, supervisor]);
  await supervisor.join(next);
  await reports(next, supervisor, 0.96);
  assert.deepEqual(supervisor.received, []);
  await agent.join(next);
  await reports(next, supervisor, 0.97);
  assert.equal(agent.received.length, 1);
});

test("for what was sent right before kill -9 the rule waits for the part that may have it, for some seconds", async () => {
  const { node, agent } = await scene(hot, false);
  const supervisor = await new TestAgent(node.clock, { part: "supervisor" }).join(node);
  await node.clock.run(secondUs);
  supervisor.report({ cpu_usage: 0.95 });
  await node.clock.run(0);
  agent.tell(agent.only.id, "received");
  await node.clock.run(0);
  assert.deepEqual(kept(node.store.disk), []);
  const next = await restarted(node, [agent, supervisor]);
  await supervisor.join(next);
  await reports(next, supervisor, 0.96);
  assert.deepEqual(supervisor.received, []);
  await agent.join(next);
  await reports(next, supervisor, 0.97);
  assert.deepEqual([agent.received.length, supervisor.received.length], [1, 0]);

  const third = await restarted(next, [agent, supervisor]);
  await supervisor.join(third);
  await reports(third, supervisor, 0.5, 0.98);
  assert.deepEqual(supervisor.received, []);
  await third.clock.run(6 * secondUs);
  await reports(third, supervisor, 0.99);
  assert.equal(supervisor.received.length, 1, "the part has not come back");
});

test("an agent that is not back within the resume window has left: its episodes are over", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.clock.run(secondUs);
  const next = await restarted(node, [agent]);
  await next.clock.run(31 * secondUs);
  await agent.join(next);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 2);
});

test("a rule of another meaning begins anew after kill -9, and what was kept of the former goes", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.clock.run(secondUs);
  const next = await restarted(node, [agent]);
  await next.apply(hot.replace("0.9", "0.8"));
  await agent.join(next);
  await reports(next, agent, 0.5);
  await next.clock.run(60 * secondUs);
  assert.deepEqual(kept(next.store.disk), []);
  await reports(next, agent, 0.85);
  assert.equal(agent.received.length, 2);
});

test("what is kept goes with the episode's end, some time after it, and with its agent", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.clock.run(secondUs);
  assert.deepEqual(kept(node.store.disk), ["hot"]);
  await reports(node, agent, 0.5);
  await node.clock.run(60 * secondUs);
  assert.deepEqual(kept(node.store.disk), []);
  await reports(node, agent, 0.96);
  await node.clock.run(secondUs);
  agent.leave();
  await node.clock.run(secondUs);
  assert.deepEqual(kept(node.store.disk), ["hot"]);
  const forgotten = node.arc.registry.forget([...node.arc.registry.all()][0]?.id ?? ("" as never));
  await node.settle(forgotten, secondUs);
  assert.deepEqual([kept(node.store.disk), node.arc.episodes.size], [[], 0]);
});

test("a drained node knows its episodes when it starts again", async () => {
  const { node, agent } = await scene();
  await reports(node, agent, 0.95);
  await node.settle(node.arc.drain(0), 2 * secondUs);
  const next = await restarted(node, [agent]);
  await agent.join(next);
  await reports(next, agent, 0.96);
  assert.equal(agent.received.length, 1);
});
