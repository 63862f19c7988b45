import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIncarnation } from "@myelin/core/ids";
import { plan, secondUs, World, type WorldOptions } from "./test-support.ts";

/** The next run of a node that was killed. */
async function restarted(before: World, options: WorldOptions = {}): Promise<World> {
  before.store.crash();
  before.dispatch.stop();
  const after = new World({ clock: before.clock, disk: before.store.disk, seed: 2, ...options });
  for (const [id, agent] of before.agents) after.agents.set(id, agent);
  await after.restore();
  return after;
}

async function acceptedId(world: World, agent = "w1"): Promise<string> {
  const batch = await world.settle(world.byHand.accept(world.order([agent])));
  return batch.instructions[0]?.id ?? "";
}

test("for an agent that is away, its life is on disk before the instruction is sent to it", async () => {
  const world = new World();
  world.agent("w1");
  const id = await acceptedId(world);
  assert.equal(world.store.disk.instructions.get(id)?.incarnation, undefined);
  world.store.disk.syncDelayUs = 5000;
  const app = world.attach("w1");
  await world.clock.run(4999);
  assert.deepEqual(app.sent, []);
  await world.clock.run(1);
  assert.deepEqual(app.sentIds, [id]);
  assert.equal(world.store.disk.instructions.get(id)?.incarnation, "life-1");
});

test("one that was accepted while its agent was away is not overtaken by one that was accepted after", async () => {
  const world = new World();
  world.agent("w1");
  world.store.disk.syncDelayUs = 5000;
  const first = world.byHand.accept(world.order(["w1"]));
  await world.clock.run(4000);
  const app = world.attach("w1");
  const second = world.byHand.accept(world.order(["w1"]));
  await world.clock.run(20_000);
  const ids = (await Promise.all([first, second])).map(({ instructions }) => instructions[0]?.id);
  assert.deepEqual(app.sentIds, ids);
});

test("while the disk takes no recipient, the instruction waits and is tried again; it expires at its deadline", async () => {
  const world = new World();
  world.agent("w1");
  const id = await acceptedId(world);
  const late = await world.settle(
    world.byHand.accept(world.order(["w1"], { deadlineUs: secondUs })),
  );
  world.store.disk.isFull = true;
  const app = world.attach("w1");
  await world.clock.run(5 * secondUs);
  assert.deepEqual(app.sent, []);
  assert.equal(world.endOf(late.instructions[0]?.id ?? ""), "expired DEADLINE_EXCEEDED");
  assert.equal(world.errors[0]?.code, "STORAGE_FULL");
  world.store.disk.isFull = false;
  await world.clock.run(2 * secondUs);
  assert.deepEqual(app.sentIds, [id]);
});

test("a part that lives anew while the former life is being written gets its own record first", async () => {
  const world = new World();
  world.agent("w1");
  const id = await acceptedId(world);
  world.store.disk.syncDelayUs = 5000;
  const former = world.attach("w1");
  await world.clock.run(1000);
  const next = world.reattach(former, "life-2");
  await world.clock.run(20_000);
  assert.deepEqual([former.sent.length, next.sentIds], [0, [id]]);
  assert.equal(world.store.disk.instructions.get(id)?.incarnation, "life-2");
});

test("what was accepted and not sent before the node was killed is sent by its next run", async () => {
  const before = new World();
  before.agent("w1");
  const id = await acceptedId(before);
  const after = await restarted(before);
  assert.equal(after.dispatch.openByHandCount, 1);
  const app = after.attach("w1");
  await after.clock.run(0);
  assert.deepEqual(app.sentIds, [id]);
});

test("what may have been sent is sent again to the same life", async () => {
  const before = new World();
  before.attach("w1");
  const id = await acceptedId(before);
  const after = await restarted(before);
  assert.equal(after.open(id)?.status, "sent");
  const app = after.attach("w1");
  await after.clock.run(0);
  assert.deepEqual(app.sentIds, [id]);
  after.dispatch.acknowledge(app, app.says(id, "executed"));
  await after.clock.run(secondUs);
  assert.equal(after.store.disk.instructions.get(id)?.status, "executed");
});

test("what may have been sent to another life fails with OUTCOME_UNKNOWN, unless the handler is idempotent", async () => {
  const before = new World();
  before.attach("w1");
  before.attach("w2", "app", ["restart!"]);
  const [plain, idempotent] = [await acceptedId(before), await acceptedId(before, "w2")];
  const after = await restarted(before);
  for (const agent of after.agents.values())
    for (const part of agent.parts.values()) part.incarnation = parseIncarnation("life-2");
  const [first, second] = [after.attach("w1"), after.attach("w2")];
  await after.clock.run(0);
  assert.deepEqual(first.sent, []);
  assert.equal(after.endOf(plain), "failed OUTCOME_UNKNOWN");
  assert.deepEqual(second.sentIds, [idempotent]);
  assert.equal(after.store.disk.instructions.get(idempotent)?.incarnation, "life-2");
});

test("what an earlier life may have done stays unknown after a restart, whatever the later life says that it did not do", async () => {
  for (const status of ["rejected", "expired", "canceled"] as const) {
    const before = new World();
    const former = before.attach("w1", "app", ["restart!"]);
    const id = await acceptedId(before);
    const next = before.reattach(former, "life-2");
    await before.clock.run(0);
    assert.deepEqual(next.sentIds, [id]);
    const after = await restarted(before);
    const again = after.attach("w1");
    after.dispatch.acknowledge(again, again.says(id, status));
    assert.equal(after.endOf(id), "failed OUTCOME_UNKNOWN");
  }
});

test("an agent that never comes back: what was not sent expires, what may have been sent is unknown", async () => {
  const before = new World();
  before.agent("w1");
  const unsent = await acceptedId(before);
  before.attach("w2");
  const sent = await acceptedId(before, "w2");
  const after = await restarted(before);
  await after.clock.run(30 * secondUs);
  assert.equal(after.endOf(unsent), "expired DEADLINE_EXCEEDED");
  assert.equal(after.end(sent), undefined);
  await after.clock.run(62 * secondUs);
  assert.equal(after.endOf(sent), "failed OUTCOME_UNKNOWN");
  await after.clock.run(secondUs);
  assert.equal(after.store.disk.instructions.get(unsent)?.status, "expired");
  assert.equal(after.store.disk.instructions.get(sent)?.status, "failed");
});

test("what ended and was not written when the node was killed ends again with its agent's word", async () => {
  const before = new World();
  const app = before.attach("w1");
  const id = await acceptedId(before);
  before.store.disk.isFull = true;
  before.dispatch.acknowledge(app, app.says(id, "executed"));
  await before.clock.run(secondUs);
  const after = await restarted(before);
  after.store.disk.isFull = false;
  assert.equal(after.open(id)?.status, "sent");
});

test("whenever a caller was told of an end, the next run of the node knows it", async () => {
  let told = 0;
  for (let crashAfterUs = 0; crashAfterUs <= 60_000; crashAfterUs += 2500) {
    const before = new World();
    const app = before.attach("w1");
    const batch = await before.settle(before.byHand.accept(before.order(["w1"])));
    const id = batch.instructions[0]?.id ?? "";
    before.store.disk.syncDelayUs = 1000;
    let isTold = false;
    void before.byHand.settled(batch, secondUs).then(() => (isTold = true));
    before.dispatch.acknowledge(app, app.says(id, "executed"));
    await before.clock.run(crashAfterUs);
    before.store.disk.syncDelayUs = 0;
    const after = await restarted(before);
    assert.ok(!isTold || after.open(id) === undefined, `told and open after ${crashAfterUs} µs`);
    if (isTold) told += 1;
  }
  assert.ok(told > 0);
});

test("the ends that a full disk did not take are written when there is space, in one group", async () => {
  const world = new World();
  const app = world.attach("w1");
  const ids: string[] = [];
  for (let count = 0; count < 20; count++) ids.push(await acceptedId(world));
  const { commits } = world.store.health();
  world.store.disk.isFull = true;
  for (const id of ids) world.dispatch.acknowledge(app, app.says(id, "executed"));
  await world.clock.run(5 * secondUs);
  assert.equal(world.dispatch.unwrittenCount, 20);
  assert.ok(world.errors.length <= 5, `${world.errors.length} errors told`);
  assert.deepEqual(app.settled, []);
  world.store.disk.isFull = false;
  await world.clock.run(5 * secondUs);
  for (const id of ids) assert.equal(world.store.disk.instructions.get(id)?.status, "executed");
  assert.equal(world.dispatch.unwrittenCount, 0);
  assert.deepEqual(new Set(app.settled), new Set(ids));
  assert.ok(world.store.health().commits - commits < 10);
});

test("more instructions than its settings allow are restored all the same, and all end", async () => {
  const before = new World();
  before.agent("w1");
  for (let count = 0; count < 10; count++) await acceptedId(before);
  const after = await restarted(before, {
    maxOpen: 2,
    maxWaiting: 1,
    maxQueued: 1,
    maxOutstanding: 1,
  });
  assert.equal(after.dispatch.openCount, 10);
  await after.clock.run(100 * secondUs);
  assert.equal(after.ledger.figures().counts.expired, 10);
});

test("whenever the state says that an instruction has ended, the ledger has its account", async () => {
  for (let crashAfterUs = 0; crashAfterUs <= 60_000; crashAfterUs += 2500) {
    const before = new World();
    const { disk } = before.store;
    const app = before.attach("w1");
    const id = await acceptedId(before);
    disk.syncDelayUs = 1000;
    before.dispatch.acknowledge(app, app.says(id, "executed"));
    await before.clock.run(crashAfterUs);
    disk.syncDelayUs = 0;
    const after = await restarted(before);
    if (after.open(id) === undefined)
      assert.equal(disk.ledger.get(id)?.entry.document.status, "executed");
  }
});

test("who waits does not overtake the one whose recipient is being written", async () => {
  const world = new World({ maxOutstanding: 1 });
  world.agent("w1");
  const first = await acceptedId(world);
  const second = await acceptedId(world);
  world.store.disk.syncDelayUs = 5000;
  const app = world.attach("w1");
  await world.clock.run(1000);
  world.fire("w1");
  await world.clock.run(20_000);
  assert.deepEqual(app.sentIds, [first]);
  world.dispatch.acknowledge(app, app.says(first, "executed"));
  world.scheduler.drain();
  await world.clock.run(20_000);
  assert.equal(app.sentIds[1], second);
});

test("one that ends while its recipient is being written leaves its place to the next", async () => {
  const world = new World({ maxOutstanding: 1 });
  world.agent("w1");
  const first = await acceptedId(world);
  const second = await acceptedId(world);
  world.store.disk.syncDelayUs = 5000;
  const app = world.attach("w1");
  await world.clock.run(1000);
  const canceled = world.open(first);
  assert.ok(canceled);
  world.dispatch.cancel(canceled);
  await world.clock.run(20_000);
  assert.deepEqual(app.sentIds, [second]);
});

test("an instruction whose recipient was written late still expires while it waits for its turn", async () => {
  const world = new World({ maxOutstanding: 1 });
  world.agent("w1");
  const batch = await world.settle(
    world.byHand.accept(world.order(["w1"], { deadlineUs: 20 * secondUs })),
  );
  const id = batch.instructions[0]?.id ?? "";
  world.store.disk.isFull = true;
  const app = world.attach("w1");
  await world.clock.run(secondUs);
  world.store.disk.isFull = false;
  const blocker = world.fire("w1", { plan: plan({ deadline: "1h", timeout: "1h" }) });
  world.dispatch.acknowledge(app, app.says(blocker.id, "received"));
  await world.clock.run(18 * secondUs);
  assert.equal(world.open(id)?.status, "accepted");
  await world.clock.run(secondUs);
  assert.equal(world.endOf(id), "expired DEADLINE_EXCEEDED");
});

test("what waited for a part that was away goes behind what had waited for its turn before", async () => {
  const world = new World({ maxOutstanding: 1 });
  const app = world.attach("w1");
  const first = await acceptedId(world);
  await world.clock.run(1000);
  const second = await acceptedId(world);
  app.isLive = false;
  await world.clock.run(1000);
  const third = await acceptedId(world);
  const again = world.reattach(app);
  world.dispatch.acknowledge(again, again.says(first, "executed"));
  world.scheduler.drain();
  await world.clock.run(1000);
  world.dispatch.acknowledge(again, again.says(second, "executed"));
  world.scheduler.drain();
  await world.clock.run(1000);
  assert.deepEqual(again.sentIds, [first, second, third]);
});

test("what was lost with the connection is sent again before what waited behind it", async () => {
  const world = new World({ maxOutstanding: 2 });
  const app = world.attach("w1");
  const done = await acceptedId(world);
  await world.clock.run(1000);
  const lost = await acceptedId(world);
  await world.clock.run(1000);
  const waiting = await acceptedId(world);
  app.isLive = false;
  // As a hello does: first what became of instructions, then the session.
  world.dispatch.acknowledge(app, app.says(done, "executed"));
  const again = world.reattach(app);
  await world.clock.run(1000);
  assert.deepEqual(again.sentIds, [lost, waiting]);
});

test("what an earlier life left open and can be done again goes before what waits", async () => {
  const world = new World({ maxOutstanding: 1 });
  const app = world.attach("w1", "app", ["restart!"]);
  const first = await acceptedId(world);
  await world.clock.run(1000);
  const second = await acceptedId(world);
  const next = world.reattach(app, "life-2");
  await world.clock.run(1000);
  world.dispatch.acknowledge(next, next.says(first, "executed"));
  world.scheduler.drain();
  await world.clock.run(1000);
  assert.deepEqual(next.sentIds, [first, second]);
});
