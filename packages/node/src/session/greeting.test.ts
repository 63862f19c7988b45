import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import type { Goodbye, Hello } from "@myelin/core/wire";
import { instructionOf, originUs, World, type WorldOptions, writeSample } from "./test-support.ts";

const full = () => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free");
const worldOf = (options: WorldOptions = {}): World => new World(full, options);

/** What a hello with these changes is refused with. */
function refusal(world: World, changes: Partial<Hello>): Goodbye {
  const agent = world.connect();
  agent.hello(changes);
  world.clock.advance(0);
  assert.equal(agent.welcome, undefined);
  assert.notEqual(agent.end, undefined, "the connection has ended");
  return agent.goodbye;
}

describe("a connection", () => {
  test("that does not begin with a hello is refused, whatever comes first", () => {
    const world = worldOf();
    const firsts: ((agent: ReturnType<World["connect"]>) => void)[] = [
      (agent) => agent.ping(),
      (agent) => agent.report([1], { name: "m" }),
      (agent) => agent.leave(),
      (agent) => agent.sendBytes(new Uint8Array(0)),
    ];
    for (const first of firsts) {
      const agent = world.connect();
      first(agent);
      agent.hello();
      world.clock.advance(0);
      assert.equal(agent.welcome, undefined);
      const { code, canResume, isFinal } = agent.goodbye;
      assert.deepEqual([code, canResume, isFinal], ["PROTOCOL_ERROR", false, false]);
    }
    assert.equal(world.station.counters.refused.PROTOCOL_ERROR, firsts.length);
    assert.equal(world.station.sessionCount, 0);
    assert.equal(world.station.connectionCount, 0);
    assert.equal(world.registry.size, 0);
  });

  test("on which no hello comes is ended after the timeout, and one that greeted is not", () => {
    const world = worldOf();
    const silent = world.connect();
    const greeted = world.join({ beats: true });
    world.clock.advance(world.settings.helloTimeoutUs - 1);
    assert.equal(silent.end, undefined);
    world.clock.advance(1);
    assert.equal(silent.goodbye.code, "PROTOCOL_ERROR");
    assert.notEqual(silent.end, undefined);
    assert.equal(greeted.end, undefined);
  });

  test("leaves no timer behind when it ends before or after its hello", () => {
    const world = worldOf();
    world.station.drain({ code: "", message: "", canResume: true, isFinal: false });
    assert.equal(world.clock.nextDueUs, Number.POSITIVE_INFINITY);
    const silent = world.connect();
    world.clock.advance(0);
    silent.break();
    const greeted = world.join();
    world.registry.leave(world.agent(), 0);
    greeted.break();
    world.clock.advance(1e6);
    assert.equal(world.clock.nextDueUs, Number.POSITIVE_INFINITY);
  });

  test("beyond the bound on connections is refused and may try again", () => {
    const world = worldOf({ settings: { maxConnections: 2 } });
    world.connect();
    world.connect();
    world.clock.advance(0);
    const third = world.connect();
    world.clock.advance(0);
    const { code, isFinal } = third.goodbye;
    assert.deepEqual([code, isFinal], ["RESOURCE_EXHAUSTED", false]);
    assert.equal(world.station.connectionCount, 2);
  });
});

describe("a hello", () => {
  test("of another protocol version is refused for good, before the token is looked at", () => {
    const world = worldOf({ authorize: () => assert.fail("not to be asked") });
    const { code, isFinal } = refusal(world, { protocolVersion: 2 });
    assert.deepEqual([code, isFinal], ["UNSUPPORTED_VERSION", true]);
  });

  test("whose token is not valid is refused for good", () => {
    const world = worldOf({
      authorize: ({ token }) => {
        if (token !== "open sesame") throw new MyelinError("UNAUTHENTICATED", "not valid");
      },
    });
    const { code, isFinal, canResume } = refusal(world, { token: "guess" });
    assert.deepEqual([code, isFinal, canResume], ["UNAUTHENTICATED", true, false]);
    assert.equal(world.registry.size, 0);
    assert.ok(world.join({}, { token: "open sesame" }).welcome !== undefined);
  });

  test("with a name that is none is refused for good", () => {
    const world = worldOf();
    for (const changes of [{ agentId: "" }, { part: "App" }, { incarnation: "a b" }]) {
      const { code, isFinal } = refusal(world, changes);
      assert.deepEqual([code, isFinal], ["INVALID_ARGUMENT", true]);
    }
    assert.equal(world.registry.size, 0);
  });

  test("while the node drains is refused with the word that the session can be resumed", () => {
    let isDraining = false;
    const world = worldOf({
      authorize: () => {
        if (isDraining) throw new MyelinError("NODE_DRAINING", "shutting down");
      },
    });
    const first = world.join();
    first.break();
    isDraining = true;
    const { code, canResume, isFinal } = refusal(world, { resume: first.resume });
    assert.deepEqual([code, canResume, isFinal], ["NODE_DRAINING", true, false]);
  });

  test("is answered by a welcome that names session, rhythm and limits, and a first ping in the same frame", () => {
    const world = worldOf({ settings: { maxMetrics: 12, maxOutstanding: 3 } });
    const agent = world.connect();
    agent.hello({ sentAtUs: originUs - 70 });
    world.clock.advance(0);
    const { sessionId, resumeToken, ...rest } = agent.welcome ?? assert.fail("no welcome");
    assert.match(sessionId, /^[A-Za-z0-9_-]{22}$/);
    assert.match(resumeToken, /^[A-Za-z0-9_-]{32}$/);
    assert.deepEqual(rest, {
      isResumed: false,
      heartbeatIntervalMs: 500,
      resumeWindowMs: 30_000,
      limits: { maxFrameBytes: 1 << 20, maxMetrics: 12, maxOutstandingInstructions: 3 },
      nodeId: "n1",
      nodeTier: "edge",
      nodeVersion: "1.2.3",
      telemetrySequence: 0,
      metricNamesKnown: 0,
      helloSentAtUs: originUs - 70,
      helloReceivedAtUs: originUs,
      sentAtUs: originUs,
      redirectUrl: "",
      columnForms: ["f64", "f32", "f16", "i8", "i8_delta"],
    });
    assert.deepEqual(agent.frames, [["welcome", "ping"]]);
    assert.deepEqual(world.told, ["attached a1/app"]);
  });

  test("is answered before what waits for the part: the welcome stands first in the frame", () => {
    const world = worldOf();
    world.onAttachedHook = (session) => {
      session.sendInstruction(instructionOf("i1"));
    };
    const agent = world.join();
    assert.deepEqual(agent.frames, [["welcome", "ping", "instruction"]]);
  });

  test("beyond the bound on sessions is refused and may try again; the parts that are there may come back", () => {
    const world = worldOf({ settings: { maxSessions: 1 } });
    const first = world.join();
    const { code, canResume, isFinal } = refusal(world, { agentId: "a2" });
    assert.deepEqual([code, canResume, isFinal], ["RESOURCE_EXHAUSTED", true, false]);
    assert.deepEqual([...world.slots.joined.keys()], [0], "who was refused has no slot");
    assert.equal(world.registry.size, 1);
    const second = world.join({ incarnation: "life-2" });
    assert.ok(second.welcome !== undefined);
    assert.equal(first.goodbye.code, "TAKEN_OVER");
  });

  test("that an earlier life sent, and that comes after the next one's, takes nothing over; later it may", () => {
    const world = worldOf();
    const sentAtUs = world.clock.nowUs();
    world.clock.advance(1000);
    const next = world.join({ incarnation: "life-2" });
    const { code, canResume, isFinal } = refusal(world, { incarnation: "life-1", sentAtUs });
    assert.deepEqual([code, canResume, isFinal], ["UNAVAILABLE", true, false]);
    assert.equal(next.end, undefined, "it is still there");
    // On another machine, whose clock is behind, it lives on and tries again.
    world.clock.advance(6e6);
    const other = world.connect();
    other.hello({ incarnation: "life-1", sentAtUs });
    world.clock.advance(0);
    assert.ok(other.welcome !== undefined);
  });

  test("that finds no slot, or whose attachment fails, leaves neither session nor slot behind", () => {
    const world = worldOf({ maxSlots: 0 });
    assert.equal(refusal(world, {}).code, "RESOURCE_EXHAUSTED");
    assert.equal(world.registry.size, 0);
    world.slots.maxSlots = 1;
    world.onIntake = () => {
      throw new MyelinError("INTERNAL", "no intake");
    };
    assert.equal(refusal(world, {}).code, "INTERNAL");
    assert.equal(world.slots.joined.size, 0);
    world.onIntake = () => undefined;
    world.onAttachedHook = () => {
      throw new MyelinError("INVALID_ARGUMENT", "an outcome of no rule");
    };
    assert.equal(refusal(world, {}).code, "INVALID_ARGUMENT");
    assert.equal(world.station.sessionCount, 0);
    assert.equal(world.slots.joined.size, 0);
    world.onAttachedHook = () => undefined;
    assert.ok(world.join().welcome !== undefined);
  });

  test("tells the outcomes that the agent has kept", () => {
    const world = worldOf();
    let told: readonly string[] = [];
    world.onAttachedHook = (_, outcomes) => {
      told = outcomes.map(({ instructionId }) => instructionId);
    };
    const outcome = {
      instructionId: "i7",
      status: "executed" as const,
      action: "stop",
      receivedAtUs: 1,
      begunAtUs: 1,
      endedAtUs: 2,
    };
    world.join({}, { outcomes: [outcome] });
    assert.deepEqual(told, ["i7"]);
  });
});

describe("a further hello on a live connection", () => {
  test("declares other actions and labels of the same part, and the session goes on", () => {
    const world = worldOf();
    const agent = world.join();
    const { sessionId } = agent.resume;
    agent.hello({
      resume: agent.resume,
      actions: [{ name: "go", isIdempotent: true }],
      labels: { zone: "b" },
    });
    world.clock.advance(0);
    assert.equal(agent.welcome?.sessionId, sessionId);
    assert.equal(agent.welcome.isResumed, true);
    const { part } = world.session();
    assert.deepEqual([...part.actions], [["go", { isIdempotent: true }]]);
    assert.equal(world.agent().attributes.labels["zone"], "b");
    assert.equal(world.slots.joined.get(0)?.labels["zone"], "b");
    assert.deepEqual(world.told, ["attached a1/app"], "what was sent is not sent again");
    assert.equal(world.station.sessionCount, 1);
    agent.hello();
    world.clock.advance(0);
    assert.equal(agent.end, undefined, "nor does one without the session's token end it");
    assert.equal(agent.welcome.sessionId, sessionId);
  });

  test("that declares the actions an earlier one had left open has what waits delivered", () => {
    const world = worldOf();
    const agent = world.join({}, { actions: [], actionsFollow: true });
    agent.hello({ resume: agent.resume });
    world.clock.advance(0);
    assert.deepEqual(world.told, ["attached a1/app", "resumed a1/app"]);
    agent.hello({ resume: agent.resume });
    world.clock.advance(0);
    assert.equal(world.told.length, 2);
  });

  test("is heard while the node drains", () => {
    let isDraining = false;
    const world = worldOf({
      authorize: () => {
        if (isDraining) throw new MyelinError("NODE_DRAINING", "shutting down");
      },
    });
    const agent = world.join();
    isDraining = true;
    agent.hello({ resume: agent.resume });
    world.clock.advance(0);
    assert.equal(agent.end, undefined);
  });

  test("of another agent, part or life costs the connection its session, and nobody else", () => {
    for (const changes of [{ agentId: "a2" }, { part: "other" }, { incarnation: "life-2" }]) {
      const world = worldOf();
      const bystander = world.join({ id: "a2" });
      const agent = world.join();
      agent.hello(changes);
      world.clock.advance(0);
      assert.equal(agent.goodbye.code, "PROTOCOL_ERROR");
      assert.equal(bystander.end, undefined);
      assert.equal(world.station.sessionCount, 1);
      assert.equal(world.slots.joined.size, 1);
    }
  });
});

describe("a goodbye", () => {
  test("ends the session, and with the last part of the agent its slot", () => {
    const world = worldOf();
    const app = world.join();
    const supervisor = world.join({ part: "supervisor" });
    app.leave();
    world.clock.advance(0);
    assert.notEqual(app.end, undefined);
    assert.deepEqual([...world.station.of(world.agent()).keys()], ["supervisor"]);
    assert.equal(world.slots.joined.size, 1);
    supervisor.leave();
    world.clock.advance(0);
    assert.equal(world.station.sessionCount, 0);
    assert.equal(world.slots.joined.size, 0);
    assert.equal(world.agent().slot, undefined);
  });

  test("that lets the session be resumed ends the connection only", () => {
    const world = worldOf();
    const first = world.join();
    first.leave({ canResume: true });
    world.clock.advance(0);
    assert.notEqual(first.end, undefined);
    assert.equal(world.session().state.kind, "away");
    assert.equal(world.join({}, { resume: first.resume }).welcome?.isResumed, true);
  });

  test("applies the telemetry before it, and nothing behind it is heard", () => {
    const world = worldOf();
    const agent = world.join();
    agent.send((writer) => {
      writer.header(originUs, 1);
      writeSample(writer);
      writer.goodbye({ code: "", message: "bye", canResume: false, isFinal: false });
      writer.event({ type: "late", attributes: {}, timeUs: originUs });
      writer.ping({ sentAtUs: originUs, timeLine: "t1" });
    });
    world.clock.advance(0);
    assert.deepEqual(
      world.taken.map(({ kind }) => kind),
      ["sample"],
    );
    assert.deepEqual(agent.goodbyes, [], "it is no breach of the protocol");
    assert.equal(world.station.counters.expelled.PROTOCOL_ERROR, 0);
  });
});

test("a node that drains says goodbye to everybody, who can resume, and hears nobody", () => {
  const world = worldOf();
  const agents = [world.join({ id: "a1" }), world.join({ id: "a2" }), world.connect()];
  world.clock.advance(0);
  world.session("a1").sendInstruction(instructionOf("i1"));
  world.station.drain({
    code: "NODE_DRAINING",
    message: "the node is shutting down",
    canResume: true,
    isFinal: false,
  });
  agents[0]?.report([1], { name: "m" });
  world.clock.advance(0);
  for (const agent of agents) {
    const { code, canResume, isFinal } = agent.goodbye;
    assert.deepEqual([code, canResume, isFinal], ["NODE_DRAINING", true, false]);
    assert.notEqual(agent.end, undefined);
  }
  assert.deepEqual(agents[0]?.instructions, ["i1"], "what was queued leaves first");
  assert.deepEqual(world.taken, []);
  world.clock.advance(1e6);
  assert.equal(world.clock.nextDueUs, Number.POSITIVE_INFINITY, "no timer is left");
});

describe("a hello of another lane's agent", () => {
  const elsewhere: NonNullable<WorldOptions["elsewhere"]> = ({ agentId }, { host }) =>
    agentId === "far" ? `ws://${host}:7401` : undefined;

  test("is answered with where the agent belongs, and leaves nothing behind", () => {
    const world = worldOf({ elsewhere });
    const agent = world.join({ id: "far", peer: { host: "node.example" } });
    const { welcome, goodbye } = agent;
    assert.deepEqual(
      [welcome?.redirectUrl, welcome?.sessionId, welcome?.resumeToken],
      ["ws://node.example:7401", "", ""],
    );
    assert.deepEqual([goodbye.code, goodbye.isFinal], ["UNAVAILABLE", false]);
    assert.match(goodbye.message, /far belongs to ws:\/\/node\.example:7401/);
    assert.notEqual(agent.end, undefined);
    const { station, registry } = world;
    assert.deepEqual(
      [station.sessionCount, station.connectionCount, registry.size, station.counters.sentOn],
      [0, 0, 0, 1],
    );
    assert.equal(world.join({ id: "near" }).welcome?.redirectUrl, "");
  });

  test("is answered so only when it may be that agent", () => {
    const error = new MyelinError("UNAUTHENTICATED", "no");
    const authorize = (): never => {
      throw error;
    };
    const { code, message } = refusal(worldOf({ elsewhere, authorize }), { agentId: "far" });
    assert.deepEqual([code, message], ["UNAUTHENTICATED", "no"]);
  });
});
