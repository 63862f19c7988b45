import assert from "node:assert/strict";
import { test } from "node:test";
import { parseActionName, parseAgentId } from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import { secondUs, World } from "./test-support.ts";

test("nothing is sent before it is on disk", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.store.disk.syncDelayUs = 5000;
  const accepted = world.byHand.accept(world.order(["w1"]));
  await world.clock.run(4999);
  assert.deepEqual(app.sent, []);
  await world.clock.run(1);
  const { instructions } = await accepted;
  assert.deepEqual(app.sentIds, [instructions[0]?.id]);
  assert.equal(world.store.disk.instructions.get(instructions[0]?.id ?? "")?.actor, "local");
});

test("a full disk refuses an order, and nothing of it is sent or kept", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.store.disk.isFull = true;
  await assert.rejects(world.settle(world.byHand.accept(world.order(["w1"]))), {
    code: "STORAGE_FULL",
  });
  assert.deepEqual(app.sent, []);
  assert.equal(world.dispatch.openCount, 0);
  assert.equal(world.store.disk.instructions.size, 0);
  world.store.disk.isFull = false;
  await world.settle(world.byHand.accept(world.order(["w1"])));
  assert.equal(app.sent.length, 1);
});

test("an order with durability memory goes out on a full disk, and rules act on it as ever", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.store.disk.isFull = true;
  await world.settle(world.byHand.accept(world.order(["w1"], { durability: "memory" })));
  world.fire("w1");
  assert.equal(app.sent.length, 2);
});

test("an order to many is one batch with an instruction for each agent, and each one's outcome", async () => {
  const world = new World();
  const [first, second] = [world.attach("w1"), world.attach("w2")];
  world.attach("w3", "app", ["fly"]);
  const batch = await world.settle(world.byHand.accept(world.order(["w1", "w2", "w3"])));
  const [one, two] = batch.instructions;
  world.dispatch.acknowledge(first, first.says(one?.id ?? "", "executed", { result: 1 }));
  world.dispatch.acknowledge(second, second.says(two?.id ?? "", "failed"));
  await world.settle(world.byHand.settled(batch, 10 * secondUs), 50_000);
  assert.deepEqual(
    batch.instructions.map(({ agent, status }) => [agent, status]),
    [
      ["w1", "executed"],
      ["w2", "failed"],
      ["w3", "rejected"],
    ],
  );
});

test("a caller waits no longer than it said, and no longer than it must", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.attach("w2");
  const batch = await world.settle(world.byHand.accept(world.order(["w1", "w2"])));
  const [one, two] = batch.instructions;
  let isSettled = false;
  const waiting = world.byHand.settled(batch, 5 * secondUs).then(() => (isSettled = true));
  world.dispatch.acknowledge(app, app.says(one?.id ?? "", "executed"));
  await world.clock.run(5 * secondUs - 1);
  assert.equal(isSettled, false);
  await world.clock.run(1);
  await waiting;
  assert.deepEqual([one?.status, two?.status], ["executed", "sent"]);

  const again = world.byHand.settled(batch, 100 * secondUs);
  const [other] = [...world.sessions.values()][1]?.values() ?? [];
  assert.ok(other);
  world.dispatch.acknowledge(other, other.says(two?.id ?? "", "executed"));
  await world.settle(again, 50_000);
  await world.byHand.settled(batch, 0);
  await world.clock.run(secondUs);
  world.dispatch.stop();
  assert.equal(world.clock.nextDueUs, Number.POSITIVE_INFINITY, "no timer is left");
});

test("an instruction by hand is known from the call on: no collect, ingest, compute or rule stage", async () => {
  const world = new World();
  const app = world.attach("w1");
  const batch = await world.settle(world.byHand.accept(world.order(["w1"])), 300);
  const id = batch.instructions[0]?.id ?? "";
  world.dispatch.acknowledge(
    app,
    app.says(id, "executed", { receivedAtUs: world.clock.nowUs() - 100 }),
  );
  const document = world.end(id);
  assert.deepEqual(document?.stagesUs, {
    collect: null,
    ingest: null,
    compute: null,
    rule: null,
    dispatch: 200,
    execute: 100,
  });
  assert.equal(document?.totalUs, 300);
  assert.deepEqual([document?.rule, document?.ruleVersion, document?.attempt], [null, null, 1]);
});

test("calls with the same idempotency key at once are performed once", async () => {
  const world = new World();
  const app = world.attach("w1");
  const order = world.order(["w1"], { idempotencyKey: "k1" });
  const [first, second] = await world.settle(
    Promise.all([world.byHand.accept(order), world.byHand.accept(order)]),
  );
  assert.equal(first.id, second.id);
  assert.equal(app.sent.length, 1);
  const third = await world.settle(world.byHand.accept(order));
  assert.equal(third.id, first.id);
  assert.equal(third.instructions[0], first.instructions[0], "the open one, not a copy");
});

test("the same key finds its outcome, also while the end is not on disk", async () => {
  const world = new World();
  const app = world.attach("w1");
  const order = world.order(["w1"], { idempotencyKey: "k1" });
  const { instructions } = await world.settle(world.byHand.accept(order));
  const id = instructions[0]?.id ?? "";
  world.store.disk.isFull = true;
  world.dispatch.acknowledge(app, app.says(id, "executed", { result: 42 }));
  const again = await world.settle(world.byHand.accept(order));
  assert.equal(again.instructions[0]?.status, "executed");
  world.store.disk.isFull = false;
  await world.clock.run(5 * secondUs);
  const later = await world.settle(world.byHand.accept(order));
  assert.deepEqual(
    [later.instructions[0]?.status, later.instructions[0]?.result],
    ["executed", 42],
  );
  assert.equal(app.sent.length, 1);
});

test("after a restart the same key is the same call, ended or open", async () => {
  const before = new World();
  const app = before.attach("w1");
  before.agent("w2");
  const ended = before.order(["w1"], { idempotencyKey: "k1" });
  const open = before.order(["w2"], { idempotencyKey: "k2" });
  const first = await before.settle(before.byHand.accept(ended));
  const second = await before.settle(before.byHand.accept(open));
  before.dispatch.acknowledge(app, app.says(first.instructions[0]?.id ?? "", "executed"));
  await before.clock.run(secondUs);
  before.store.crash();

  const after = new World({ clock: before.clock, disk: before.store.disk, seed: 2 });
  after.agent("w1");
  after.agent("w2");
  await after.restore();
  const one = await after.settle(after.byHand.accept(ended));
  const two = await after.settle(after.byHand.accept(open));
  assert.deepEqual([one.id, one.instructions[0]?.status], [first.id, "executed"]);
  assert.deepEqual([two.id, two.instructions[0]?.status], [second.id, "accepted"]);
  const sessions = [after.attach("w1"), after.attach("w2")];
  await after.clock.run(0);
  assert.deepEqual(
    sessions.map(({ sentIds }) => sentIds),
    [[], [second.instructions[0]?.id]],
  );
});

test("a key that was used in memory is the same call too", async () => {
  const world = new World();
  const app = world.attach("w1");
  const order = world.order(["w1"], { idempotencyKey: "k1", durability: "memory" });
  const first = await world.settle(world.byHand.accept(order));
  const second = await world.settle(world.byHand.accept({ ...order, durability: "disk" }));
  assert.equal(second.id, first.id);
  assert.equal(app.sent.length, 1);
});

test("another order with a key that was used is refused, also while the first is being written", async () => {
  const world = new World();
  world.attach("w1");
  world.attach("w2");
  const order = world.order(["w1"], { idempotencyKey: "k1", args: { a: 1, b: 2 } });
  await world.settle(world.byHand.accept({ ...order, args: { b: 2, a: 1 } }));
  await world.settle(world.byHand.accept(order));
  const others = [
    { args: { a: 2, b: 2 } },
    { action: parseActionName("stop") },
    { priority: 6 },
    { timeoutUs: secondUs },
    { deadlineUs: secondUs },
    { to: parseAgentId("w2") },
  ];
  for (const other of others) {
    await assert.rejects(world.settle(world.byHand.accept({ ...order, ...other })), {
      code: "ALREADY_EXISTS",
    });
  }
  const fresh = world.order(["w1"], { idempotencyKey: "k2" });
  const writing = world.byHand.accept(fresh);
  await assert.rejects(world.settle(world.byHand.accept({ ...fresh, priority: 1 })), {
    code: "ALREADY_EXISTS",
  });
  await writing;
});

test("an order that failed leaves its key free", async () => {
  const world = new World();
  const app = world.attach("w1");
  const order = world.order(["w1"], { idempotencyKey: "k1" });
  world.store.disk.isFull = true;
  await assert.rejects(world.settle(world.byHand.accept(order)), { code: "STORAGE_FULL" });
  world.store.disk.isFull = false;
  await world.settle(world.byHand.accept(order));
  assert.equal(app.sent.length, 1);
});

test("an order whose args no frame can carry is refused before anything is kept", async () => {
  const world = new World();
  world.attach("w1");
  let deep: JsonObject = {};
  for (let level = 0; level < 50; level++) deep = { deep };
  const large = { text: "x".repeat(70_000) };
  await assert.rejects(world.settle(world.byHand.accept(world.order(["w1"], { args: deep }))), {
    code: "INVALID_ARGUMENT",
  });
  await assert.rejects(world.settle(world.byHand.accept(world.order(["w1"], { args: large }))), {
    code: "PAYLOAD_TOO_LARGE",
  });
  assert.equal(world.store.disk.instructions.size, 0);
});

test("orders that are being written count against the bound", async () => {
  const world = new World({ maxOpen: 3 });
  world.attach("w1");
  world.attach("w2");
  const first = world.byHand.accept(world.order(["w1", "w2"]));
  await assert.rejects(world.byHand.accept(world.order(["w1", "w2"])), {
    code: "RESOURCE_EXHAUSTED",
  });
  await world.settle(first);
  await world.settle(world.byHand.accept(world.order(["w1"])));
});

test("a key that was performed is answered although its agents are not to be found any more", async () => {
  const world = new World();
  world.attach("w1");
  const order = world.order(["w1"], { idempotencyKey: "k1", to: undefined });
  const first = await world.settle(world.byHand.accept(order));
  const nobody = (): never => {
    throw new Error("looked for agents");
  };
  const second = await world.settle(world.byHand.accept({ ...order, agents: nobody }));
  assert.equal(second.id, first.id);
});
