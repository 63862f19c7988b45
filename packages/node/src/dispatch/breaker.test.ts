import assert from "node:assert/strict";
import { test } from "node:test";
import type { Acknowledgement } from "@myelin/core/wire";
import { Breaker } from "./breaker.ts";
import { type FakeSession, plan, secondUs, World } from "./test-support.ts";

const options = { failuresToOpen: 3, openForUs: 10 };

function fail(
  world: World,
  app: FakeSession,
  status: Acknowledgement["status"] = "failed",
): string {
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, status));
  return world.endOf(id);
}

test("a breaker opens after so many failures in a row, and a success in between starts the count anew", () => {
  const breaker = new Breaker(options);
  assert.deepEqual(
    [false, false, true, false, false, false].map((succeeded) => breaker.record(succeeded, 0)),
    [false, false, false, false, false, true],
  );
  assert.equal(breaker.isOpen, true);
  assert.equal(breaker.admits(9), false);
});

test("an open breaker lets one through after its time, whose outcome decides", () => {
  const breaker = new Breaker({ failuresToOpen: 1, openForUs: 10 });
  breaker.record(false, 0);
  assert.deepEqual([breaker.admits(10), breaker.admits(10)], [true, false]);
  assert.equal(breaker.record(false, 11), true);
  assert.deepEqual([breaker.admits(20), breaker.admits(21)], [false, true]);
  breaker.record(true, 22);
  assert.deepEqual([breaker.isOpen, breaker.admits(22), breaker.admits(22)], [false, true, true]);
});

test("a trial that tells nothing about the part leaves the breaker one failure from opening", () => {
  const breaker = new Breaker(options);
  for (let count = 0; count < 3; count++) breaker.record(false, 0);
  assert.equal(breaker.admits(10), true);
  breaker.abandonTrial();
  assert.equal(breaker.admits(10), true);
  assert.equal(breaker.record(false, 10), true);
});

test("failures in a row keep rules from a part of an agent, and the opening is told once", () => {
  const world = new World();
  const app = world.attach("w1");
  for (let count = 0; count < 3; count++) fail(world, app);
  assert.deepEqual(world.breakers, ["w1/app"]);
  assert.deepEqual(world.dispatch.openBreakersOf(app.agent.id), ["app"]);
  assert.equal(world.endOf(world.fire("w1").id), "rejected BREAKER_OPEN");
  assert.equal(app.sent.length, 3);
  assert.deepEqual(world.breakers, ["w1/app"]);
});

test("a breaker is over one part of one agent, and never in the way of instructions by hand", async () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart"]);
  const supervisor = world.attach("w1", "supervisor", ["kill"]);
  const other = world.attach("w2");
  for (let count = 0; count < 3; count++) fail(world, app);
  world.fire("w1", { plan: plan({ action: "kill" }) });
  world.fire("w2");
  assert.deepEqual([supervisor.sent.length, other.sent.length], [1, 1]);
  await world.settle(world.byHand.accept(world.order(["w1"])));
  assert.equal(app.sent.length, 4);
});

test("an open breaker tries one after its time and closes when it succeeds", async () => {
  const world = new World();
  const app = world.attach("w1");
  for (let count = 0; count < 3; count++) fail(world, app);
  await world.clock.run(10 * secondUs);
  const trial = world.fire("w1");
  assert.equal(world.open(trial.id)?.status, "sent");
  assert.equal(world.endOf(world.fire("w1").id), "rejected BREAKER_OPEN");
  world.dispatch.acknowledge(app, app.says(trial.id, "executed"));
  assert.equal(fail(world, app, "executed"), "executed");
  assert.deepEqual(world.dispatch.openBreakersOf(app.agent.id), []);
});

test("a trial whose part has begun another life is over: a failure of it, or nothing if it is sent again", async () => {
  const world = new World();
  let app = world.attach("w1");
  for (let count = 0; count < 3; count++) fail(world, app);
  await world.clock.run(10 * secondUs);
  world.fire("w1");
  app = world.reattach(app, "life-2");
  assert.deepEqual(world.breakers, ["w1/app", "w1/app"]);
  await world.clock.run(10 * secondUs);
  const again = world.fire("w1");
  assert.equal(world.open(again.id)?.status, "sent");

  const idempotent = new World();
  let part = idempotent.attach("w1", "app", ["restart!"]);
  for (let count = 0; count < 3; count++) fail(idempotent, part);
  await idempotent.clock.run(10 * secondUs);
  const trial = idempotent.fire("w1");
  part = idempotent.reattach(part, "life-2");
  assert.deepEqual(part.sentIds, [trial.id]);
});

test("rejections do not count as failures of the part", () => {
  const world = new World();
  const app = world.attach("w1");
  for (let count = 0; count < 5; count++) fail(world, app, "rejected");
  assert.deepEqual(world.breakers, []);
});

test("a trial that cannot be sent is no trial", async () => {
  const world = new World();
  const app = world.attach("w1");
  for (let count = 0; count < 3; count++) fail(world, app);
  await world.clock.run(10 * secondUs);
  const { sendInstruction } = app;
  app.sendInstruction = () => {
    throw new RangeError("too deep");
  };
  assert.equal(world.endOf(world.fire("w1").id), "rejected INTERNAL");
  app.sendInstruction = sendInstruction;
  assert.equal(world.open(world.fire("w1").id)?.status, "sent");
});

test("a place that one does not take, because the breaker is open, goes to the next that waits", async () => {
  const world = new World({
    maxOutstanding: 1,
    breaker: { failuresToOpen: 1, openForUs: 10 * secondUs },
  });
  const app = world.attach("w1");
  const accept = async (): Promise<string> => {
    const batch = await world.settle(world.byHand.accept(world.order(["w1"])));
    return batch.instructions[0]?.id ?? "";
  };
  const first = await accept();
  const refused = world.fire("w1", { plan: plan({ priority: 10 }) });
  const next = await accept();
  world.dispatch.acknowledge(app, app.says(first, "failed"));
  world.scheduler.drain();
  assert.equal(world.endOf(refused.id), "rejected BREAKER_OPEN");
  assert.deepEqual(app.sentIds, [first, next]);
});
