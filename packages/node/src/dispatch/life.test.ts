import assert from "node:assert/strict";
import { test } from "node:test";
import type { Batch } from "./by-hand.ts";
import { plan, secondUs, World } from "./test-support.ts";

test("an instruction is received, then executed with a result", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  await world.clock.run(100);
  world.dispatch.acknowledge(app, app.says(id, "received"));
  assert.equal(world.open(id)?.status, "received");
  await world.clock.run(400);
  world.dispatch.acknowledge(
    app,
    app.says(id, "executed", { result: { pid: 7 }, receivedAtUs: world.clock.nowUs() - 400 }),
  );
  const document = world.end(id);
  assert.equal(document?.status, "executed");
  assert.deepEqual(document?.result, { pid: 7 });
  assert.equal(document?.part, "app");
  assert.equal(document?.stagesUs.dispatch, 100);
  assert.equal(document?.stagesUs.execute, 400);
  assert.equal(world.dispatch.openCount, 0);
  assert.equal(world.dispatch.outstandingOf(app.agent.id), 0);
});

test("an instruction that failed bears the agent's error, its code from the catalogue and its message bounded", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  const error = { code: "HANDLER_FAILED", message: "no such pid" };
  world.dispatch.acknowledge(app, app.says(id, "failed", { error }));
  assert.deepEqual(world.end(id)?.error, error);
  const other = world.fire("w1");
  const strange = { code: "E_STRANGE", message: "x".repeat(5000) };
  world.dispatch.acknowledge(app, app.says(other.id, "failed", { error: strange }));
  assert.deepEqual(world.end(other.id)?.error, { code: "INTERNAL", message: "x".repeat(1024) });
});

test("an instruction that the agent did not begin has no execute stage", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(
    app,
    app.says(id, "rejected", { error: { code: "BUSY", message: "full" } }),
  );
  const document = world.end(id);
  assert.equal(world.endOf(id), "rejected BUSY");
  assert.equal(document?.stagesUs.execute, null);
  assert.equal(document?.totalUs, null);
});

test("an agent's instants are mapped to the node's clock, and held between the sending and now", async () => {
  const world = new World();
  const app = world.attach("w1");
  app.aheadUs = 5 * secondUs;
  const [mapped, wild, early] = [world.fire("w1"), world.fire("w1"), world.fire("w1")];
  const long = world.fire("w1");
  await world.clock.run(1000);
  world.dispatch.acknowledge(
    app,
    app.says(mapped.id, "executed", { receivedAtUs: world.clock.nowUs() + app.aheadUs - 300 }),
  );
  assert.deepEqual(
    [world.end(mapped.id)?.stagesUs.dispatch, world.end(mapped.id)?.stagesUs.execute],
    [700, 300],
  );
  for (const lie of [Number.POSITIVE_INFINITY, 1e300]) {
    world.dispatch.acknowledge(app, app.says(wild.id, "received", { receivedAtUs: lie }));
  }
  world.dispatch.acknowledge(
    app,
    app.says(wild.id, "executed", { endedAtUs: Number.POSITIVE_INFINITY }),
  );
  assert.deepEqual(
    [world.end(wild.id)?.stagesUs.dispatch, world.end(wild.id)?.stagesUs.execute],
    [1000, 0],
  );
  world.dispatch.acknowledge(
    app,
    app.says(early.id, "executed", { receivedAtUs: 1, endedAtUs: 1 }),
  );
  assert.equal(world.end(early.id)?.totalUs, 0);
  world.dispatch.acknowledge(app, app.says(long.id, "executed", { receivedAtUs: 1 }));
  assert.ok((world.end(long.id)?.stagesUs.execute ?? 0) < 2 * secondUs);
});

test("an instruction that was never answered fails with OUTCOME_UNKNOWN, and only after deadline, timeout and grace", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "3s", timeout: "4s" }) });
  await world.clock.run(9 * secondUs - 1);
  assert.equal(world.end(id), undefined);
  await world.clock.run(1);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
  assert.ok(app.sent.length > 1);
});

test("a timer that comes late does not shorten the wait for an answer", async () => {
  const world = new World({ resendAfterUs: secondUs - 1 });
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "1s", timeout: "4s" }) });
  const nowUs = world.clock.nowUs.bind(world.clock);
  world.clock.nowUs = () => nowUs() + 10_000;
  await world.clock.run(secondUs);
  assert.equal(world.end(id), undefined);
  assert.equal(app.sent.length, 1, "nor is it sent after its deadline");
});

test("an instruction without any answer is sent again under the same id, until its deadline", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "5s" }) });
  await world.clock.run(20 * secondUs);
  assert.deepEqual(app.sentIds, [id, id, id]);
});

test("an instruction that was received is not sent again", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(10 * secondUs);
  assert.equal(app.sent.length, 1);
});

test("an instruction that began and told no outcome within timeout and grace fails with TIMEOUT", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ timeout: "4s" }) });
  await world.clock.run(secondUs);
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(6 * secondUs - 1);
  assert.equal(world.end(id), undefined);
  await world.clock.run(1);
  assert.equal(world.endOf(id), "failed TIMEOUT");
});

test("an instruction that began, and whose agent is away when its time is up, ends with OUTCOME_UNKNOWN: nobody knows", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ timeout: "4s" }) });
  world.dispatch.acknowledge(app, app.says(id, "received"));
  app.isLive = false;
  await world.clock.run(6 * secondUs);
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
});

test("an outcome that comes after the end changes nothing, and is settled", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1", { plan: plan({ timeout: "1s" }) });
  world.dispatch.acknowledge(app, app.says(id, "received"));
  await world.clock.run(5 * secondUs);
  app.settled.length = 0;
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.equal(world.endOf(id), "failed TIMEOUT");
  assert.equal(world.ended.length, 1);
  assert.deepEqual(app.settled, [id]);
  assert.equal(world.dispatch.lateAnswers, 1);
});

test("an agent that answers twice keeps what the disk did not take, and tells it again", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  Object.assign(world.store.disk, { isFull: true, maxWaitingEntries: 0 });
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  await world.clock.run(secondUs);
  assert.equal(world.dispatch.find(id), undefined);
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.deepEqual([world.endOf(id), world.ended.length], ["executed", 1]);
  assert.deepEqual(app.settled, []);
});

test("answers to unknown ids are ignored and settled when final; those to another's instruction too", () => {
  const world = new World();
  const app = world.attach("w1");
  const other = world.attach("w2");
  const supervisor = world.attach("w1", "supervisor", ["kill"]);
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(other, other.says("nobody-knows", "received"));
  world.dispatch.acknowledge(other, other.says("nobody-knows", "executed"));
  world.dispatch.acknowledge(other, other.says(id, "executed"));
  world.dispatch.acknowledge(supervisor, supervisor.says(id, "executed"));
  assert.equal(world.open(id)?.status, "sent");
  assert.deepEqual(other.settled, ["nobody-knows", id]);
  assert.equal(world.dispatch.lateAnswers, 4);
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.equal(world.endOf(id), "executed");
});

test("an answer to what waits to be sent is ignored, also where its recipient is on disk", async () => {
  const world = new World({ maxOutstanding: 1 });
  const app = world.attach("w1");
  world.fire("w1");
  const { id } = world.fire("w1");
  const byHand = await world.settle(world.byHand.accept(world.order(["w1"])));
  const recorded = byHand.instructions[0]?.id ?? "";
  assert.equal(world.store.disk.instructions.get(recorded)?.incarnation, "life-1");
  for (const waiting of [id, recorded]) {
    world.dispatch.acknowledge(app, app.says(waiting, "executed"));
    assert.equal(world.open(waiting)?.status, "accepted");
  }
});

test("an instruction ends once, whatever is said about it again", async () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  for (const status of ["executed", "executed", "failed", "received", "expired"] as const)
    world.dispatch.acknowledge(app, app.says(id, status));
  world.reattach(app, "life-2");
  await world.clock.run(200 * secondUs);
  assert.equal(world.ended.length, 1);
  assert.equal(world.endOf(id), "executed");
  assert.equal(world.ledger.figures().counts.executed, 1);
});

test("an episode that is decided again is the same instruction, open or ended", () => {
  const world = new World();
  const app = world.attach("w1");
  const firing = world.fire("w1");
  world.fire("w1", firing);
  world.dispatch.acknowledge(app, app.says(firing.id, "executed"));
  world.fire("w1", firing);
  assert.equal(app.sent.length, 1);
  assert.equal(world.ended.length, 1);
});

test("the engine is told of each end, once, with the instant at which the agent was done", async () => {
  const world = new World();
  const app = world.attach("w1");
  const firing = world.fire("w1");
  await world.clock.run(500);
  world.dispatch.acknowledge(
    app,
    app.says(firing.id, "executed", {
      receivedAtUs: world.clock.nowUs() - 300,
      endedAtUs: world.clock.nowUs() - 200,
    }),
  );
  const gone = world.fire("w1", { plan: plan({ action: "fly" }) });
  const nowUs = world.clock.nowUs();
  assert.deepEqual(world.told, [
    [
      "hot",
      0,
      {
        succeeded: true,
        endedAtUs: nowUs - 200,
        attempt: 1,
        startedAtUs: firing.episode.startedAtUs,
      },
    ],
    [
      "hot",
      0,
      { succeeded: false, endedAtUs: nowUs, attempt: 1, startedAtUs: gone.episode.startedAtUs },
    ],
  ]);
});

test("an agent that has left has no state to tell of", () => {
  const world = new World();
  const agent = world.agent("w1");
  world.fire("w1");
  agent.slot = undefined;
  world.fire("w1", { plan: plan({ action: "fly" }) });
  assert.equal(world.told.length, 0);
});

test("a firing in shadow, and one that a breaker suppressed, are accounted and not sent, and cause no further attempt", () => {
  const world = new World();
  const app = world.attach("w1");
  const shadow = world.fire("w1", { isShadow: true, plan: plan({ mode: "shadow", sla: "10ms" }) });
  const suppressed = world.fire("w1", { isSuppressed: true, plan: plan({ sla: "10ms" }) });
  assert.equal(world.endOf(shadow.id), "canceled SHADOW");
  assert.equal(world.endOf(suppressed.id), "rejected BREAKER_OPEN");
  assert.match(world.end(suppressed.id)?.error?.message ?? "", /suppressed/);
  assert.equal(app.sent.length, 0);
  assert.equal(world.told.length, 0);
  const { counts, slaRate } = world.ledger.figures();
  assert.deepEqual([counts.canceled, counts.rejected, slaRate], [1, 1, null]);
});

test("while the node drains what rules decide is rejected, and what was under way goes on", () => {
  const world = new World();
  const app = world.attach("w1");
  const { id } = world.fire("w1");
  world.dispatch.drain();
  assert.equal(world.endOf(world.fire("w1").id), "rejected NODE_DRAINING");
  world.dispatch.acknowledge(app, app.says(id, "executed"));
  assert.equal(world.endOf(id), "executed");
  assert.equal(app.sent.length, 1);
});

test("a node that stops ends what its next run cannot take up, and leaves the rest", async () => {
  const world = new World();
  const app = world.attach("w1");
  world.agent("away");
  const sent = world.fire("w1");
  const unsent = world.fire("away");
  const accept = (agent: string, durability: "disk" | "memory"): Promise<Batch> =>
    world.settle(world.byHand.accept(world.order([agent], { durability })));
  const durable = await accept("w1", "disk");
  const inMemory = await accept("w1", "memory");
  const waiting = await accept("away", "memory");
  world.dispatch.handBack();
  assert.equal(world.end(sent.id), undefined);
  assert.equal(world.endOf(unsent.id), "rejected NODE_DRAINING");
  assert.equal(durable.instructions[0]?.endedAtUs, undefined);
  assert.equal(inMemory.instructions[0]?.error?.code, "OUTCOME_UNKNOWN");
  assert.equal(waiting.instructions[0]?.error?.code, "NODE_DRAINING");
  assert.equal(app.sent.length, 3);
});

test("what an earlier life may have done does not end as if it had not begun, whatever the next life says", async () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart!"]);
  const { id } = world.fire("w1");
  world.dispatch.acknowledge(app, app.says(id, "received"));
  const next = world.reattach(app, "life-2");
  assert.deepEqual(next.sentIds, [id]);
  world.dispatch.acknowledge(
    next,
    next.says(id, "expired", { error: { code: "DEADLINE_EXCEEDED", message: "too late" } }),
  );
  assert.equal(world.endOf(id), "failed OUTCOME_UNKNOWN");
});
