import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAgentId } from "@myelin/core/ids";
import { TestAgent, TestNode } from "./test-support.ts";

const lookUs = 100_000;
/** Looks that relief is given to show before the next step. */
const patience = 5;
/** More than a connection's share, sent at once. */
const floodFrames = 200;

const lowMetrics = ["alpha", "beta", "gamma", "delta", "epsilon"];
const rules = `
rules:
  - { name: stop, expr: stop > 0, action: stop, priority: 10, deadline: 5s }
${lowMetrics.map((name) => `  - { name: ${name}, expr: ${name} > 0, action: low, priority: 1, deadline: 5s }`).join("\n")}
`;

interface Fleet {
  readonly node: TestNode;
  /** Share of its memory that the node uses. */
  readonly use: { memoryShare: number };
  /** Lets an agent send more than its share. */
  readonly flood: () => void;
  /** How many frames of all floods the node has read. */
  readonly readOfFloods: () => number;
  /** Lets an agent within its share fire rules of low score, and one of a high score. */
  readonly fire: () => Promise<void>;
  /** What that agent has been told to do since it was last asked. */
  readonly told: () => string[];
  readonly looks: (count: number) => Promise<void>;
}

async function fleet(): Promise<Fleet> {
  const use = { memoryShare: 0 };
  const node = await new TestNode({
    resources: { read: () => ({ loopShare: 0, ...use }) },
    settings: { maxQueuedOverloaded: 2, overloadIntervalUs: lookUs, maxDelayUs: 400_000 },
    session: { inlineBurstBytes: 2048, inlineBytesPerSecond: 16_384 },
  }).start();
  const join = { actions: ["stop", "low"], answers: true };
  const calm = await new TestAgent(node.clock, { id: "calm", ...join }).join(node);
  const flooding = await new TestAgent(node.clock, { id: "flooding", ...join }).join(node);
  await node.apply(rules);
  const metrics = ["stop", ...lowMetrics];
  let [sent, seen] = [0, 0];
  return {
    node,
    use,
    flood: () => {
      for (let frame = 0; frame < floodFrames; frame++) flooding.report({ flood: ++sent });
    },
    readOfFloods: () => {
      const slot = node.arc.registry.get(parseAgentId("flooding"))?.slot ?? -1;
      return node.arc.insight.value(slot, "flood") ?? 0;
    },
    fire: async () => {
      for (const value of [0, 1]) {
        calm.report(Object.fromEntries(metrics.map((name) => [name, value])));
        await node.clock.run(1000);
      }
    },
    told: () => {
      const actions = calm.received.slice(seen).map(({ action }) => action);
      seen = calm.received.length;
      return actions;
    },
    looks: async (count) => await node.clock.run(count * lookUs),
  };
}

/** What has ended with an error. */
function shedOf(node: TestNode): string[] {
  return node.ended.flatMap(({ action, error }) =>
    error === undefined ? [] : [`${action} ${error.code}`],
  );
}

const allLow = lowMetrics.map(() => "low");

test("a loaded node reads no bulk, then delays low scores, then sheds them, and goes back step by step", async () => {
  const { node, use, flood, readOfFloods, fire, told, looks } = await fleet();
  flood();
  await fire();
  assert.equal(readOfFloods(), floodFrames);
  assert.deepEqual(told(), ["stop", ...allLow]);

  use.memoryShare = 0.9;
  await looks(1);
  flood();
  await fire();
  const read = readOfFloods();
  assert.ok(read < 2 * floodFrames, `bulk is not read any more, ${read} frames are`);
  assert.deepEqual(told(), ["stop", ...allLow], "nothing is delayed yet");

  await looks(patience);
  await fire();
  assert.deepEqual(told(), ["stop"], "low scores are delayed");
  await looks(patience);
  assert.deepEqual(told(), allLow, "age has let them go");
  assert.deepEqual(shedOf(node), [], "nothing is shed yet");

  await fire();
  assert.deepEqual(told(), ["stop"]);
  const shedLow = Array.from({ length: 4 }, () => "low SHED");
  assert.deepEqual(shedOf(node), shedLow, "the queue has two places, of which stop took one");

  use.memoryShare = 0.1;
  await looks(1);
  await fire();
  assert.deepEqual(told(), ["stop"], "low scores are delayed still");
  assert.equal(shedOf(node).length, 4, "and not shed any more");
  await looks(1);
  assert.deepEqual(
    told(),
    Array.from({ length: 6 }, () => "low"),
    "nothing is delayed any more",
  );
  assert.equal(readOfFloods(), read);
  await looks(1);
  assert.equal(readOfFloods(), 2 * floodFrames, "bulk is read again, and none of it is lost");

  const { level, waiting, bulkFramesHeld, delayed, shed } = node.arc.overloadFigures();
  assert.deepEqual(
    { level, waiting, bulkFramesHeld, delayed },
    { level: 0, waiting: 0, bulkFramesHeld: read - floodFrames, delayed: 15 },
  );
  assert.deepEqual(shed, { queue: 0, overload: 4, agent: 0, open: 0 });
});
