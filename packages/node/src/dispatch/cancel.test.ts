import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instruction } from "../instruction/index.ts";
import { secondUs, World } from "./test-support.ts";

function opened(world: World, id: string): Instruction {
  const instruction = world.open(id);
  assert.ok(instruction);
  return instruction;
}

test("an instruction that was not sent is canceled at once", async () => {
  const world = new World();
  world.agent("w1");
  const { id } = world.fire("w1");
  world.dispatch.cancel(opened(world, id));
  assert.equal(world.endOf(id), "canceled CANCELED");
  assert.deepEqual(world.attach("w1").sent, []);
});

test("an instruction that was sent is canceled by its agent, if that has not begun it", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.cancel(opened(world, id));
  assert.deepEqual(app.canceled, [id]);
  assert.equal(world.open(id)?.status, "sent");
  world.dispatch.acknowledge(
    app,
    app.says(id, "canceled", { error: { code: "CANCELED", message: "" } }),
  );
  assert.equal(world.endOf(id), "canceled CANCELED");
});

test("an instruction whose agent had begun it when it was called off ends as the agent says", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.cancel(opened(world, id));
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.equal(world.endOf(id), "executed");
});

test("an instruction that has begun, or ended, cannot be canceled", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  const instruction = opened(world, id);
  world.dispatch.acknowledge(app, app.says(id, "received"));
  assert.throws(() => world.dispatch.cancel(instruction), {
    code: "CONFLICT",
    message: /received/,
  });
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.throws(() => world.dispatch.cancel(instruction), {
    code: "CONFLICT",
    message: /executed/,
  });
});

test("a cancellation that the agent could not hear is told again before the instruction, on resume", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  app.isLive = false;
  world.dispatch.cancel(opened(world, id));
  await world.clock.run(secondUs);
  const resumed = world.reattach(app);
  assert.deepEqual(resumed.log, [`cancellation ${id}`, `instruction ${id}`]);
});

test("an idempotent instruction that was called off is not given to the next life of the part", () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart!"]);
  const { id } = world.fire("w1");
  world.dispatch.cancel(opened(world, id));
  assert.deepEqual(world.reattach(app, "life-2").sent, []);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
});

test("an instruction by hand is canceled while it waits, and so it is on disk", async () => {
  const world = new World();
  world.agent("w1");
  const batch = await world.settle(world.byHand.accept(world.order(["w1"])));
  const [instruction] = batch.instructions;
  assert.ok(instruction);
  world.dispatch.cancel(instruction);
  await world.clock.run(secondUs);
  assert.equal(world.store.disk.instructions.get(instruction.id)?.status, "canceled");
  assert.equal(world.dispatch.openByHandCount, 0);
});

test("an instruction that is canceled while its recipient is being written is not sent, and has none", async () => {
  const world = new World();
  world.agent("w1");
  const batch = await world.settle(world.byHand.accept(world.order(["w1"])));
  const [instruction] = batch.instructions;
  assert.ok(instruction);
  world.store.disk.syncDelayUs = 5000;
  const app = world.attach("w1");
  world.dispatch.cancel(instruction);
  await world.clock.run(secondUs);
  assert.deepEqual(
    [app.sent, instruction.status, instruction.recipient],
    [[], "canceled", undefined],
  );
});

test("an instruction that is canceled while it waits for the next turn leaves the queue", () => {
  const world = new World({ turnBudgetBytes: 1 });
  const app = world.attach("w1");
  world.fire("w1");
  const { id } = world.fire("w1");
  assert.equal(world.scheduler.size, 1);
  world.dispatch.cancel(opened(world, id));
  assert.equal(world.scheduler.size, 0);
  assert.equal(app.sent.length, 1);
});
