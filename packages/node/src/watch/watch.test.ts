import assert from "node:assert/strict";
import { test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import { documentOf } from "../instruction/index.ts";
import type { TestSink } from "../test-sink.ts";
import { instructionOf, WatchWorld } from "./test-support.ts";

function marks(sink: TestSink): unknown[] {
  return sink.events.flatMap(({ data }) => (data["mark"] === undefined ? [] : [data["mark"]]));
}

function names(sink: TestSink): string[] {
  return sink.events.map(({ name }) => name);
}

test("who watches without a cursor is told where it begins, and what happens from then on", async () => {
  const world = new WatchWorld();
  world.happen(1);
  const sink = world.open();
  world.happen(2);
  world.happen(3);
  assert.deepEqual(names(sink), ["begin"]);
  await world.turn();
  assert.deepEqual(marks(sink), [2, 3]);
  assert.equal(sink.writes, 2);
  const { life } = world.watch;
  assert.deepEqual(
    sink.events.map(({ id, data }) => [id, data["cursor"]]),
    [1, 2, 3].map((number) => [`${life}.${number}`, `${life}.${number}`]),
  );
  assert.deepEqual(sink.events[1]?.data, {
    cursor: `${life}.2`,
    time: "2026-09-21T14:13:20.000000Z",
    kind: "agents",
    type: "connected",
    agent: "w1",
    mark: 2,
  });
});

test("who comes back with a cursor is told what happened meanwhile", async () => {
  const world = new WatchWorld();
  const first = world.open();
  world.happen(1);
  await world.turn();
  first.leave();
  world.happen(2);
  world.happen(3);
  const again = world.open(first.lastId);
  await world.turn();
  assert.deepEqual(marks(again), [2, 3]);
  assert.deepEqual([again.events[0]?.name, again.events[0]?.data["isResumed"]], ["begin", true]);
});

test("what fell off the ring is told to be lost, with its numbers", async () => {
  const world = new WatchWorld({ maxWatchEvents: 3 });
  const first = world.open();
  first.leave();
  for (let mark = 1; mark <= 5; mark += 1) world.happen(mark);
  const again = world.open(first.lastId);
  await world.turn();
  assert.deepEqual(names(again), ["begin", "lost", "agents", "agents", "agents"]);
  const { data, id } = again.events[1] ?? assert.fail();
  assert.deepEqual([data["from"], data["to"], id], [1, 2, `${world.watch.life}.2`]);
  assert.deepEqual(marks(again), [3, 4, 5]);
  assert.equal(world.watch.counters.lost, 2);
});

test("the memory of the ring is bounded by what events hold", async () => {
  const world = new WatchWorld({ maxWatchBytes: 20_000 });
  const id = instructionOf();
  const args = { text: "x".repeat(5000) };
  const first = world.open();
  for (let count = 0; count < 5; count += 1) world.watch.instruction({ ...id, args });
  const again = world.open(first.lastId);
  await world.turn();
  assert.deepEqual(names(again), ["begin", "lost", "instructions"]);
});

test("a cursor of another life is told to begin anew, and what is kept of this life", async () => {
  const world = new WatchWorld({}, 2);
  const former = new WatchWorld({}, 3).watch.life;
  world.open();
  world.happen(1);
  const sink = world.open(`${former}.17`);
  await world.turn();
  assert.deepEqual(names(sink), ["reset", "agents"]);
  assert.deepEqual(
    [sink.events[0]?.id, sink.events[0]?.data["given"]],
    [`${world.watch.life}.0`, `${former}.17`],
  );
  const ahead = world.open(`${world.watch.life}.9`);
  assert.deepEqual(names(ahead), ["reset"]);
});

test("before anybody watches nothing is kept, and who knows a former life is told so", async () => {
  const world = new WatchWorld();
  world.happen(1);
  assert.equal(world.watch.isRecording, false);
  const sink = world.open("former.17");
  await world.turn();
  assert.deepEqual(names(sink), ["reset", "lost"]);
});

test("with nobody watching for a while events are counted and not kept, and told to be lost", async () => {
  const world = new WatchWorld();
  const first = world.open();
  first.leave();
  await world.clock.run(31e6);
  assert.equal(world.watch.isRecording, false);
  world.happen(1);
  let isAsked = false;
  world.watch.episode("firing", "hot" as never, "w1" as never, {} as never, () => {
    isAsked = true;
    return {};
  });
  assert.equal(isAsked, false);
  const again = world.open(first.lastId);
  world.happen(3);
  await world.turn();
  assert.deepEqual(names(again), ["begin", "lost", "agents"]);
  assert.deepEqual([again.events[1]?.data["from"], again.events[1]?.data["to"]], [1, 2]);
});

test("filters narrow by kind, agent, rule and attributes", async () => {
  const world = new WatchWorld();
  const watched = {
    all: world.open(),
    kind: world.open(undefined, { kinds: "episodes,instructions" }),
    agent: world.open(undefined, { agent: "w2" }),
    rule: world.open(undefined, { rule: "hot" }),
  };
  world.happen(1, "w1");
  world.happen(2, "w2");
  world.episode("hot", "w1");
  world.episode("cold", "t1");
  world.watch.instruction(instructionOf("w2"));
  await world.turn();
  const told = (sink: TestSink): unknown[] =>
    sink.events.slice(1).map(({ data }) => `${data["kind"] as string} ${data["agent"] as string}`);
  assert.equal(told(watched.all).length, 5);
  assert.deepEqual(told(watched.kind), ["episodes w1", "episodes t1", "instructions w2"]);
  assert.deepEqual(told(watched.agent), ["agents w2", "instructions w2"]);
  assert.deepEqual(told(watched.rule), ["episodes w1"]);
  watched.all.leave();
  const traders = world.open(`${world.watch.life}.0`, { where: 'agent.type == "trader"' });
  await world.turn();
  assert.deepEqual(told(traders), ["episodes t1"]);
});

test("filters that name nothing are refused", () => {
  const world = new WatchWorld();
  for (const filter of [
    { kinds: "agents,samples" },
    { kinds: "" },
    { agent: " " },
    { rule: "No!" },
    { where: "agent.typ == 1" },
  ])
    assert.throws(() => world.open(undefined, filter), { code: "INVALID_ARGUMENT" });
  for (const cursor of ["", "17", "life", "life.", "life.x", "life.99999999999999999"])
    assert.throws(() => world.open(cursor), { code: "INVALID_ARGUMENT" });
  assert.equal(world.watch.watcherCount, 0);
});

test("a step of an instruction has its document as it was then", async () => {
  const world = new WatchWorld();
  const sink = world.open();
  const instruction = instructionOf();
  world.watch.instruction(instruction);
  instruction.status = "sent";
  world.watch.instruction(instruction);
  instruction.status = "received";
  world.watch.instruction(instruction);
  instruction.status = "executed";
  instruction.endedAtUs = world.clock.nowUs();
  world.watch.ended(instruction, documentOf(instruction));
  await world.turn();
  const steps = sink.events.slice(1).map(({ data }) => data);
  assert.deepEqual(
    steps.map(({ type }) => type),
    ["accepted", "sent", "received", "ended"],
  );
  assert.deepEqual(
    steps.map(({ instruction: document }) => (document as JsonObject)["status"]),
    ["accepted", "sent", "received", "executed"],
  );
  assert.deepEqual(world.watch.latestEnded.take(5), [documentOf(instruction)]);
});

test("a slow watcher holds no more than its bound, and is told what it lost when it reads again", async () => {
  const world = new WatchWorld({ maxWatchEvents: 50, watcherBytes: 2000 });
  const sink = world.open();
  sink.isBlocked = true;
  for (let mark = 1; mark <= 500; mark += 1) {
    world.happen(mark);
    await world.turn();
  }
  assert.ok(sink.bufferedBytes < 2400, String(sink.bufferedBytes));
  const before = marks(sink).length;
  sink.take();
  await world.turn();
  const lost = sink.events.filter(({ name }) => name === "lost");
  assert.equal(lost.length, 1);
  const { from, to } = (lost[0]?.data ?? {}) as { from: number; to: number };
  assert.deepEqual([from, to], [before + 1, 450]);
  assert.equal(marks(sink).length + (to - from + 1), 500);
});

test("a watcher that takes nothing for two signs of life is cut off", async () => {
  const world = new WatchWorld({ watcherBytes: 500 });
  const sink = world.open();
  sink.isBlocked = true;
  for (let mark = 1; mark <= 10; mark += 1) world.happen(mark);
  await world.clock.run(29e6);
  assert.equal(sink.isDestroyed, false);
  await world.clock.run(2e6);
  assert.equal(sink.isDestroyed, true);
  assert.equal(world.watch.counters.cutOff, 1);
  assert.equal(sink.events.at(-1)?.data["code"], "SLOW_READER");
});

test("a sign of life carries the cursor past what the filter kept back", async () => {
  const world = new WatchWorld();
  const sink = world.open(undefined, { agent: "w2" });
  world.happen(1);
  world.happen(2);
  await world.clock.run(15e6);
  assert.equal(sink.blocks.at(-1), `: keep-alive\nid: ${world.watch.life}.2`);
  assert.equal(sink.events.length, 1);
});

test("there are as many watchers as the bound allows, and none once the node drains", () => {
  const world = new WatchWorld();
  const sinks = [1, 2, 3, 4].map(() => world.open());
  assert.throws(() => world.open(), { code: "RESOURCE_EXHAUSTED" });
  sinks[0]?.leave();
  world.open();
  world.watch.close(new MyelinError("NODE_DRAINING", "the node is shutting down"));
  assert.throws(() => world.open(), { code: "NODE_DRAINING" });
});

test("at the end of the node everybody is told what is left, and that it ends", () => {
  const world = new WatchWorld();
  const sink = world.open();
  world.happen(1);
  world.watch.close(new MyelinError("NODE_DRAINING", "the node is shutting down"));
  assert.deepEqual(names(sink), ["begin", "agents", "goodbye"]);
  assert.equal(sink.events.at(-1)?.data["code"], "NODE_DRAINING");
  assert.equal(sink.isEnded, true);
  assert.equal(world.clock.nextDueUs, Number.POSITIVE_INFINITY);
});

test("a flood of events leaves the loop free between portions", async () => {
  const world = new WatchWorld({ maxWatchEvents: 5000, maxWatchBytes: 1 << 26, watcherBytes: 1e9 });
  const sink = world.open();
  for (let mark = 1; mark <= 3000; mark += 1) world.happen(mark);
  await world.turn();
  assert.equal(marks(sink).length, 3000);
  assert.ok(sink.writes > 5, String(sink.writes));
});
