import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { seededRandom } from "@myelin/core/random";
import { originUs, type WireAgent, World, type WorldOptions, writeSample } from "./test-support.ts";

const worldOf = (options: WorldOptions = {}): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), options);

const secondUs = 1e6;

function sampleTimes(world: World): number[] {
  return world.taken.filter(({ kind }) => kind === "sample").map(({ timeUs }) => timeUs);
}

/** What a pong says whose two ways took `rttUs` in all. */
function pongAfter(world: World, agent: WireAgent, aheadUs: number, rttUs: number): void {
  const nowUs = world.clock.nowUs();
  agent.send((writer) =>
    writer.pong({
      pingSentAtUs: nowUs - rttUs,
      receivedAtUs: nowUs - rttUs / 2 + aheadUs,
      sentAtUs: nowUs - rttUs / 2 + aheadUs,
      telemetrySequence: 0,
    }),
  );
}

describe("an agent's instants", () => {
  test("are placed on the node's clock by the offset that heartbeats tell", () => {
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agent = world.join({ clock: clock.skewed({ offsetUs: 7 * secondUs }), beats: true });
    clock.advance(secondUs);
    agent.report([1], { name: "m" });
    clock.advance(0);
    assert.deepEqual(sampleTimes(world), [originUs + secondUs]);
    const session = world.session();
    assert.equal(session.clockOffset.offsetUs, 7 * secondUs);
    assert.equal(session.toNodeTimeUs(originUs + 9 * secondUs), originUs + 2 * secondUs);
  });

  test("rest on the hello's time until there was a heartbeat", () => {
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agent = world.connect({
      clock: clock.skewed({ offsetUs: -40 * secondUs }),
      answersPings: false,
    });
    agent.hello();
    agent.report([1], { name: "m" });
    clock.advance(0);
    assert.deepEqual(sampleTimes(world), [originUs]);
    assert.equal(world.session().clockOffset.hasExchange, false);
  });

  test("rest on the heartbeat with the least round trip", () => {
    const world = worldOf();
    const agent = world.join({ answersPings: false });
    pongAfter(world, agent, 900, 2000);
    pongAfter(world, agent, 100, 400);
    pongAfter(world, agent, 5000, 20_000);
    world.clock.advance(0);
    assert.equal(world.session().clockOffset.offsetUs, 100);
    assert.equal(world.session().clockOffset.rttUs, 400);
  });

  test("of samples, events and twins never go back, however the offset is corrected", () => {
    const random = seededRandom(11);
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agentClock = clock.skewed({ offsetUs: 3 * secondUs, driftPpm: 80 });
    const agent = world.join({ clock: agentClock, answersPings: false });
    for (let round = 1; round <= 2000; round++) {
      clock.advance(Math.round(random.float() * 4000));
      const trueAheadUs = agentClock.nowUs() - clock.nowUs();
      if (random.float() < 0.2)
        pongAfter(
          world,
          agent,
          trueAheadUs + (random.float() - 0.5) * 900,
          200 + random.float() * 1000,
        );
      const timeUs = agentClock.nowUs();
      const kind = Math.floor(random.float() * 3);
      if (kind === 0) agent.report([round], { name: "m" });
      if (kind === 1) agent.send((writer) => writer.event({ type: "e", attributes: {}, timeUs }));
      if (kind === 2)
        agent.send((writer) =>
          writer.twinDelta({ version: round, isFull: true, patch: {}, timeUs }),
        );
      clock.advance(0);
    }
    let latestUs = 0;
    for (const { timeUs, kind } of world.taken) {
      // A sample's instant is rounded by the agent, so it may lie half a microsecond off.
      assert.ok(timeUs >= latestUs - 1, `${kind} went back by ${latestUs - timeUs} µs`);
      assert.ok(Number.isInteger(timeUs), `${timeUs} is whole`);
      latestUs = Math.max(latestUs, timeUs);
    }
    assert.ok(world.taken.length > 1500);
    assert.ok(Math.abs(latestUs - clock.nowUs()) < 5000, "and they are about right");
  });

  test("that were sampled before a declaration of names alone keep their place", () => {
    const world = worldOf();
    const agent = world.join();
    agent.report([1], { name: "m" });
    world.clock.advance(secondUs);
    agent.send((writer) =>
      writer.samples({
        names: [{ id: 2, name: "n" }],
        baseTimeUs: 0,
        metrics: [],
        values: new Float64Array(0),
        offsetsUs: undefined,
        count: 0,
      }),
    );
    agent.report([2]);
    world.clock.advance(0);
    assert.deepEqual(sampleTimes(world), [originUs, originUs + secondUs]);
    assert.equal(world.session().intake.metricNamesKnown, 2);
  });
});

describe("a step of the agent's clock", () => {
  const line = (world: World): string => world.slots.lines.get("0/1") ?? "";

  test("that its ping tells begins a new time line, and its instants are right at once", () => {
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agentClock = clock.skewed();
    const agent = world.join({ clock: agentClock });
    clock.advance(5 * secondUs);
    const before = line(world);
    agentClock.step(-3600 * secondUs);
    agent.timeLine = "t2";
    agent.ping();
    agent.report([1], { name: "m" });
    clock.advance(0);
    assert.notEqual(line(world), before);
    assert.deepEqual(sampleTimes(world), [originUs + 5 * secondUs]);
    const after = line(world);
    clock.advance(5 * secondUs);
    assert.equal(line(world), after, "one step, one time line");
  });

  test("that only its answers show begins a new time line too", () => {
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agentClock = clock.skewed();
    const agent = world.join({ clock: agentClock });
    clock.advance(5 * secondUs);
    const before = line(world);
    agentClock.step(3600 * secondUs);
    clock.advance(secondUs);
    assert.notEqual(line(world), before);
    agent.report([1], { name: "m" });
    clock.advance(0);
    assert.deepEqual(sampleTimes(world), [clock.nowUs()]);
  });

  test("between two connections is told by the hello that resumes", () => {
    const clock = new VirtualClock(originUs);
    const world = worldOf({ clock });
    const agentClock = clock.skewed();
    const first = world.join({ clock: agentClock });
    clock.advance(5 * secondUs);
    first.break();
    const before = line(world);
    agentClock.step(-3600 * secondUs);
    const second = world.connect({ clock: agentClock, answersPings: false });
    second.timeLine = "t2";
    second.hello({ resume: first.resume });
    second.report([1], { name: "m" });
    clock.advance(0);
    assert.notEqual(line(world), before);
    assert.deepEqual(sampleTimes(world), [clock.nowUs()]);
  });

  test("leaves the samples before it in the same frame to the old time line", () => {
    const world = worldOf();
    const agent = world.join();
    const lines: string[] = [];
    const apply = world.applied.bind(world);
    world.applied = (id) => {
      lines.push(line(world));
      apply(id);
    };
    const before = line(world);
    agent.send((writer) => {
      writer.header(originUs, 1);
      writeSample(writer);
      writer.ping({ sentAtUs: originUs + 9e9, timeLine: "t2" });
    });
    world.clock.advance(0);
    assert.deepEqual(lines, [before]);
    assert.notEqual(line(world), before);
  });
});

test("the frame in work is told by the instants of the frame that brought the samples", () => {
  const clock = new VirtualClock(originUs);
  const frames: { framedAtUs: number; arrivedAtUs: number }[] = [];
  const world = worldOf({
    clock,
    onApply: ({ station }) => {
      const { framedAtUs, arrivedAtUs } = station.frame;
      frames.push({ framedAtUs, arrivedAtUs });
    },
  });
  const agent = world.join({ clock: clock.skewed({ offsetUs: secondUs }) });
  clock.advance(secondUs);
  agent.report([1], { name: "m" });
  clock.advance(250);
  assert.deepEqual(frames, [{ framedAtUs: originUs + secondUs, arrivedAtUs: originUs + secondUs }]);
});
