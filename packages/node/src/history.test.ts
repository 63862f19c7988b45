import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryLogDisk, type MemoryLogDisk } from "./adapters/memory-log/index.ts";
import { secondUs, TestAgent, TestNode, type TestNodeOptions } from "./test-support.ts";

const average = `
rules:
  - name: busy
    expr: avg_over_time(cpu_usage, "10s") > 0.5 && count_over_time(cpu_usage, "10s") > 3
    action: restart
    deadline: 5s
`;

const msUs = 1000;

class Scene {
  node: TestNode;
  readonly agent: TestAgent;
  readonly logDisk: MemoryLogDisk;

  private constructor(node: TestNode, agent: TestAgent, logDisk: MemoryLogDisk) {
    this.node = node;
    this.agent = agent;
    this.logDisk = logDisk;
  }

  static async of(rules: string, options: TestNodeOptions = {}): Promise<Scene> {
    const logDisk = createMemoryLogDisk();
    const node = await new TestNode({ ...options, logDisk }).start();
    const agent = await new TestAgent(node.clock, { answers: true }).join(node);
    await node.apply(rules);
    return new Scene(node, agent, logDisk);
  }

  async reports(...values: readonly number[]): Promise<void> {
    for (const cpu_usage of values) {
      this.agent.report({ cpu_usage });
      await this.run(100 * msUs);
    }
  }

  async run(durationUs: number): Promise<void> {
    await this.node.clock.run(durationUs);
  }

  /** Ends the node as `kill -9` would, and begins its next run, without agents. */
  async restart(options: TestNodeOptions = {}): Promise<void> {
    const { node, logDisk } = this;
    await node.kill([this.agent]);
    const { clock } = node;
    const disk = node.store.disk;
    this.node = await new TestNode({ clock, disk, logDisk, seed: 2, ...options }).start();
  }

  latest(metric: string): number {
    return this.node.arc.engine.latestValue(0, metric);
  }
}

describe("after kill -9", () => {
  test("windows hold what came before, and rules act on it", async () => {
    const scene = await Scene.of(average);
    await scene.reports(0.9, 0.8, 0.9);
    await scene.restart();
    await scene.agent.join(scene.node);
    assert.equal(scene.latest("cpu_usage"), 0.9);
    await scene.reports(0.9);
    assert.equal(scene.agent.only.action, "restart");
  });

  test("a latest value is known that came before the first rule that reads it", async () => {
    const scene = await Scene.of("rules: []");
    await scene.reports(0.9);
    await scene.node.apply(average.replace(/expr: .*/, "expr: cpu_usage > 0.5 && mem > 0.5"));
    await scene.run(100 * msUs);
    await scene.restart();
    await scene.agent.join(scene.node);
    scene.agent.report({ mem: 0.9 });
    await scene.run(100 * msUs);
    assert.equal(scene.agent.only.action, "restart");
  });

  test("what came again is in windows once, and nothing acts twice", async () => {
    const scene = await Scene.of(average.replace("> 3", "> 5"));
    const sentAtUs = scene.node.clock.nowUs();
    await scene.reports(0.9, 0.8, 0.9);
    await scene.restart();
    await scene.agent.join(scene.node);
    for (const agoUs of [0, 100 * msUs, 200 * msUs])
      scene.agent.report({ cpu_usage: 0.9 }, sentAtUs + agoUs);
    await scene.reports(0.9, 0.9);
    assert.equal(scene.agent.received.length, 0);
    await scene.reports(0.9);
    await scene.restart();
    await scene.agent.join(scene.node);
    await scene.reports(0.9);
    assert.equal(scene.agent.received.length, 1);
  });

  test("what waited for older samples is not confirmed, and is in windows once when it came again", async () => {
    const settings = { latenessUs: 250 * msUs };
    const scene = await Scene.of(average, { settings });
    const { agent } = scene;
    const sentAtUs = scene.node.clock.nowUs();
    await scene.reports(0.9, 0.8, 0.9, 0.9);
    agent.ping();
    await scene.run(0);
    assert.equal(agent.confirmed, 2, "the last two wait");
    await scene.restart({ settings });
    await agent.join(scene.node);
    for (const agoUs of [100, 200, 300]) agent.report({ cpu_usage: 0.9 }, sentAtUs + agoUs * msUs);
    await scene.run(300 * msUs);
    assert.equal(scene.node.arc.engine.counters.late, 1);
    assert.equal(agent.received.length, 1);
  });

  test("events that came again are counted once", async () => {
    const rules = average.replace(/expr: .*/, `expr: 'count_events("call", "10s") > 3'`);
    const scene = await Scene.of(rules);
    const sentAtUs = scene.node.clock.nowUs();
    scene.agent.event("call", {});
    scene.agent.event("call", {});
    await scene.run(100 * msUs);
    await scene.restart();
    await scene.agent.join(scene.node);
    scene.agent.event("call", {}, scene.node.clock.nowUs() - sentAtUs);
    scene.agent.event("call", {});
    await scene.run(100 * msUs);
    assert.equal(scene.agent.received.length, 0);
    scene.agent.event("call", {});
    await scene.run(100 * msUs);
    assert.equal(scene.agent.received.length, 1);
  });

  test("what a part sends again that was away at the first of two starts is in windows once, and counted once", async () => {
    const rules = `
rules:
  - name: twice
    expr: event.type == "look"
    action: tell
    args: { samples: '\${count_over_time(cpu_usage, "1m")}', events: '\${count_events("call", "1m")}' }
`;
    const scene = await Scene.of(rules);
    const part = { part: "supervisor", actions: ["tell"], answers: true };
    const other = await new TestAgent(scene.node.clock, part).join(scene.node);
    const sentAtUs = scene.node.clock.nowUs();
    scene.agent.event("call", {});
    await scene.reports(0.9, 0.8);
    for (const _ of [1, 2]) {
      await scene.restart();
      await other.join(scene.node);
      await scene.run(100 * msUs);
    }
    await scene.agent.join(scene.node);
    scene.agent.event("call", {}, scene.node.clock.nowUs() - sentAtUs);
    scene.agent.report({ cpu_usage: 0.9 }, sentAtUs);
    scene.agent.report({ cpu_usage: 0.8 }, sentAtUs + 100 * msUs);
    await scene.run(100 * msUs);
    other.event("look", {});
    await scene.run(100 * msUs);
    assert.deepEqual(other.only.args, { samples: "2", events: "1" });
  });

  test("windows last over a second one, of agents too that were not back at the first", async () => {
    const scene = await Scene.of(average);
    const other = await new TestAgent(scene.node.clock, { id: "w2", answers: true }).join(
      scene.node,
    );
    other.report({ cpu_usage: 0.9 });
    await scene.reports(0.9, 0.8, 0.9);
    other.disconnect();
    await scene.restart();
    await scene.agent.join(scene.node);
    await scene.run(secondUs);
    await scene.restart();
    await scene.agent.join(scene.node);
    await other.join(scene.node);
    await scene.reports(0.9);
    assert.equal(scene.agent.received.length, 1);
    assert.equal(scene.node.arc.engine.latestValue(1, "cpu_usage"), 0.9);
  });

  test("an agent that is not back in time begins anew, after one more start too", async () => {
    const session = { resumeWindowUs: 2 * secondUs };
    const scene = await Scene.of(average, { session });
    await scene.reports(0.9, 0.8, 0.9);
    await scene.restart({ session });
    await scene.run(3 * secondUs);
    assert.equal(scene.node.arc.history?.waiting, 0);
    await scene.restart({ session });
    assert.equal(scene.node.arc.history?.waiting, 0);
    await scene.agent.join(scene.node);
    await scene.reports(0.9);
    assert.deepEqual(scene.agent.received, []);
  });

  test("an agent that said goodbye begins anew", async () => {
    const scene = await Scene.of(average);
    await scene.reports(0.9, 0.8, 0.9);
    scene.agent.leave();
    await scene.run(100 * msUs);
    await scene.restart();
    assert.equal(scene.node.arc.history?.waiting, 0);
  });

  test("the log stays bounded, and what is left of it is enough", async () => {
    const settings = { leastHistoryBytes: 1 << 17 };
    const scene = await Scene.of(average, { session: { resumeWindowUs: secondUs }, settings });
    const { history } = scene.node.arc;
    while ((history?.counters.appendedBytes ?? 0) < 1 << 20) {
      for (let number = 0; number < 40; number += 1) scene.agent.report({ cpu_usage: 0.9 });
      await scene.run(40 * msUs);
    }
    const kept = [...scene.logDisk.segments.values()].flat();
    const sizeBytes = kept.reduce((sum, entry) => sum + entry.byteLength, 0);
    assert.ok(sizeBytes < 1 << 19, `${sizeBytes} bytes`);
    await scene.restart();
    await scene.agent.join(scene.node);
    assert.equal(scene.latest("cpu_usage"), 0.9);
  });
});

test("what the disk refused is told anew once it takes something again", async () => {
  const scene = await Scene.of(average);
  await scene.reports(0.9);
  scene.logDisk.isBroken = true;
  await scene.reports(0.8);
  scene.logDisk.isBroken = false;
  await scene.reports(0.9);
  await scene.run(3 * secondUs);
  assert.ok(scene.node.notices.some(({ kind }) => kind === "store-error"));
  await scene.restart();
  await scene.agent.join(scene.node);
  await scene.reports(0.9);
  assert.equal(scene.agent.only.action, "restart");
});

test("no record of what began something is kept while the disk refuses what was begun", async () => {
  const scene = await Scene.of(
    "rules: [{ name: busy, expr: cpu_usage > 0.5 for 1s, action: restart, deadline: 5s }]",
  );
  await scene.reports(0.1);
  scene.node.store.disk.isBroken = true;
  await scene.reports(0.9, 0.9);
  scene.node.store.disk.isBroken = false;
  await scene.restart();
  await scene.agent.join(scene.node);
  assert.equal(scene.latest("cpu_usage"), 0.1);
  await scene.reports(0.9);
  await scene.run(secondUs);
  await scene.reports(0.9);
  assert.equal(scene.agent.only.action, "restart");
});

test("a node that drains keeps what came last", async () => {
  const scene = await Scene.of(average);
  await scene.reports(0.9, 0.8, 0.9);
  scene.agent.report({ cpu_usage: 0.85 });
  await scene.run(0);
  await scene.node.settle(scene.node.arc.drain(0), secondUs);
  await scene.restart();
  await scene.agent.join(scene.node);
  assert.equal(scene.latest("cpu_usage"), 0.85);
});

test("what an agent sends while a draining node waits for its log is not taken any more", async () => {
  const scene = await Scene.of(average);
  await scene.reports(0.9);
  scene.logDisk.delayUs = 100 * msUs;
  scene.agent.report({ cpu_usage: 0.85 });
  await scene.run(0);
  const drained = scene.node.arc.drain(0);
  scene.agent.report({ cpu_usage: 0.8 });
  await scene.node.settle(drained, secondUs);
  assert.equal(scene.latest("cpu_usage"), 0.85);
  await scene.restart();
  await scene.agent.join(scene.node);
  assert.equal(scene.latest("cpu_usage"), 0.85);
});

test("of windows that pass to buckets elsewhere nothing is taken up, and that is told", async () => {
  const scene = await Scene.of(average);
  await scene.reports(0.9);
  await scene.restart({ settings: { windowSamples: 8 } });
  assert.deepEqual(
    scene.node.notices.map(({ kind }) => kind),
    ["windows-lost"],
  );
});
