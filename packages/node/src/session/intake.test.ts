import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ChannelEnd, memoryChannel } from "@myelin/core/channel";
import { VirtualClock } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { BytePool } from "../bytes/index.ts";
import { BulkIntake, type BulkSource } from "./bulk-intake.ts";
import { FrameBacklog } from "./frame-backlog.ts";
import { IntakeShare } from "./intake-share.ts";
import { originUs, type WireAgent, World, type WorldOptions, writeSample } from "./test-support.ts";

const worldOf = (options: WorldOptions = {}): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), options);

const secondUs = 1e6;
const kib = 1024;

/** A clock on which work takes time: `work` moves its reading on, in the midst of a callback. */
class WorkClock extends VirtualClock {
  #workedUs = 0;

  override nowUs(): number {
    return super.nowUs() + this.#workedUs;
  }

  work(durationUs: number): void {
    this.#workedUs += durationUs;
  }
}

/** A frame of samples of about `sizeBytes`. */
function bulkFrame(agent: WireAgent, sequence: number, sizeBytes = 64 * kib): void {
  const values = Array.from({ length: Math.floor(sizeBytes / 8) }, () => sequence);
  agent.report(values, { sequence, name: "m" });
}

/** The values that each agent's frames brought, one for each frame, in the order of application. */
function framesOf(world: World, agent: string): number[] {
  const values = world.taken.filter(({ session }) => session === agent).map(({ value }) => value);
  return values.filter((value, at) => value !== values[at - 1]);
}

describe("a malformed frame", () => {
  /** A ping that breaks off in its time. */
  const malformed = Uint8Array.of(0x0a, 0x04, 0x1a, 0x02, 0x09, 0x00);

  test("costs its sender its session, and nobody else anything", () => {
    const world = worldOf();
    const bad = world.join({ id: "bad" });
    const good = world.join({ id: "good" });
    bad.sendBytes(malformed);
    bad.report([1], { name: "m" });
    good.report([2], { name: "m" });
    world.clock.advance(0);
    const { code, canResume, isFinal } = bad.goodbye;
    assert.deepEqual([code, canResume, isFinal], ["PROTOCOL_ERROR", false, false]);
    assert.notEqual(bad.end, undefined);
    assert.deepEqual(
      world.taken.map(({ session }) => session),
      ["good"],
    );
    assert.equal(good.end, undefined);
    assert.equal(world.station.counters.expelled.PROTOCOL_ERROR, 1);
    assert.equal(world.told.at(-1), "detached bad/app PROTOCOL_ERROR");
    assert.equal(world.agent("bad").slot, undefined);
  });

  test("has none of its samples applied when it breaks off behind them", () => {
    const world = worldOf();
    const agent = world.join();
    const session = world.session();
    agent.send((writer) => {
      writer.header(originUs, 1);
      writeSample(writer);
      // A twin of that version counts as a gap in the test's intake.
      writer.flowControl({
        droppedSamples: 1,
        droppedEvents: 2,
        shedFrames: 0,
        isTelemetryPaused: false,
        needsFullSamples: false,
      });
    });
    world.clock.advance(0);
    assert.deepEqual([session.droppedSamples, session.droppedEvents], [1, 2]);
    const writerBytes = frameWithTail(malformed);
    agent.sendBytes(writerBytes);
    world.clock.advance(0);
    assert.equal(world.taken.length, 1);
    assert.equal(session.intake.hasSamples, false);
    assert.equal(session.state.kind, "ended");
  });

  test("is one that leaves a gap in the agent's state: the next session tells it whole", () => {
    const world = worldOf();
    const agent = world.join();
    agent.send((writer) =>
      writer.twinDelta({ version: 404, isFull: false, patch: {}, timeUs: originUs }),
    );
    world.clock.advance(0);
    assert.equal(agent.goodbye.code, "PROTOCOL_ERROR");
  });

  /** A frame of one sample, with bytes behind it. */
  function frameWithTail(tail: Uint8Array): Uint8Array {
    const world = worldOf();
    const agent = world.join();
    let bytes = new Uint8Array(0);
    agent.channel.send = (frame) => {
      bytes = Uint8Array.from([...frame, ...tail]);
    };
    agent.report([7], { name: "m", sequence: 2 });
    return bytes;
  }
});

test("what an agent tells it has dropped is kept as totals", () => {
  const world = worldOf();
  const agent = world.join();
  const tell = (droppedSamples: number, droppedEvents: number): void =>
    agent.send((writer) =>
      writer.flowControl({
        droppedSamples,
        droppedEvents,
        shedFrames: 0,
        isTelemetryPaused: false,
        needsFullSamples: false,
      }),
    );
  tell(5, 1);
  tell(3, 2);
  world.clock.advance(0);
  const session = world.session();
  assert.deepEqual([session.droppedSamples, session.droppedEvents], [5, 2]);
  const { agentDroppedSamples, agentDroppedEvents } = world.station.counters;
  assert.deepEqual([agentDroppedSamples, agentDroppedEvents], [5, 2]);
});

test("a connection that its transport ended for a fault is counted, one that broke is not", () => {
  const world = worldOf();
  const { counters } = world.station;
  const peer = { transport: "memory", address: "here", isLoopback: true } as const;
  const endWith = (end: ChannelEnd): void => {
    const channel = memoryChannel(
      { clock: world.clock },
      { onFrame: () => undefined, onEnd: () => undefined },
      () => undefined,
    );
    world.station.accept(channel, peer).onEnd(end);
  };
  endWith({ code: "UNAVAILABLE", reason: "the connection broke" });
  endWith({ reason: "closed by the peer" });
  assert.equal(counters.faults, 0);
  endWith({ code: "PAYLOAD_TOO_LARGE", reason: "a frame of 2 bytes exceeds 1" });
  assert.equal(counters.faults, 1);
});

test("an acknowledgement is handed on with the agent that told it", () => {
  const world = worldOf();
  const agent = world.join();
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
  assert.deepEqual(
    world.acknowledged.map(({ agent: id, message }) => [id, message.instructionId]),
    [["a1", "i1"]],
  );
});

describe("bulk", () => {
  test("of one connection delays the small frames of another by a quantum and one frame at the most", () => {
    const clock = new WorkClock(originUs);
    const frameUs = 200;
    const delaysUs: number[] = [];
    let sentAtUs = 0;
    const world = worldOf({
      clock,
      onApply: (_, session) => {
        if (session.agent.id === "flood") clock.work(frameUs);
        else delaysUs.push(clock.nowUs() - sentAtUs);
      },
    });
    const flood = world.join({ id: "flood", answersPings: false });
    const control = world.join({ id: "control", answersPings: false });
    for (let sequence = 1; sequence <= 250; sequence++) bulkFrame(flood, sequence, 17 * kib);
    let sequence = 0;
    const next = (): void => {
      if (sequence === 100) return;
      sentAtUs = clock.nowUs();
      control.report([++sequence], { name: "m", sequence });
      clock.defer(() => clock.defer(next));
    };
    clock.defer(next);
    clock.advance(0);
    assert.equal(delaysUs.length, 100);
    assert.equal(framesOf(world, "flood").length, 250);
    const boundUs = world.settings.bulkQuantumUs + frameUs;
    assert.ok(Math.max(...delaysUs) <= boundUs, `${Math.max(...delaysUs)} µs`);
    assert.ok(Math.max(...delaysUs) > 0, "the flood was there meanwhile");
  });

  test("keeps the order of its connection, control that comes behind it included", () => {
    const world = worldOf();
    const agent = world.join({ answersPings: false });
    for (let sequence = 1; sequence <= 20; sequence++)
      bulkFrame(agent, sequence, sequence % 2 === 0 ? 40 * kib : 8);
    agent.ping();
    world.clock.advance(0);
    assert.deepEqual(
      framesOf(world, "a1"),
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    assert.equal(agent.pongs[0]?.telemetrySequence, 20);
    assert.ok(world.station.counters.bulkFrames >= 10);
  });

  test("stops reading from its connection while its frames wait, and reads on when they are done", () => {
    const clock = new WorkClock(originUs);
    const world = worldOf({ clock, onApply: () => clock.work(1000) });
    const agent = world.join({ answersPings: false });
    const calls: string[] = [];
    const end = agent.nodeEnd;
    assert.ok(end !== undefined);
    const { pause, resume } = end;
    end.pause = () => (calls.push("pause"), pause.call(end));
    end.resume = () => (calls.push("resume"), resume.call(end));
    for (let sequence = 1; sequence <= 3; sequence++) bulkFrame(agent, sequence);
    clock.advance(0);
    assert.deepEqual(calls, ["pause", "resume", "pause", "resume", "pause", "resume"]);
    assert.deepEqual(framesOf(world, "a1"), [1, 2, 3]);
  });

  test("keeps the order also when its connection's share has filled again meanwhile", () => {
    const clock = new WorkClock(originUs);
    const world = worldOf({ clock });
    const agent = world.join({ answersPings: false });
    handlerOf(world, agent);
    bulkFrame(agent, 1);
    clock.work(secondUs);
    bulkFrame(agent, 2, 8);
    clock.advance(0);
    assert.deepEqual(framesOf(world, "a1"), [1, 2]);
  });

  test("takes turns between connections", () => {
    const world = worldOf();
    const agents = ["a", "b", "c"].map((id) => world.join({ id, answersPings: false }));
    for (const agent of agents)
      for (let sequence = 1; sequence <= 4; sequence++) bulkFrame(agent, sequence);
    world.clock.advance(0);
    const order = world.taken
      .map(({ session, value }) => `${session}${value}`)
      .filter((name, at, all) => name !== all[at - 1]);
    for (const round of [0, 1, 2, 3])
      assert.deepEqual(order.slice(round * 3, round * 3 + 3).sort(), [
        `a${round + 1}`,
        `b${round + 1}`,
        `c${round + 1}`,
      ]);
  });

  test("of many small frames is bulk as well once the connection's share is spent", () => {
    const world = worldOf();
    const agent = world.join({ answersPings: false });
    const before = world.station.counters.bulkFrames;
    for (let sequence = 1; sequence <= 100; sequence++) bulkFrame(agent, sequence, kib);
    world.clock.advance(0);
    const bulk = world.station.counters.bulkFrames - before;
    assert.ok(bulk >= 80 && bulk < 90, `${bulk} of 100`);
    world.clock.advance(secondUs);
    bulkFrame(agent, 101, kib);
    world.clock.advance(0);
    assert.equal(world.station.counters.bulkFrames - before, bulk);
  });

  test("that was read before the peer closed is handled, its goodbye included", () => {
    const clock = new WorkClock(originUs);
    const world = worldOf({ clock, onApply: () => clock.work(1000) });
    const agent = world.join({ answersPings: false });
    const node = handlerOf(world, agent);
    for (let sequence = 1; sequence <= 3; sequence++) bulkFrame(agent, sequence);
    agent.leave();
    node.endAtOnce({ reason: "closed by the peer" });
    assert.equal(world.station.connectionCount, 0);
    assert.equal(world.session().isLive, true);
    clock.advance(0);
    assert.deepEqual(framesOf(world, "a1"), [1, 2, 3]);
    assert.equal(world.station.sessionCount, 0);
    assert.deepEqual(world.told, ["attached a1/app", "detached a1/app -"]);
  });

  test("without a goodbye leaves the session away when it is done", () => {
    const world = worldOf();
    const agent = world.join({ answersPings: false });
    const node = handlerOf(world, agent);
    bulkFrame(agent, 1);
    node.endAtOnce({ code: "UNAVAILABLE", reason: "broken" });
    world.clock.advance(0);
    assert.deepEqual(framesOf(world, "a1"), [1]);
    assert.equal(world.session().state.kind, "away");
    assert.equal(world.told.at(-1), "detached a1/app UNAVAILABLE");
  });

  test("of a connection whose session went on over another is dropped: it will be told again", () => {
    const clock = new WorkClock(originUs);
    const world = worldOf({ clock, onApply: () => clock.work(1000) });
    const agent = world.join({ answersPings: false });
    const node = handlerOf(world, agent);
    for (let sequence = 1; sequence <= 3; sequence++) bulkFrame(agent, sequence);
    node.endAtOnce({ reason: "broken" });
    const again = world.join({ answersPings: false }, { resume: agent.resume });
    assert.equal(again.welcome?.isResumed, true);
    const known = again.welcome.telemetrySequence;
    for (let sequence = known + 1; sequence <= 3; sequence++) bulkFrame(again, sequence);
    clock.advance(0);
    assert.deepEqual(framesOf(world, "a1"), [1, 2, 3]);
  });

  test("beyond a connection's bound ends its session with RESOURCE_EXHAUSTED, which is not final", () => {
    const world = worldOf({ settings: { maxBacklogBytes: 200 * kib } });
    const agent = world.join({ answersPings: false });
    const other = world.join({ id: "other" });
    // Frames that the transport had read before it was paused arrive all the same.
    const node = handlerOf(world, agent);
    for (let sequence = 1; sequence <= 4; sequence++) bulkFrame(agent, sequence);
    node.hasTakenAll();
    world.clock.advance(0);
    const { code, canResume, isFinal } = agent.goodbye;
    assert.deepEqual([code, canResume, isFinal], ["RESOURCE_EXHAUSTED", false, false]);
    assert.deepEqual(world.taken, [], "what waited is dropped");
    assert.equal(other.end, undefined);
    assert.equal(world.told.at(-1), "detached a1/app RESOURCE_EXHAUSTED");
  });

  test("of all connections together is bounded", () => {
    const world = worldOf({ settings: { maxBulkBytes: 360 * kib } });
    const agents = Array.from({ length: 5 }, (_, at) =>
      world.join({ id: `a${at}`, answersPings: false }),
    );
    const nodes = agents.map((agent) => handlerOf(world, agent));
    for (const agent of agents) bulkFrame(agent, 1);
    for (const node of nodes) node.hasTakenAll();
    world.clock.advance(0);
    assert.deepEqual(
      agents.map(({ goodbyes }) => goodbyes[0]?.code),
      [undefined, undefined, undefined, undefined, "RESOURCE_EXHAUSTED"],
    );
  });
});

/** Takes over the node's end of a connection: what the agent sends is handed over at once, paused or not. */
function handlerOf(world: World, agent: WireAgent) {
  const handler = world.handlers.get(agent);
  assert.ok(handler !== undefined);
  agent.channel.send = (frame) => handler.onFrame(frame);
  return {
    endAtOnce: (end: Parameters<typeof handler.onEnd>[0]): void => handler.onEnd(end),
    hasTakenAll: (): void => assert.equal(world.taken.length, 0),
  };
}

describe("a connection's share", () => {
  test("is a burst that fills again at a rate, and a flood leaves nothing of it", () => {
    const share = new IntakeShare(1000, 1000, 0);
    assert.equal(share.take(600, 0), true);
    assert.equal(share.take(401, 0), false);
    assert.equal(share.take(1, 0), false, "what is bulk counts too");
    assert.equal(share.take(1, 3000), true);
    assert.equal(share.take(5e6, 4000), false);
    assert.equal(share.take(1, 4000 + 0.9e6), false);
    assert.equal(share.take(1, 4000 + 1.1e6), true);
    assert.equal(share.take(1000, 100e6), true, "no more than the burst is saved up");
    assert.equal(share.take(1, 100e6), false);
  });
});

describe("a backlog of frames", () => {
  test("gives them in their order, and knows what they take up", () => {
    const backlog = new FrameBacklog(new BytePool(1e6));
    const frames = Array.from({ length: 1000 }, (_, at) => new Uint8Array(at % 7));
    const taken: (Uint8Array | undefined)[] = [];
    for (const [at, frame] of frames.entries()) {
      assert.equal(backlog.push(frame.fill(at), at), 128 + 256);
      if (at % 3 === 0) taken.push(backlog.shift()?.bytes);
    }
    while (!backlog.isEmpty) taken.push(backlog.shift()?.bytes);
    assert.equal(taken.length, 1000);
    assert.ok(taken.every((frame, at) => frame?.join() === frames[at]?.join()));
    assert.equal(backlog.sizeBytes, 0);
    assert.equal(backlog.shift(), undefined);
  });
});

describe("bulk intake", () => {
  class Source implements BulkSource {
    readonly backlog: FrameBacklog = new FrameBacklog(new BytePool(1e6));
    readonly handled: number[] = [];
    isEnded = false;
    onHandle: () => void = () => undefined;
    handle(bytes: Uint8Array): void {
      this.handled.push(bytes[0] ?? -1);
      this.onHandle();
    }
    pauseReading(): void {}
    resumeReading(): void {}
  }

  test("handles for one quantum and a frame more in a turn, one frame at the least", () => {
    const clock = new WorkClock(0);
    const turns: number[] = [];
    let handled = 0;
    const counting = {
      nowUs: () => clock.nowUs(),
      defer: (callback: () => void) =>
        clock.defer(() => {
          handled = 0;
          callback();
          turns.push(handled);
        }),
    };
    const source = new Source();
    source.onHandle = () => {
      handled++;
      clock.work(100);
    };
    const intake = new BulkIntake({
      clock: counting,
      quantumUs: 300,
      aheadBytes: 1e6,
      maxBacklogBytes: 1e6,
      maxBytes: 1e6,
    });
    for (let at = 0; at < 10; at++) assert.equal(intake.offer(source, Uint8Array.of(at), 0), true);
    clock.advance(0);
    assert.deepEqual(turns, [3, 3, 3, 1]);
    assert.deepEqual(source.handled, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(intake.sizeBytes, 0);
    clock.work(1);
    const slow = new BulkIntake({
      clock: counting,
      quantumUs: 0,
      aheadBytes: 1e6,
      maxBacklogBytes: 1e6,
      maxBytes: 1e6,
    });
    for (let at = 0; at < 3; at++) slow.offer(source, Uint8Array.of(at), 0);
    turns.length = 0;
    clock.advance(0);
    assert.deepEqual(turns, [1, 1, 1]);
  });

  test("reads again from those whose frames are handled, in turn, as there is room ahead", () => {
    const clock = new WorkClock(0);
    const read: number[] = [];
    const intake = new BulkIntake({
      clock,
      quantumUs: 1,
      aheadBytes: 150_000,
      maxBacklogBytes: 1e9,
      maxBytes: 1e9,
    });
    const sources = Array.from({ length: 6 }, (_, number) => {
      const source = new Source();
      source.onHandle = () => clock.work(10);
      source.resumeReading = () => {
        read.push(number);
        assert.ok(intake.sizeBytes < 150_000);
      };
      return source;
    });
    for (const source of sources) intake.offer(source, new Uint8Array(50_000), 0);
    clock.advance(0);
    assert.deepEqual(read, [0, 1, 2, 3, 4, 5]);
    assert.equal(intake.sizeBytes, 0);
  });

  test("while it is held handles what was read, and reads nothing again", () => {
    const clock = new VirtualClock(0);
    const settings = { quantumUs: 1, aheadBytes: 1e6, maxBacklogBytes: 1e6, maxBytes: 1e6 };
    const intake = new BulkIntake({ clock, ...settings });
    const source = new Source();
    let resumed = 0;
    source.resumeReading = () => (resumed += 1);
    intake.hold(true);
    for (const at of [0, 1, 2]) intake.offer(source, Uint8Array.of(at), 0);
    clock.advance(1e6);
    assert.deepEqual([source.handled, resumed], [[0, 1, 2], 0]);
    intake.hold(false);
    clock.advance(0);
    assert.equal(resumed, 1);
  });

  test("lets a connection that has ended go when its frames are handled, also while it is held", () => {
    const clock = new VirtualClock(0);
    const settings = { quantumUs: 1, aheadBytes: 0, maxBacklogBytes: 1e6, maxBytes: 1e6 };
    const intake = new BulkIntake({ clock, ...settings });
    const source = new Source();
    let resumed = 0;
    source.resumeReading = () => (resumed += 1);
    intake.hold(true);
    intake.offer(source, Uint8Array.of(1), 0);
    source.isEnded = true;
    clock.advance(0);
    assert.deepEqual([source.handled, resumed], [[1], 1]);
  });

  test("accounts for what is dropped, also while it is handled", () => {
    const clock = new VirtualClock(0);
    const intake = new BulkIntake({
      clock,
      quantumUs: 1,
      aheadBytes: 1e6,
      maxBacklogBytes: 1e6,
      maxBytes: 1e6,
    });
    const source = new Source();
    const other = new Source();
    source.onHandle = () => intake.drop(source);
    for (const at of [0, 1, 2]) {
      intake.offer(source, Uint8Array.of(at), 0);
      intake.offer(other, Uint8Array.of(at), 0);
    }
    clock.advance(0);
    assert.deepEqual([source.handled, other.handled], [[0], [0, 1, 2]]);
    assert.equal(intake.sizeBytes, 0);
  });
});
