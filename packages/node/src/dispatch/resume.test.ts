import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInstructionId } from "@myelin/core/ids";
import { plan, secondUs, World } from "./test-support.ts";

test("on resume what was sent and not received is sent again under the same id, what was received is not", async () => {
  const world = new World();
  const app = world.attach("w1");
  const [lost, received] = [world.fire("w1"), world.fire("w1")];
  world.dispatch.acknowledge(app, app.says(received.id, "received"));
  app.isLive = false;
  await world.clock.run(secondUs);
  assert.deepEqual(world.reattach(app).sentIds, [lost.id]);
});

test("what was received goes on over its deadline, whoever resumes", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "5s" }) });
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(6 * secondUs);
  const resumed = world.reattach(app);
  assert.equal(world.open(id)?.status, "received");
  world.dispatch.acknowledge(resumed, resumed.says(id, "executed"));
  assert.equal(world.endOf(id), "executed");
});

test("on resume what the agent has not received by its deadline expires", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "5s" }) });
  app.isLive = false;
  await world.clock.run(6 * secondUs);
  const resumed = world.reattach(app);
  assert.deepEqual(resumed.sentIds, []);
  assert.equal(world.endOf(id), "expired DEADLINE_EXCEEDED");
});

test("what is sent again on resume keeps to the turn's budget of bytes", async () => {
  const world = new World({ turnBudgetBytes: 250 });
  const app = world.attach("w1");
  for (let count = 0; count < 9; count++) world.fire("w1");
  await world.clock.run(0);
  app.isLive = false;
  const resumed = world.reattach(app);
  assert.ok(resumed.sent.length <= 3);
  await world.clock.run(0);
  assert.equal(resumed.sent.length, 9);
});

test("what was sent to a life of a part that is over fails with OUTCOME_UNKNOWN, received or not", () => {
  const world = new World();
  const app = world.attach("w1");
  const [sent, received] = [world.fire("w1"), world.fire("w1")];
  world.dispatch.acknowledge(app, app.says(received.id, "received"));
  const next = world.reattach(app, "life-2");
  assert.equal(world.endOf(sent.id), "failed OUTCOME_UNKNOWN");
  assert.equal(world.endOf(received.id), "failed OUTCOME_UNKNOWN");
  assert.deepEqual(next.sent, []);
});

test("what was sent to a life that is over is sent again where the handler is idempotent", async () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart!"]);
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(secondUs);
  const next = world.reattach(app, "life-2");
  assert.deepEqual(next.sentIds, [id]);
  world.dispatch.acknowledge(next, next.says(id, "executed"));
  assert.equal(world.endOf(id), "executed");
  assert.equal(world.end(id)?.stagesUs.execute, 0, "of the life that did it");
});

test("an idempotent instruction of a life that is over is not sent after its deadline, and may have been done", async () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart!"]);
  const { id } = world.fire("w1", { plan: plan({ deadline: "5s" }) });
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(6 * secondUs);
  assert.deepEqual(world.reattach(app, "life-2").sent, []);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
});

test("an idempotent instruction that waits to be sent again ends with OUTCOME_UNKNOWN when its time is up", async () => {
  const world = new World({ maxOutstanding: 1 });
  const app = world.attach("w1", "app", ["restart!"]);
  const { id } = world.fire("w1", { plan: plan({ deadline: "5s", priority: 1 }) });
  const blocker = world.fire("w1", { plan: plan({ priority: 9 }) });
  const next = world.reattach(app, "life-2");
  assert.deepEqual(next.sentIds, [blocker.id]);
  await world.clock.run(5 * secondUs);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
});

test("only the part that lives anew loses what it had", () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart"]);
  const supervisor = world.attach("w1", "supervisor", ["kill"]);
  const [restart, kill] = [world.fire("w1"), world.fire("w1", { plan: plan({ action: "kill" }) })];
  world.reattach(supervisor, "life-2");
  assert.equal(world.open(restart.id)?.status, "sent");
  assert.equal(world.endOf(kill.id), "failed OUTCOME_UNKNOWN");
  assert.equal(app.sent.length, 1);
});

test("an outcome is settled only when it is on disk", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.store.disk.isFull = true;
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  await world.clock.run(3 * secondUs);
  assert.deepEqual(app.settled, []);
  assert.equal(world.dispatch.find(id)?.status, "executed");
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.deepEqual(app.settled, [], "told again, and still not on disk");
  world.store.disk.isFull = false;
  await world.clock.run(3 * secondUs);
  assert.deepEqual(app.settled, [id]);
  assert.equal(world.store.disk.ledger.size, 1);
});

test("an outcome is settled in the session that the part has by then", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  app.isLive = false;
  const resumed = world.reattach(app);
  await world.clock.run(secondUs);
  assert.deepEqual(resumed.settled, [id]);
});

test("nothing is kept for an agent that has left and has nothing under way", async () => {
  const world = new World({ breaker: { failuresToOpen: 1, openForUs: 1e12 } });
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "failed"));
  assert.deepEqual(world.dispatch.openBreakersOf(app.agent.id), ["app"]);
  world.sessions.clear();
  world.dispatch.detached(app.agent);
  assert.deepEqual(world.dispatch.openBreakersOf(app.agent.id), []);
});

test("nothing is kept for an agent that is gone once its last instruction has ended", async () => {
  const world = new World({ breaker: { failuresToOpen: 1, openForUs: 1e12 } });
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.sessions.clear();
  app.agent.slot = undefined;
  world.dispatch.detached(app.agent);
  assert.equal(world.dispatch.outstandingOf(app.agent.id), 1);
  await world.clock.run(200 * secondUs);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
  assert.deepEqual(world.dispatch.openBreakersOf(app.agent.id), []);
});

test("an outcome that the disk did not keep is not settled", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.store.appendLedger = () => Promise.resolve(false);
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  await world.clock.run(secondUs);
  assert.deepEqual(app.settled, []);
  assert.equal(world.dispatch.find(parseInstructionId(id)), undefined);
});

test("an outcome by hand whose end the disk refuses for good is not settled", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { instructions } = await world.settle(world.byHand.accept(world.order(["w1"])));
  world.store.updateInstructions = () => Promise.reject(new Error("torn"));
  world.dispatch.acknowledge(app, app.says(instructions[0]?.id ?? "", "executed"));
  await world.clock.run(secondUs);
  assert.deepEqual(app.settled, []);
  assert.equal(world.errors[0]?.code, "INTERNAL");
});
