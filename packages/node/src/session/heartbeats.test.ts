import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import type { PartStateName } from "@myelin/core/wire";
import { type WireAgent, World, type WorldOptions } from "./test-support.ts";

const worldOf = (options: WorldOptions = {}): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), options);

const secondUs = 1e6;

function vouch(agent: WireAgent, part: string, state: PartStateName): void {
  agent.send((writer) => writer.partState({ part, state }));
}

/** Stops an agent as SIGSTOP does: it reads and says nothing. */
function hang(agent: WireAgent): void {
  agent.answersPings = false;
}

describe("heartbeats", () => {
  test("go both ways: the node pings each interval, and answers pings at once with what it has got", () => {
    const world = worldOf();
    const agent = world.join();
    world.clock.advance(3 * secondUs);
    const young = agent.pings.length;
    world.clock.advance(10 * secondUs);
    assert.equal(agent.pings.length - young, 20);
    agent.report([1], { name: "m", sequence: 41 });
    const sentAtUs = world.clock.nowUs();
    agent.ping();
    world.clock.advance(0);
    assert.deepEqual(agent.pongs, [
      { pingSentAtUs: sentAtUs, receivedAtUs: sentAtUs, sentAtUs, telemetrySequence: 41 },
    ]);
  });

  test("of a young session come four times as often, so that its clock is soon known", () => {
    const world = worldOf();
    const agent = world.join();
    world.clock.advance(secondUs);
    assert.equal(agent.pings.length, 9);
  });

  test("keep the age of an agent's heartbeat within one interval while it answers", () => {
    const world = worldOf();
    world.join({ beats: true });
    world.clock.advance(20 * secondUs);
    const late = world.ages.filter(({ seconds }) => seconds > 0.5);
    assert.deepEqual(late, []);
    assert.ok(world.ages.length >= 160 - 1, "four looks an interval");
  });

  test("that stop are noticed within two intervals, and so are those that begin again", () => {
    const world = worldOf();
    const agent = world.join({ beats: true });
    world.clock.advance(20 * secondUs);
    const session = world.session();
    assert.equal(session.answers(world.clock.nowUs()), true);
    hang(agent);
    world.clock.advance(secondUs);
    assert.equal(session.answers(world.clock.nowUs()), false);
    assert.ok(world.ageOf("a1") > 0.75 && world.ageOf("a1") <= 1, `${world.ageOf("a1")} s`);
    world.clock.advance(2 * secondUs);
    assert.ok(world.ageOf("a1") > 2.5);
    assert.equal(session.isLive, true);
    agent.answersPings = true;
    world.clock.advance(secondUs);
    assert.equal(session.answers(world.clock.nowUs()), true);
    assert.ok(world.ageOf("a1") <= 0.5);
  });

  test("are those of the agent's worst part, present or away", () => {
    const world = worldOf();
    const app = world.join({ beats: true });
    const supervisor = world.join({ part: "supervisor", beats: true });
    world.clock.advance(5 * secondUs);
    hang(app);
    world.clock.advance(3 * secondUs);
    assert.ok(world.ageOf("a1") > 2.5);
    app.break();
    world.clock.advance(3 * secondUs);
    assert.ok(world.ageOf("a1") > 5.5);
    assert.equal(supervisor.end, undefined);
  });

  test("of a part that left do not count", () => {
    const world = worldOf();
    const app = world.join({ beats: true });
    world.join({ part: "supervisor", beats: true });
    app.leave();
    world.clock.advance(3 * secondUs);
    assert.ok(world.ageOf("a1") <= 0.5);
  });
});

describe("a part that another holds still", () => {
  test("does not count as hung, and is given time to speak when it runs again", () => {
    for (const state of ["paused", "throttled"] as const) {
      const world = worldOf();
      const app = world.join({ beats: true });
      const supervisor = world.join({ part: "supervisor", beats: true });
      world.clock.advance(5 * secondUs);
      vouch(supervisor, "app", state);
      world.clock.advance(0);
      assert.equal(world.session().answers(world.clock.nowUs()), false);
      hang(app);
      world.clock.advance(20 * secondUs);
      assert.ok(world.ageOf("a1") <= 0.5);
      assert.equal(app.end, undefined, "nor does its connection count as dead");
      assert.equal(world.session().part.hold, state);
      world.ages.length = 0;
      app.answersPings = true;
      vouch(supervisor, "app", "running");
      world.clock.advance(2 * secondUs);
      assert.deepEqual(
        world.ages.filter(({ seconds }) => seconds > 0.5),
        [],
      );
    }
  });

  test("counts again when it runs and still says nothing", () => {
    const world = worldOf();
    const app = world.join({ beats: true });
    const supervisor = world.join({ part: "supervisor", beats: true });
    vouch(supervisor, "app", "paused");
    hang(app);
    world.clock.advance(5 * secondUs);
    vouch(supervisor, "app", "running");
    world.clock.advance(2 * secondUs);
    assert.ok(world.ageOf("a1") > 1.5);
  });

  test("is not thought to have spoken when the part that let it run leaves", () => {
    const world = worldOf();
    const app = world.join({ beats: true });
    const supervisor = world.join({ part: "supervisor", beats: true });
    vouch(supervisor, "app", "paused");
    vouch(supervisor, "app", "running");
    hang(app);
    world.clock.advance(3 * secondUs);
    supervisor.leave();
    world.clock.advance(secondUs);
    assert.ok(world.ageOf("a1") > 3);
  });

  test("counts again when nobody vouches for it any more", () => {
    const world = worldOf();
    const app = world.join({ beats: true });
    const supervisor = world.join({ part: "supervisor", beats: true });
    vouch(supervisor, "app", "paused");
    hang(app);
    world.clock.advance(5 * secondUs);
    supervisor.break();
    world.clock.advance(5 * secondUs);
    assert.equal(world.session().part.hold, "paused", "while it can come back it vouches");
    world.clock.advance(30 * secondUs);
    assert.equal(world.session().part.hold, "running");
  });

  test("is still vouched for by the same life in another session, and not by another life", () => {
    const world = worldOf();
    world.join({ beats: true });
    const supervisor = world.join({ part: "supervisor" });
    vouch(supervisor, "app", "paused");
    world.clock.advance(0);
    const again = world.join({ part: "supervisor" });
    assert.equal(world.session().part.hold, "paused");
    world.join({ part: "supervisor", incarnation: "life-2" });
    assert.equal(world.session().part.hold, "running");
    assert.equal(again.goodbye.code, "TAKEN_OVER");
  });

  test("is not itself, nor a part that nobody knows", () => {
    const world = worldOf();
    const app = world.join();
    vouch(app, "app", "paused");
    vouch(app, "nobody", "paused");
    world.clock.advance(0);
    assert.equal(world.session().part.hold, "running");
    assert.equal(app.end, undefined);
  });
});

describe("silence", () => {
  test("that lasts makes the connection count as broken, and the session can be resumed", () => {
    const world = worldOf();
    const agent = world.join({ beats: true });
    hang(agent);
    world.clock.advance(10 * secondUs + 125_000);
    assert.equal(world.session().state.kind, "away");
    assert.notEqual(agent.end, undefined);
    assert.equal(world.told.at(-1), "detached a1/app HEARTBEAT_LOST");
    assert.equal(world.join({}, { resume: agent.resume }).welcome?.isResumed, true);
  });

  test("does not include the time in which the node itself did not run", () => {
    const world = worldOf();
    world.join({ beats: true });
    world.clock.advance(5 * secondUs);
    const heardUs = world.session().lastHeardUs;
    world.ages.length = 0;
    // Nothing is heard in the stall: the agent's own timers are stopped too.
    world.stall(20 * secondUs);
    assert.ok(world.clock.nowUs() - heardUs > 20 * secondUs);
    assert.deepEqual(
      world.ages.filter(({ seconds }) => seconds > 1),
      [],
    );
    assert.equal(world.session().isLive, true);
    assert.ok(world.ages.length <= 4, "looks that were missed are not made up for");
  });

  test("before a session was resumed is no silence of the resumed one", () => {
    const world = worldOf();
    const first = world.join();
    first.break();
    world.clock.advance(20 * secondUs);
    assert.ok(world.ageOf("a1") >= 19, "while it is away it is silent");
    world.join({ answersPings: false }, { resume: first.resume });
    world.clock.advance(125_000);
    assert.ok(world.ageOf("a1") <= 0.125);
  });

  test("of an agent that has left is not told", () => {
    const world = worldOf();
    world.join().break();
    world.clock.advance(60 * secondUs);
    assert.equal(world.agent().slot, undefined);
    assert.ok(world.ageOf("a1") < 30);
  });

  test("does not include the time in which frames of the connection wait in the node", () => {
    // A quantum of nothing handles one frame a turn, and a turn takes a second here.
    const world = worldOf({
      settings: { bulkQuantumUs: 0, inlineBurstBytes: 0 },
      onApply: (busy) => busy.clock.schedule(0, () => undefined),
    });
    const agent = world.join({ id: "flooder" });
    const { clock } = world;
    const defer = clock.defer.bind(clock);
    hang(agent);
    for (let count = 0; count < 10; count++) agent.report([count], { name: "m" });
    clock.defer = (callback) => void clock.schedule(secondUs, callback);
    clock.advance(8 * secondUs);
    assert.ok(world.session("flooder").state.kind === "live");
    assert.ok(world.taken.length < 10, "frames still wait");
    assert.deepEqual(
      world.ages.filter(({ seconds }) => seconds > 0.5),
      [],
    );
    clock.defer = defer;
  });
});

test("a look at many agents yields to other work, and misses none of them", () => {
  const world = worldOf();
  const count = 600;
  for (let number = 0; number < count; number++)
    world.join({ id: `a${number}`, answersPings: false });
  world.ages.length = 0;
  const sizes: number[] = [];
  let before = 0;
  world.onTurnEnd = () => {
    sizes.push(world.ages.length - before);
    before = world.ages.length;
  };
  world.clock.advance(world.settings.heartbeatIntervalUs / 4);
  assert.equal(Math.max(...sizes), 32);
  assert.equal(sizes.length, Math.ceil(count / 32));
  assert.equal(new Set(world.ages.map(({ agent }) => agent)).size, count);
});

test("when an agent was last seen is noted while it is there, and when it has left", () => {
  const world = worldOf();
  const agent = world.join({ beats: true });
  world.clock.advance(10 * secondUs);
  const left = world.join({ id: "a2" });
  world.clock.advance(60_000);
  left.leave();
  world.clock.advance(0);
  assert.equal(world.agent("a2").lastSeenUs, world.clock.nowUs());
  const session = world.session();
  assert.ok(world.agent().lastSeenUs >= world.clock.nowUs() - 500_000);
  assert.equal(session.part.lastSeenUs, world.agent().lastSeenUs);
  hang(agent);
  world.clock.advance(50 * secondUs);
  assert.equal(world.station.sessionCount, 0);
  assert.equal(world.agent().lastSeenUs, session.lastHeardUs);
});
