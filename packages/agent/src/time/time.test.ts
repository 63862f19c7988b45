import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SkewedClock, VirtualClock } from "@myelin/core/clock";
import { makeWorld, startUs } from "../../test/fake-node.ts";
import { AgentClock, Instants, NodeTime, systemClock, systemWallUs } from "./index.ts";

function clockWith(): { base: VirtualClock; wall: SkewedClock; clock: AgentClock } {
  const base = new VirtualClock(startUs);
  const wall = base.skewed();
  const clock = new AgentClock({ clock: base, wallUs: () => wall.nowUs(), name: "life" });
  return { base, wall, clock };
}

describe("an agent's clock", () => {
  test("begins at the wall clock, and does not follow its small corrections", () => {
    const { base, wall, clock } = clockWith();
    wall.step(900_000);
    base.advance(1000);
    assert.equal(clock.check(), 0);
    assert.equal(clock.nowUs(), startUs + 1000);
    assert.equal(clock.timeLine, "life-0");
  });

  test("takes a step of the wall clock at the next check, and begins a new time line", () => {
    const { base, wall, clock } = clockWith();
    wall.step(-10e6);
    base.advance(1000);
    assert.equal(clock.nowUs(), startUs + 1000);
    assert.equal(clock.check(), -10e6);
    assert.equal(clock.nowUs(), startUs + 1000 - 10e6);
    assert.equal(clock.timeLine, "life-1");
    assert.equal(clock.check(), 0);
    assert.equal(clock.monotonicUs(), startUs + 1000);
  });
});

describe("the instants of calls", () => {
  test("differ as long as they are at most a millisecond ahead of the clock", () => {
    let nowUs = 100.9;
    const instants = new Instants({ nowUs: () => nowUs });
    const first = Array.from({ length: 1100 }, () => instants.next());
    assert.deepEqual(first.slice(0, 3), [100, 101, 102]);
    assert.deepEqual(first.slice(-2), [1100, 1100]);
    nowUs = 600;
    assert.equal(instants.next(), 1101);
    nowUs = 5000;
    assert.equal(instants.next(), 5000);
  });

  test("follow the clock when it is set back", () => {
    let nowUs = 1e9;
    const instants = new Instants({ nowUs: () => nowUs });
    instants.next();
    nowUs = 1e6;
    assert.equal(instants.next(), 1e6);
  });
});

describe("the node's time", () => {
  test("is the agent's and the offset of the best exchange", () => {
    const { base, clock } = clockWith();
    const nodeTime = new NodeTime(() => clock.nowUs());
    assert.equal(nodeTime.nowUs(), clock.nowUs());
    assert.equal(nodeTime.uncertaintyUs, Number.POSITIVE_INFINITY);
    const sentUs = clock.nowUs();
    base.advance(100);
    const atNode = { receivedUs: sentUs + 5e6 + 50, answeredUs: sentUs + 5e6 + 50 };
    nodeTime.addExchange({ sentUs, ...atNode, arrivedUs: clock.nowUs() });
    assert.equal(nodeTime.offsetUs, 5e6);
    assert.equal(nodeTime.rttUs, 100);
    assert.ok(nodeTime.uncertaintyUs >= 50 && nodeTime.uncertaintyUs < 51);
    nodeTime.reset();
    assert.equal(nodeTime.offsetUs, 0);
  });

  test("goes on when the agent's clock is set back, and goes along when it leaps ahead", () => {
    for (const [byUs, expectedUs] of [
      [-30e6, 0],
      [30e6, 30e6],
    ] as const) {
      const { wall, clock } = clockWith();
      const nodeTime = new NodeTime(() => clock.nowUs());
      const sentUs = clock.nowUs();
      nodeTime.addExchange({ sentUs, receivedUs: sentUs, answeredUs: sentUs, arrivedUs: sentUs });
      wall.step(byUs);
      nodeTime.stepped(clock.check());
      assert.equal(nodeTime.nowUs() - startUs, expectedUs);
    }
  });
});

test("a step is told the node by a ping behind what was reported before it, and deadlines stay sound", async () => {
  const base = new VirtualClock(startUs);
  const wall = base.skewed();
  const { node, agent, clock } = makeWorld({ agent: { wallUs: () => wall.nowUs() } });
  // The agent's monotonic clock is the world's; only its wall clock is set.
  void agent.connect();
  agent.on("restart", () => null);
  await clock.run(1);
  agent.report({ a: 1 });
  wall.step(-3_600e6);
  node.instruct(
    { id: "i1", deadlineUs: node.nowUs() + 10 },
    { id: "i2", deadlineUs: node.nowUs() - 10 },
  );
  await clock.run(1);
  const withSample = node.frames.findIndex(({ samples }) => samples.length > 0);
  const withPing = node.frames.findIndex(({ pings }) => pings.length > 0);
  assert.ok(withSample >= 0 && withPing > withSample);
  assert.match(node.frames[withPing]?.pings[0]?.timeLine ?? "", /-1$/);
  assert.match(node.hellos[0]?.timeLine ?? "", /-0$/);
  assert.deepEqual(
    node.acknowledgements.map(({ instructionId, status }) => `${instructionId} ${status}`),
    ["i1 received", "i1 executed", "i2 expired"],
  );
  agent.report({ a: 2 });
  await clock.run(1);
  const [before, after] = node.samples;
  assert.ok((before?.timeUs ?? 0) - (after?.timeUs ?? 0) > 3_599e6);
});

test("a step back while the node is away is told behind what was reported before it", async () => {
  const base = new VirtualClock(startUs);
  const wall = base.skewed();
  const { node, agent, clock } = makeWorld({ agent: { wallUs: () => wall.nowUs() } });
  void agent.connect();
  await clock.run(1);
  node.cut();
  agent.report({ a: 1 });
  wall.step(-3_600e6);
  await clock.run(2e6);
  assert.match(node.hellos.at(-1)?.timeLine ?? "", /-0$/);
  const withSample = node.frames.findIndex(({ samples }) => samples.length > 0);
  const withStep = node.frames.findIndex(({ pings }) =>
    pings.some(({ timeLine }) => timeLine.endsWith("-1")),
  );
  assert.ok(withSample >= 0 && withStep > withSample);
});

test("what was not confirmed before a step back was told is not repeated behind it, but counted", async () => {
  const base = new VirtualClock(startUs);
  const wall = base.skewed();
  const { node, agent, clock } = makeWorld({ agent: { wallUs: () => wall.nowUs() } });
  void agent.connect();
  await clock.run(1);
  node.options = { isSilent: true };
  agent.report({ a: 1 });
  await clock.run(1);
  wall.step(-3_600e6);
  await clock.run(1.2e6);
  agent.report({ a: 2 });
  await clock.run(1);
  node.options = {};
  node.restart();
  await clock.run(2e6);
  assert.match(node.hellos.at(-1)?.timeLine ?? "", /-1$/);
  assert.deepEqual(
    node.samples.map(({ value }) => value),
    [1, 2, 2],
  );
  assert.equal(agent.statistics.droppedSamples, 1);
});

test("the system's clock tells the wall clock's time in microseconds, and calls back", async () => {
  assert.ok(Math.abs(systemClock.nowUs() - systemWallUs()) < 1e6);
  const { promise, resolve } = Promise.withResolvers<void>();
  let isCanceledCalled = false;
  systemClock
    .schedule(0, () => {
      isCanceledCalled = true;
    })
    .cancel();
  systemClock.defer(() => systemClock.schedule(1000, resolve));
  await promise;
  assert.equal(isCanceledCalled, false);
});
