import assert from "node:assert/strict";
import { test } from "node:test";
import type { EpisodeRecord } from "./ports/store.ts";
import { secondUs, TestAgent, TestNode, type TestNodeOptions } from "./test-support.ts";

const hot = `
rules:
  - name: hot
    expr: cpu_usage > 0.9
    for: 10s
    action: restart
    deadline: 5s
    timeout: 20s
`;

const msUs = 1000;

class Scene {
  node: TestNode;
  readonly agent: TestAgent;

  private constructor(node: TestNode, agent: TestAgent) {
    this.node = node;
    this.agent = agent;
  }

  static async of(rules = hot, options: TestNodeOptions = {}): Promise<Scene> {
    const node = await new TestNode(options).start();
    const agent = await new TestAgent(node.clock, { answers: true }).join(node);
    await node.apply(rules);
    return new Scene(node, agent);
  }

  /** Reports a value, and lets the node take it. */
  async reports(cpu_usage: number, agent: TestAgent = this.agent): Promise<void> {
    agent.report({ cpu_usage });
    await this.run(10 * msUs);
  }

  async run(durationUs: number): Promise<void> {
    await this.node.clock.run(durationUs);
  }

  /** Ends the node as `kill -9` would, and begins its next run, without agents. */
  async restart(): Promise<void> {
    const { node } = this;
    await node.kill([this.agent]);
    const { clock } = node;
    this.node = await new TestNode({ clock, disk: node.store.disk, seed: 2 }).start();
  }

  get kept(): EpisodeRecord[] {
    return [...(this.node.store.disk.episodes.get("w1")?.values() ?? [])];
  }

  get state(): string {
    return this.node.arc.engine.agentStates(0).map(({ state }) => state)[0] ?? "none";
  }

  get count(): number {
    return this.agent.received.length;
  }
}

test("what was pending goes on after kill -9 with its since, and down time counts", async () => {
  const scene = await Scene.of();
  const sinceUs = scene.node.clock.nowUs();
  await scene.reports(0.95);
  await scene.run(5 * secondUs);
  await scene.restart();
  await scene.run(3 * secondUs);
  await scene.agent.join(scene.node);
  assert.equal(scene.state, "pending");
  await scene.reports(0.96);
  assert.equal(scene.count, 0, "8 s are not yet 10 s");
  await scene.run(2 * secondUs);
  await scene.reports(0.97);
  assert.equal(scene.agent.only.episode?.startedAtUs, sinceUs);
  await scene.run(secondUs);
  assert.deepEqual(
    scene.kept.map(({ startedAtUs, attempt, pending }) => [startedAtUs, attempt, pending]),
    [[sinceUs, 1, undefined]],
  );
});

test("a false sample ends what was pending before kill -9, and unknown does not while values are missing", async () => {
  const rules = hot.replace("cpu_usage > 0.9", "cpu_usage > 0.9 && memory > 1");
  const scene = await Scene.of(rules);
  scene.agent.report({ memory: 2, cpu_usage: 0.95 });
  await scene.run(secondUs);
  await scene.restart();
  await scene.agent.join(scene.node);
  await scene.reports(0.95);
  assert.equal(scene.state, "pending");
  scene.agent.report({ memory: 2 });
  await scene.run(10 * msUs);
  assert.equal(scene.state, "pending");
  await scene.reports(0.5);
  assert.equal(scene.state, "inactive");
  await scene.run(secondUs);
  assert.deepEqual(scene.kept, []);
  await scene.run(10 * secondUs);
  await scene.reports(0.95);
  assert.equal(scene.count, 0);
});

test("what was pending in another meaning begins anew after kill -9", async () => {
  const scene = await Scene.of();
  await scene.reports(0.95);
  await scene.run(secondUs);
  await scene.restart();
  await scene.node.apply(hot.replace("10s", "11s"));
  await scene.agent.join(scene.node);
  assert.equal(scene.state, "inactive");
  await scene.run(20 * secondUs);
  await scene.reports(0.95);
  assert.deepEqual([scene.count, scene.state], [0, "pending"]);
});

test("what was pending in another incarnation begins anew after kill -9", async () => {
  const scene = await Scene.of();
  await scene.reports(0.95);
  await scene.run(20 * secondUs);
  await scene.restart();
  const reborn = new TestAgent(scene.node.clock, { incarnation: "life-2", answers: true });
  await reborn.join(scene.node);
  assert.equal(scene.state, "inactive");
  await scene.reports(0.95, reborn);
  assert.deepEqual([reborn.received.length, scene.state], [0, "pending"]);
});

test("what was pending waits on through a cooldown that outlives kill -9", async () => {
  const scene = await Scene.of(hot.replace("deadline", "cooldown: 1m\n    deadline"));
  await scene.reports(0.95);
  await scene.run(10 * secondUs);
  await scene.reports(0.95);
  assert.equal(scene.count, 1);
  await scene.reports(0.5);
  const sinceUs = scene.node.clock.nowUs();
  await scene.reports(0.95);
  await scene.run(20 * secondUs);
  await scene.restart();
  await scene.agent.join(scene.node);
  await scene.reports(0.96);
  assert.deepEqual([scene.count, scene.state], [1, "pending"]);
  await scene.run(40 * secondUs);
  await scene.reports(0.97);
  assert.equal(scene.agent.received[1]?.episode?.startedAtUs, sinceUs);
});

test("what is pending is not written when it came and went before the rows are, and is forgotten when it ends", async () => {
  const scene = await Scene.of();
  const { store } = scene.node;
  const save = store.saveEpisodes.bind(store);
  let writes = 0;
  store.saveEpisodes = (...args) => {
    writes += 1;
    return save(...args);
  };
  await scene.reports(0.95);
  await scene.reports(0.5);
  await scene.run(secondUs);
  assert.equal(writes, 0);
  await scene.reports(0.95);
  for (let number = 0; number < 100; number += 1) await scene.reports(0.96);
  assert.equal(writes, 1, "staying pending writes nothing");
  await scene.reports(0.5);
  await scene.run(secondUs);
  assert.deepEqual([writes, scene.kept], [2, []]);
});

test("what was pending ends on disk when its rule is off or means something else, and when its agent leaves or is not back", async () => {
  const scene = await Scene.of();
  await scene.reports(0.95);
  await scene.run(secondUs);
  assert.equal(scene.kept.length, 1);
  for (const rules of [`${hot}    mode: off`, hot.replace("10s", "11s"), hot]) {
    await scene.node.apply(rules);
    await scene.run(secondUs);
    assert.equal(scene.kept.length, 0, rules);
    await scene.reports(0.95);
    await scene.run(secondUs);
    assert.equal(scene.kept.length, rules.includes("off") ? 0 : 1);
  }
  scene.agent.leave();
  await scene.run(secondUs);
  assert.equal(scene.kept.length, 0, "its agent has left");
  scene.agent.welcome = undefined;
  await scene.agent.join(scene.node);
  await scene.reports(0.95);
  await scene.run(secondUs);
  await scene.restart();
  await scene.run(600 * secondUs);
  assert.equal(scene.kept.length, 0, "its agent did not come back");
});

test("an episode that fired right before kill -9, and never reached its agent, fires with the same id", async () => {
  const scene = await Scene.of();
  await scene.reports(0.95);
  await scene.run(9 * secondUs);
  scene.agent.freeze();
  await scene.run(secondUs);
  const { engine, sessions } = scene.node.arc;
  const nowUs = scene.node.clock.nowUs();
  engine.observe(0, 1, engine.metric("cpu_usage"), 0.96, nowUs, nowUs);
  sessions.endTurn();
  const [fired] = [...scene.node.arc.dispatch.open()];
  assert.ok(fired !== undefined);
  scene.agent.thaw();
  await scene.restart();
  await scene.agent.join(scene.node);
  await scene.reports(0.97);
  assert.equal(scene.agent.only.id, fired.id);
});

test("a node that is shut down keeps what is pending, too", async () => {
  const scene = await Scene.of();
  const sinceUs = scene.node.clock.nowUs();
  scene.agent.report({ cpu_usage: 0.95 });
  await scene.run(0);
  const { node } = scene;
  await node.settle(node.arc.drain(secondUs), secondUs);
  assert.equal(scene.kept[0]?.pending?.sinceUs, sinceUs);
});

for (const isBack of [true, false])
  test(`what was pending waits for a part that may have acted: it ${isBack ? "acts when that is back" : "begins anew when that is not back in time"}`, async () => {
    const scene = await Scene.of();
    const { clock } = scene.node;
    const other = await new TestAgent(clock, { part: "tools", answers: true }).join(scene.node);
    await scene.run(secondUs);
    other.disconnect();
    await scene.run(40 * secondUs);
    await scene.reports(0.95);
    await scene.run(20 * secondUs);
    await scene.restart();
    await scene.agent.join(scene.node);
    await scene.reports(0.96);
    assert.deepEqual([scene.count, scene.state], [0, "pending"]);
    if (isBack) await other.join(scene.node);
    else await scene.run(6 * secondUs);
    await scene.reports(0.97);
    assert.deepEqual([scene.count, scene.state], isBack ? [1, "firing"] : [0, "pending"]);
  });
