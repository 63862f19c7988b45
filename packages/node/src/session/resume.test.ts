import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { parseSessionId } from "@myelin/core/ids";
import { SessionTable } from "./session-table.ts";
import {
  instructionOf,
  originUs,
  type WireAgent,
  World,
  type WorldOptions,
} from "./test-support.ts";

const worldOf = (options: WorldOptions = {}): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), options);

const secondUs = 1e6;

function values(world: World): number[] {
  return world.taken.map(({ value }) => value);
}

describe("a session whose connection broke", () => {
  test("goes on over the next connection with its identity, its names and its telemetry sequence", () => {
    const world = worldOf();
    const first = world.join();
    first.report([1, 2], { name: "cpu_usage" });
    world.clock.advance(0);
    const session = world.session();
    first.break();
    assert.equal(session.state.kind, "away");
    assert.equal(session.isLive, false);
    world.clock.advance(29 * secondUs);
    const second = world.join({}, { resume: first.resume });
    assert.equal(world.session(), session);
    const { isResumed, sessionId, telemetrySequence, metricNamesKnown } =
      second.welcome ?? assert.fail("no welcome");
    assert.deepEqual(
      [isResumed, sessionId, telemetrySequence, metricNamesKnown],
      [true, first.resume.sessionId, 1, 1],
    );
    second.report([3], { sequence: 2 });
    world.clock.advance(0);
    assert.deepEqual(
      world.taken.map(({ name, value }) => [name, value]),
      [
        ["cpu_usage", 1],
        ["cpu_usage", 2],
        ["cpu_usage", 3],
      ],
    );
    assert.deepEqual(world.told, ["attached a1/app", "detached a1/app -", "resumed a1/app"]);
    assert.equal(world.slots.joined.size, 1);
  });

  test("passes over the telemetry that is told again, but not what else is in those frames", () => {
    const world = worldOf();
    const first = world.join();
    first.report([1], { name: "m" });
    first.report([2]);
    world.clock.advance(0);
    first.break();
    const second = world.connect();
    second.hello({ resume: first.resume });
    second.report([1], { name: "m", sequence: 1 });
    second.send((writer) => {
      writer.header(originUs, 2);
      writer.event({ type: "again", attributes: {}, timeUs: originUs });
      writer.twinDelta({ version: 404, isFull: false, patch: {}, timeUs: originUs });
      writer.ping({ sentAtUs: originUs, timeLine: "t1" });
    });
    second.report([3], { sequence: 3 });
    world.clock.advance(0);
    assert.deepEqual(values(world), [1, 2, 3]);
    assert.equal(second.pongs.length, 1);
    assert.equal(world.session().telemetrySequence, 3);
  });

  test("passes over what is told again in the very frame of the hello", () => {
    const world = worldOf();
    const first = world.join();
    first.report([1], { name: "m" });
    world.clock.advance(0);
    first.break();
    const second = world.connect();
    second.send((writer) => {
      writer.header(originUs, 1);
      writer.hello(second.helloOf({ resume: first.resume }));
      writer.event({ type: "again", attributes: {}, timeUs: originUs });
    });
    world.clock.advance(0);
    assert.deepEqual(values(world), [1]);
  });

  test("takes names from frames whose samples it has", () => {
    const world = worldOf();
    const first = world.join();
    first.report([1], { sequence: 5, name: "m" });
    world.clock.advance(0);
    first.break();
    const second = world.join({}, { resume: first.resume });
    second.send((writer) => {
      writer.header(originUs, 5);
      writer.samples({
        names: [
          { id: 1, name: "m" },
          { id: 2, name: "other" },
        ],
        metrics: [1],
        baseTimeUs: originUs,
        values: Float64Array.of(9),
        offsetsUs: undefined,
        count: 1,
      });
    });
    world.clock.advance(0);
    assert.equal(world.session().intake.metricNamesKnown, 2);
    assert.deepEqual(values(world), [1]);
  });

  test("drops what it had queued for the broken connection: who queued it is told of the next", () => {
    const world = worldOf();
    const first = world.join();
    const session = world.session();
    session.sendInstruction(instructionOf("i1"));
    first.nodeEnd?.destroy();
    world.clock.advance(0);
    assert.equal(session.sendInstruction(instructionOf("away")), 0);
    world.onAttachedHook = (again) => {
      again.sendInstruction(instructionOf("i1"));
      again.sendInstruction(instructionOf("i2"));
    };
    const second = world.join({}, { resume: first.resume });
    assert.deepEqual(second.frames, [["welcome", "ping", "instruction", "instruction"]]);
    assert.deepEqual(second.instructions, ["i1", "i2"]);
  });

  test("is taken up while the node still believes in the old connection, which ends unheard", () => {
    const world = worldOf();
    const first = world.join();
    const session = world.session();
    const second = world.join({}, { resume: first.resume });
    assert.equal(second.welcome?.isResumed, true);
    assert.equal(world.session(), session);
    first.report([1], { name: "m" });
    world.clock.advance(0);
    assert.notEqual(first.end, undefined);
    assert.deepEqual(first.goodbyes, []);
    assert.deepEqual(values(world), []);
    assert.equal(session.isLive, true, "the end of the old connection is not that of the session");
    assert.deepEqual(world.told, ["attached a1/app", "resumed a1/app"]);
    assert.equal(world.station.connectionCount, 1);
  });

  test("ends when the window has passed, and its agent leaves with its last part", () => {
    const world = worldOf();
    const first = world.join();
    const supervisor = world.join({ part: "supervisor", beats: true });
    first.break();
    world.clock.advance(30 * secondUs - 1);
    assert.equal(world.station.sessionCount, 2);
    world.clock.advance(secondUs);
    assert.deepEqual([...world.station.of(world.agent()).keys()], ["supervisor"]);
    assert.equal(world.told.at(-1), "detached a1/app SESSION_EXPIRED");
    assert.equal(world.slots.joined.size, 1);
    const second = world.join({}, { resume: first.resume });
    assert.equal(second.welcome?.isResumed, false, "it is joined anew");
    second.leave();
    supervisor.answersPings = false;
    supervisor.break();
    world.clock.advance(31 * secondUs);
    assert.equal(world.station.sessionCount, 0);
    assert.equal(world.slots.joined.size, 0);
    assert.equal(world.agent().slot, undefined);
  });

  test("does not lose time of its window in which the node itself did not run", () => {
    const world = worldOf();
    const first = world.join();
    first.break();
    world.stall(60 * secondUs);
    assert.equal(world.session().state.kind, "away");
    const second = world.join({}, { resume: first.resume });
    assert.equal(second.welcome?.isResumed, true);
  });
});

describe("another session", () => {
  const forged = (agent: WireAgent) => ({ ...agent.resume, resumeToken: "x".repeat(32) });

  test("is given for a wrong token, and replaces the one that is there", () => {
    const world = worldOf();
    const first = world.join();
    const second = world.join({}, { resume: forged(first) });
    assert.equal(second.welcome?.isResumed, false);
    assert.notEqual(second.resume.sessionId, first.resume.sessionId);
    assert.notEqual(second.resume.resumeToken, first.resume.resumeToken);
    assert.equal(first.goodbye.code, "TAKEN_OVER");
  });

  test("is given for the token of another agent's, part's or life's session, which stays", () => {
    for (const change of [{ id: "a2" }, { part: "other" }]) {
      const world = worldOf();
      const first = world.join();
      const thief = world.join(change, { resume: first.resume });
      assert.equal(thief.welcome?.isResumed, false);
      assert.equal(first.end, undefined);
      assert.equal(world.station.sessionCount, 2);
    }
    const world = worldOf();
    const first = world.join();
    const next = world.join({ incarnation: "life-2" }, { resume: first.resume });
    assert.equal(next.welcome?.isResumed, false);
    assert.equal(world.told.at(-1), "attached a1/app anew");
  });

  test("of the same agent and part takes over the first, which is told so for good", () => {
    const world = worldOf();
    const first = world.join();
    const slot = world.agent().slot;
    const second = world.join({ incarnation: "life-2" });
    const { code, canResume, isFinal } = first.goodbye;
    assert.deepEqual([code, canResume, isFinal], ["TAKEN_OVER", false, true]);
    assert.notEqual(first.end, undefined);
    assert.equal(second.end, undefined);
    assert.deepEqual(world.told, [
      "attached a1/app",
      "detached a1/app TAKEN_OVER",
      "attached a1/app anew",
    ]);
    assert.equal(world.station.sessionCount, 1);
    assert.equal(world.agent().slot, slot, "the agent has been there all the time");
    assert.equal(world.station.counters.takenOver, 1);
  });

  test("that took over is not taken over in turn when the first comes back with its old session", () => {
    const world = worldOf();
    const first = world.join();
    first.break();
    const second = world.join({ incarnation: "life-2" });
    const back = world.connect();
    back.hello({ resume: first.resume });
    world.clock.advance(0);
    const { code, isFinal } = back.goodbye;
    assert.deepEqual([code, isFinal], ["TAKEN_OVER", true]);
    assert.equal(second.end, undefined);
    const guess = world.join({}, { resume: forged(first) });
    assert.equal(guess.welcome?.isResumed, false, "the id alone proves nothing");
  });

  test("is remembered as replaced within a bound, the oldest forgotten first", () => {
    const table = new SessionTable();
    const sessions = Array.from({ length: 10_001 }, (_, number) => ({
      id: parseSessionId(`s${number}`),
      resumeToken: `t${number}`,
    }));
    for (const session of sessions) table.replaced(session);
    const isRemembered = (number: number): boolean =>
      table.wasReplaced({ sessionId: `s${number}`, resumeToken: `t${number}` });
    assert.deepEqual([0, 1, 10_000].map(isRemembered), [false, true, true]);
  });
});

test("parts of one agent have sessions of their own and one slot", () => {
  const world = worldOf();
  const app = world.join();
  const supervisor = world.join({ part: "supervisor" }, { labels: { host: "h" } });
  assert.equal(world.slots.joined.size, 1);
  assert.notEqual(app.resume.sessionId, supervisor.resume.sessionId);
  assert.deepEqual([...world.station.of(world.agent()).keys()], ["app", "supervisor"]);
  assert.deepEqual([...world.slots.lines.keys()], ["0/1", "0/2"]);
  app.break();
  assert.equal(world.session("a1", "supervisor").isLive, true);
  assert.equal(supervisor.end, undefined);
});

test("a new life of a part begins a new time line, a resumed one does not", () => {
  const world = worldOf();
  const first = world.join();
  const line = world.slots.lines.get("0/1");
  first.break();
  const second = world.join({}, { resume: first.resume });
  assert.equal(world.slots.lines.get("0/1"), line);
  second.break();
  world.join({ incarnation: "life-2" }, { resume: first.resume });
  assert.notEqual(world.slots.lines.get("0/1"), line);
});
