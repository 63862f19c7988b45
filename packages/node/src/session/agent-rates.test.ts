import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { AgentRates, nothingSpent } from "./agent-rates.ts";
import { defaultSessionSettings, type SessionSettings } from "./settings.ts";
import { originUs, type WireAgent, World } from "./test-support.ts";

const secondUs = 1e6;

/** A world of low rates in which an agent is ahead of one of them soon. */
const worldOf = (settings: Partial<SessionSettings>): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), { settings });

/** What an agent was told of its telemetry, one entry for each change. */
const paused = ({ flow }: WireAgent): boolean[] =>
  flow.map(({ isTelemetryPaused }) => isTelemetryPaused);

const event = (agent: WireAgent): void =>
  agent.send((writer) => writer.event({ type: "tool_call", timeUs: originUs, attributes: {} }));

describe("an agent ahead of its rates", () => {
  const cases: readonly (readonly [
    rate: "frames" | "samples" | "events" | "bytes",
    settings: Partial<SessionSettings>,
    send: (agent: WireAgent) => void,
  ])[] = [
    ["frames", { maxFramesPerSecond: 20 }, (agent) => agent.ping()],
    ["samples", { maxSamplesPerSecond: 200 }, (agent) => agent.report(Array(10).fill(1))],
    ["events", { maxEventsPerSecond: 20 }, event],
    ["bytes", { maxBytesPerSecond: 4000 }, (agent) => agent.report(Array(20).fill(1))],
  ];
  for (const [rate, settings, send] of cases) {
    test(`of ${rate} by a burst is told to hold its telemetry, and to go on when half of it is left`, () => {
      const world = worldOf(settings);
      const agent = world.join({ answersPings: false });
      agent.report([], { name: "m" });
      for (let count = 0; count < 15; count++) send(agent);
      world.clock.advance(0);
      assert.deepEqual(paused(agent), []);
      for (let count = 0; count < 12; count++) send(agent);
      world.clock.advance(0);
      assert.deepEqual(paused(agent), [true]);
      assert.deepEqual(world.station.rates.exceeded, {
        ...{ frames: 0, samples: 0, events: 0, bytes: 0 },
        [rate]: 1,
      });
      world.clock.advance(0.4 * secondUs);
      assert.deepEqual(paused(agent), [true]);
      world.clock.advance(0.6 * secondUs);
      assert.deepEqual(paused(agent), [true, false]);
      assert.equal(world.session().throttled, 1);
      assert.equal(world.session().isLive, true);
    });
  }

  test("is heard meanwhile: its heartbeats are answered and its acknowledgements taken", () => {
    const world = worldOf({ maxEventsPerSecond: 10 });
    const agent = world.join({ answersPings: false });
    for (let count = 0; count < 12; count++) event(agent);
    world.clock.advance(0);
    assert.deepEqual(paused(agent), [true]);
    agent.ping();
    agent.send((writer) =>
      writer.acknowledgement({
        instructionId: "i1",
        status: "received",
        receivedAtUs: originUs,
        begunAtUs: originUs,
        endedAtUs: 0,
        action: "",
      }),
    );
    world.clock.advance(0);
    assert.equal(agent.pongs.length, 1);
    assert.equal(world.acknowledged.length, 1);
    assert.equal(world.station.rates.held, 0);
  });

  test("that goes on is not read, loses nothing, and its silence does not count", () => {
    const world = worldOf({ maxEventsPerSecond: 10, deadConnectionUs: secondUs });
    const agent = world.join({ beats: true });
    const other = world.join({ id: "b1", beats: true });
    const sent = 60;
    for (let count = 0; count < sent; count++) {
      event(agent);
      world.clock.advance(1000);
    }
    assert.ok(world.taken.length >= 20 && world.taken.length <= 22, `${world.taken.length} taken`);
    assert.equal(world.station.rates.held, 1);
    event(other);
    world.clock.advance(0);
    assert.equal(world.taken.at(-1)?.session, "b1");
    world.clock.advance(30 * secondUs);
    assert.equal(world.taken.filter(({ session }) => session === "a1").length, sent);
    assert.equal(world.session().isLive, true);
    assert.equal(paused(agent).at(-1), false);
  });

  test("has one share for all its parts, and no other with a new session", () => {
    const world = worldOf({ maxEventsPerSecond: 10 });
    const app = world.join({ part: "app", answersPings: false });
    const second = world.join({ part: "second", answersPings: false });
    for (let count = 0; count < 6; count++) event(app);
    world.clock.advance(0);
    assert.deepEqual(paused(app), []);
    for (let count = 0; count < 6; count++) event(second);
    world.clock.advance(0);
    assert.deepEqual([paused(app), paused(second)], [[], [true]]);
    app.leave();
    second.leave();
    world.clock.advance(0);
    assert.equal(world.station.sessionCount, 0);
    const again = world.join({ incarnation: "life-2", answersPings: false });
    event(again);
    world.clock.advance(0);
    assert.deepEqual(paused(again), [true]);
  });

  test("takes nothing of another agent's share", () => {
    const world = worldOf({ maxEventsPerSecond: 10 });
    const noisy = world.join({ answersPings: false });
    const quiet = world.join({ id: "b1", answersPings: false });
    for (let count = 0; count < 30; count++) event(noisy);
    for (let count = 0; count < 5; count++) event(quiet);
    world.clock.advance(0);
    assert.deepEqual(paused(quiet), []);
  });

  test("is ten bursts ahead at the most, whatever one frame brought", () => {
    const world = worldOf({ maxSamplesPerSecond: 10 });
    const agent = world.join({ answersPings: false });
    agent.report(Array(10_000).fill(1), { name: "m" });
    world.clock.advance(10 * secondUs);
    assert.deepEqual(paused(agent), [true, false]);
    agent.report([2]);
    world.clock.advance(0);
    assert.equal(world.taken.at(-1)?.value, 2);
  });

  test("that loses its connection while it is not read can resume, and is told anew", () => {
    const world = worldOf({ maxEventsPerSecond: 10 });
    const agent = world.join({ answersPings: false });
    for (let count = 0; count < 40; count++) event(agent);
    world.clock.advance(0);
    assert.equal(world.station.rates.held, 1);
    agent.break();
    assert.equal(world.session().state.kind, "away");
    const again = world.connect({ answersPings: false });
    again.hello({ resume: agent.resume });
    event(again);
    world.clock.advance(0);
    assert.deepEqual(paused(again), [true]);
    world.clock.advance(10 * secondUs);
    assert.deepEqual(paused(again), [true, false]);
  });
});

test("an agent within its rates is never told to hold, however long it goes on", () => {
  const world = worldOf({ maxEventsPerSecond: 10 });
  const agent = world.join({ beats: true });
  for (let count = 0; count < 300; count++) {
    event(agent);
    world.clock.advance(secondUs / 10);
  }
  assert.deepEqual(paused(agent), []);
  assert.equal(world.taken.length, 300);
});

test("rates that are never reached cost nothing of one another", () => {
  const rates = new AgentRates(defaultSessionSettings);
  const spending = nothingSpent();
  let nowUs = originUs;
  let mostUs = 0;
  for (let frame = 0; frame < 10_000; frame++) {
    mostUs = Math.max(mostUs, rates.spend(spending, nowUs, 100, 1, 900));
    nowUs += 100;
  }
  assert.ok(mostUs <= rates.burstUs, `${mostUs} us ahead`);
});
