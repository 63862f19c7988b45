// What the path from a frame of samples to the rules allocates, as the heap of a process of its own sees it.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Channel, ChannelHandler } from "@myelin/core/channel";
import { FrameWriter } from "@myelin/core/wire";
import { TestNode } from "./test-support.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const metricCount = 100;
/** Frames in a round; few enough that no collection comes in between. */
const framesInRound = 50;
const warmUpRounds = 50;
const measuredRounds = 9;

/** The far end of a channel that is written to by hand. */
const channel: Channel = {
  bufferedBytes: 0,
  send: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
  destroy: () => undefined,
};

let sequence = 0;

/** Writes frames of so many samples that no rule fires on. */
function framesOf(count: number): (nowUs: number) => Uint8Array {
  const metrics = Array.from({ length: count }, (_, index) => 1 + (index % metricCount));
  const values = Float64Array.from({ length: count }, (_, index) => index);
  const all = Array.from({ length: metricCount }, (_, index) => ({
    id: index + 1,
    name: `m${index}`,
  }));
  return (nowUs) => {
    const writer = new FrameWriter();
    writer.header(nowUs, ++sequence);
    const names = sequence === 1 ? all : [];
    const baseTimeUs = Math.round(nowUs);
    writer.samples({ names, metrics, baseTimeUs, values, offsetsUs: undefined, count });
    return writer.take();
  };
}

/** Bytes that the heap grows by for one frame of so many samples, in the middle of some rounds. */
async function bytesPerFrame(
  node: TestNode,
  handler: ChannelHandler,
  count: number,
): Promise<number> {
  const grown: number[] = [];
  const frameAt = framesOf(count);
  for (let round = 0; round < warmUpRounds + measuredRounds; round += 1) {
    const frames = Array.from({ length: framesInRound }, () => frameAt(node.clock.nowUs()));
    await node.clock.run(1e6);
    if (round >= warmUpRounds) collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (const frame of frames) handler.onFrame(frame);
    const after = process.memoryUsage().heapUsed;
    if (round >= warmUpRounds) grown.push((after - before) / framesInRound);
  }
  grown.sort((one, other) => one - other);
  return grown[measuredRounds >> 1] ?? Number.NaN;
}

test("a frame of 1,000 samples allocates what one of 10 does: nothing for each sample", async () => {
  const node = await new TestNode({
    session: { inlineBurstBytes: 1e9, inlineBytesPerSecond: 1e9 },
  }).start();
  const rules = Array.from(
    { length: 20 },
    (_, index) => `  - { name: r${index}, expr: m${index} > 1e9, action: restart }\n`,
  );
  await node.apply(`rules:\n${rules.join("")}`);
  const peer = { transport: "memory", address: "here", isLoopback: true } as const;
  const handler = node.arc.accept(channel, peer);
  const hello = new FrameWriter();
  hello.hello({
    protocolVersion: 1,
    agentId: "w1",
    agentType: "worker",
    part: "app",
    incarnation: "life-1",
    tier: "edge",
    capabilities: [],
    labels: {},
    actions: [],
    token: "",
    outcomes: [],
    sentAtUs: node.clock.nowUs(),
    timeLine: "t1",
    actionsFollow: false,
  });
  handler.onFrame(hello.take());
  const [few, many] = [
    await bytesPerFrame(node, handler, 10),
    await bytesPerFrame(node, handler, 1000),
  ];
  const samples = (warmUpRounds + measuredRounds) * framesInRound * 1010;
  assert.ok(node.arc.engine.counters.samples >= samples, "every sample was applied");
  const perSample = (many - few) / 990;
  assert.ok(perSample < 1, `${few} bytes a frame of 10, ${many} a frame of 1,000`);
});
