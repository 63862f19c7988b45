import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { parseAgentId } from "@myelin/core/ids";
import { instructionOf, originUs, World, type WorldOptions, writeSample } from "./test-support.ts";

const worldOf = (options: WorldOptions = {}): World =>
  new World(() => new MyelinError("RESOURCE_EXHAUSTED", "no slot is free"), options);

const secondUs = 1e6;
const kib = 1024;

describe("what a turn queues for a session", () => {
  test("leaves in one frame", () => {
    const world = worldOf({
      onApply: (_, session) => {
        session.sendInstruction(instructionOf("i1"));
        session.sendInstruction(instructionOf("i2"));
      },
    });
    const agent = world.join({ answersPings: false });
    agent.send((writer) => {
      writer.header(originUs, 1);
      writer.ping({ sentAtUs: originUs, timeLine: "t1" });
      writeSample(writer);
      writer.ping({ sentAtUs: originUs, timeLine: "t1" });
    });
    world.clock.advance(0);
    assert.deepEqual(agent.frames, [
      ["welcome", "ping"],
      ["pong", "instruction", "instruction", "pong"],
    ]);
  });

  test("leaves in the order in which sessions had something to send", () => {
    const world = worldOf();
    const order: string[] = [];
    for (const id of ["a1", "a2", "a3"]) {
      const agent = world.join({ id, answersPings: false });
      const end = agent.nodeEnd;
      assert.ok(end !== undefined);
      const send = end.send.bind(end);
      end.send = (frame) => {
        order.push(id);
        send(frame);
      };
    }
    for (const id of ["a3", "a1", "a2", "a3"])
      world.session(id).sendInstruction(instructionOf(`to-${id}`));
    world.station.flush();
    assert.deepEqual(order, ["a3", "a1", "a2"]);
  });

  test("leaves by itself when it was queued outside of any frame", async () => {
    const world = worldOf();
    const agent = world.join();
    world.session().sendCancellation("i1");
    world.session().sendSettlement(["i2"]);
    await world.clock.run(0);
    assert.deepEqual(agent.frames.at(-1), ["cancellation", "settlement"]);
  });

  test("is cut into frames that the agent can take, in order", () => {
    const world = worldOf({ settings: { outboundFrameBytes: 64 * kib } });
    const agent = world.join({ answersPings: false });
    const ids = Array.from({ length: 10 }, (_, number) => `i${number}`);
    for (const id of ids) world.session().sendInstruction(instructionOf(id, 30 * kib));
    world.station.flush();
    world.clock.advance(0);
    assert.deepEqual(agent.instructions, ids);
    assert.ok(agent.frames.length > 3);
    assert.ok(Math.max(...agent.frameSizes) < 96 * kib);
  });
});

describe("an agent that reads too slowly", () => {
  const settings = { softOutboundBytes: 32 * kib, hardOutboundBytes: 256 * kib };

  test("gets no more pings and pongs above the soft bound, which are counted and told; its instructions are kept", () => {
    const world = worldOf({ settings });
    const agent = world.join({ answersPings: false });
    world.clock.advance(0);
    agent.frames.length = 0;
    const session = world.session();
    agent.channel.pause();
    for (let number = 0; number < 5; number++) {
      session.sendInstruction(instructionOf(`i${number}`, 10 * kib));
      world.station.flush();
    }
    for (let number = 0; number < 3; number++) agent.ping();
    world.clock.advance(2 * secondUs);
    const shed = session.shedFrames;
    assert.ok(shed >= 3 + 16 - 1, `${shed} were shed`);
    assert.equal(world.station.shedFrames, shed);
    assert.equal(session.isLive, true);
    agent.channel.resume();
    world.clock.advance(0);
    assert.deepEqual(
      agent.frames,
      Array.from({ length: 5 }, () => ["instruction"]),
    );
    agent.ping();
    world.clock.advance(secondUs);
    assert.equal(session.shedFrames, shed);
    assert.equal(agent.pongs.length, 1);
    assert.deepEqual(
      agent.flow.map(({ shedFrames, isTelemetryPaused }) => [shedFrames, isTelemetryPaused]),
      [[shed, false]],
      "told once",
    );
  });

  test("cannot have the node write more pongs in one turn than the soft bound holds", () => {
    const world = worldOf({ settings });
    const agent = world.join({ answersPings: false });
    agent.send((writer) => {
      for (let count = 0; count < 20_000; count++)
        writer.ping({ sentAtUs: originUs, timeLine: "t1" });
    });
    world.clock.advance(0);
    assert.ok(Math.max(...agent.frameSizes) < 33 * kib, `${Math.max(...agent.frameSizes)} bytes`);
    assert.ok(world.session().shedFrames > 10_000);
  });

  test("loses its session beyond the hard bound with SLOW_READER, and it alone", () => {
    const world = worldOf({ settings });
    const slow = world.join({ id: "slow", answersPings: false });
    const quick = world.join({ id: "quick" });
    const waiting = world.join({ id: "waiting" });
    slow.channel.pause();
    const session = world.session("slow");
    for (let number = 0; number < 30; number++) {
      session.sendInstruction(instructionOf(`i${number}`, 10 * kib));
      world.session("quick").sendInstruction(instructionOf(`q${number}`));
      world.session("waiting").sendInstruction(instructionOf(`w${number}`));
      world.station.flush();
      world.clock.advance(0);
      if (session.state.kind === "ended") break;
    }
    assert.equal(session.state.kind, "ended");
    assert.equal(world.told.at(-1), "detached slow/app SLOW_READER");
    assert.equal(world.station.counters.slowReaders, 1);
    assert.notEqual(slow.end, undefined);
    assert.equal(world.agent("slow").slot, undefined);
    assert.equal(quick.instructions.length, waiting.instructions.length);
    assert.ok(quick.instructions.length > 20);
    assert.deepEqual([quick.end, waiting.end], [undefined, undefined]);
    const again = world.join({ id: "slow" }, { resume: slow.resume });
    assert.equal(again.welcome?.isResumed, false, "it may join anew");
  });

  test("is found out by what one turn writes too, without a step of its work being cut short", () => {
    const world = worldOf({ settings: { ...settings, outboundFrameBytes: 10 * kib } });
    const slow = world.join({ answersPings: false });
    slow.channel.pause();
    const session = world.session();
    for (let number = 0; number < 50; number++) {
      const sizeBytes = session.sendInstruction(instructionOf(`i${number}`, 10 * kib));
      assert.ok(sizeBytes > 10 * kib);
    }
    assert.equal(session.isLive, true);
    world.station.flush();
    assert.equal(session.state.kind, "ended");
    assert.equal(world.registry.get(parseAgentId("a1"))?.slot, undefined);
  });
});
