import assert from "node:assert/strict";
import { test } from "node:test";
import { plan, secondUs, World } from "./test-support.ts";

test("what a rule decides is sent at once, with all that the agent needs to know", () => {
  const world = new World();
  const app = world.attach("w1");
  const firing = world.fire("w1", {
    args: { reason: "hot" },
    plan: plan({ priority: 8, deadline: "1s", timeout: "20s" }),
  });
  const nowUs = world.clock.nowUs();
  assert.deepEqual(app.sent, [
    {
      id: firing.id,
      action: "restart",
      args: { reason: "hot" },
      priority: 8,
      deadlineUs: nowUs + secondUs,
      timeoutUs: 20 * secondUs,
      createdAtUs: nowUs,
      episode: {
        rule: "hot",
        ruleVersion: 1,
        meaningVersion: 1,
        timeLine: "app/life-1/t/0",
        startedAtUs: firing.episode.startedAtUs,
        attempt: 1,
        appliedUntilUs: 0,
      },
    },
  ]);
  assert.equal(world.open(firing.id)?.status, "sent");
});

test("an action that both handle goes to app while it answers, else to supervisor", () => {
  const world = new World();
  const supervisor = world.attach("w1", "supervisor");
  const app = world.attach("w1", "app");
  world.fire("w1");
  assert.deepEqual([app.sent.length, supervisor.sent.length], [1, 0]);
  app.isAnswering = false;
  world.fire("w1");
  assert.deepEqual([app.sent.length, supervisor.sent.length], [1, 1]);
  app.isAnswering = true;
  app.isLive = false;
  world.fire("w1");
  assert.deepEqual([app.sent.length, supervisor.sent.length], [1, 2]);
  app.isLive = true;
  world.fire("w1");
  assert.deepEqual([app.sent.length, supervisor.sent.length], [2, 2]);
});

test("an action goes to the part that handles it, whatever its name", () => {
  const world = new World();
  const app = world.attach("w1", "app", ["restart"]);
  const camera = world.attach("w1", "camera", ["zoom"]);
  world.fire("w1", { plan: plan({ action: "zoom" }) });
  assert.deepEqual([app.sent.length, camera.sent.length], [0, 1]);
});

test("a part that is live and does not answer is told when no other handles the action", () => {
  const world = new World();
  const app = world.attach("w1");
  app.isAnswering = false;
  world.fire("w1");
  assert.equal(app.sent.length, 1);
});

test("an action that no part handles is rejected at once, with a reason", () => {
  const world = new World();
  world.attach("w1", "app", ["restart"]);
  world.attach("w1", "supervisor", ["kill"]);
  const { id } = world.fire("w1", { plan: plan({ action: "fly" }) });
  assert.equal(world.endOf(id), "rejected NO_HANDLER");
  assert.match(world.end(id)?.error?.message ?? "", /no part of agent w1 handles the action fly/);
});

test("an action that no part of an agent that is away handles is rejected at once too", () => {
  const world = new World();
  world.agent("w1", "app", ["restart"]);
  assert.equal(
    world.endOf(world.fire("w1", { plan: plan({ action: "fly" }) }).id),
    "rejected NO_HANDLER",
  );
});

test("an instruction for an agent that was forgotten is rejected", () => {
  const world = new World();
  assert.equal(world.endOf(world.fire("w1").id), "rejected NOT_FOUND");
});

test("an agent that is away gets its instruction when it is back, if the deadline allows", async () => {
  const world = new World();
  world.agent("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "10s" }) });
  assert.equal(world.open(id)?.status, "accepted");
  await world.clock.run(9 * secondUs);
  const app = world.attach("w1");
  assert.deepEqual(app.sentIds, [id]);
});

test("an instruction for an agent that stays away expires at its deadline, and is not sent after it", async () => {
  const world = new World();
  world.agent("w1");
  const { id } = world.fire("w1", { plan: plan({ deadline: "10s" }) });
  await world.clock.run(10 * secondUs - 1);
  assert.equal(world.end(id), undefined);
  await world.clock.run(1);
  assert.equal(world.endOf(id), "expired DEADLINE_EXCEEDED");
  assert.equal(world.attach("w1").sent.length, 0);
});

test("what waits for a part that is away does not keep others from what waits for them", async () => {
  const world = new World({ maxOutstanding: 2 });
  world.agent("w1", "app", ["restart"]);
  world.agent("w1", "supervisor", ["kill"]);
  for (let count = 0; count < 5; count++) world.fire("w1", { plan: plan({ priority: 9 }) });
  const { id } = world.fire("w1", { plan: plan({ action: "kill", priority: 1 }) });
  const supervisor = world.attach("w1", "supervisor");
  assert.deepEqual(supervisor.sentIds, [id]);
});

test("an instruction that no frame can carry is rejected, and harms nothing else", () => {
  const world = new World();
  const app = world.attach("w1");
  const { sendInstruction } = app;
  app.sendInstruction = () => {
    throw new RangeError("too deep");
  };
  const { id } = world.fire("w1");
  assert.equal(world.endOf(id), "rejected INTERNAL");
  assert.equal(world.dispatch.outstandingOf(app.agent.id), 0);
  app.sendInstruction = sendInstruction;
  world.fire("w1");
  assert.equal(app.sent.length, 1);
});

test("an agent is sent at most its window, the rest by score as instructions end", () => {
  const world = new World({ maxOutstanding: 2 });
  const app = world.attach("w1");
  const first = [world.fire("w1"), world.fire("w1")];
  const low = world.fire("w1", { plan: plan({ priority: 1 }) });
  const high = world.fire("w1", { plan: plan({ priority: 9 }) });
  assert.deepEqual(
    app.sentIds,
    first.map(({ id }) => id),
  );
  world.dispatch.acknowledge(app, app.says(first[0]?.id ?? "", "executed"));
  world.scheduler.drain();
  assert.deepEqual(app.sentIds.slice(2), [high.id]);
  world.dispatch.acknowledge(app, app.says(first[1]?.id ?? "", "rejected"));
  world.scheduler.drain();
  assert.deepEqual(app.sentIds.slice(3), [low.id]);
});

test("a part that has used up its window leaves the others theirs", () => {
  const world = new World({ maxOutstanding: 1 });
  const app = world.attach("w1", "app", ["restart"]);
  const supervisor = world.attach("w1", "supervisor", ["kill"]);
  world.fire("w1");
  world.fire("w1");
  world.fire("w1", { plan: plan({ action: "kill" }) });
  assert.deepEqual([app.sent.length, supervisor.sent.length], [1, 1]);
});

test("beyond the bound of what waits the lowest score is shed, which may be the newcomer", () => {
  const world = new World({ maxWaiting: 2 });
  world.agent("w1");
  const [low, middle, high, lowest] = [2, 5, 9, 1].map((priority) =>
    world.fire("w1", { plan: plan({ priority }) }),
  );
  assert.equal(world.endOf(low?.id ?? ""), "rejected SHED");
  assert.equal(world.endOf(lowest?.id ?? ""), "rejected SHED");
  assert.equal(world.end(middle?.id ?? ""), undefined);
  assert.equal(world.end(high?.id ?? ""), undefined);
});

test("what a caller was told is accepted is never shed, on disk or in memory", async () => {
  const world = new World({ maxWaiting: 1, maxOutstanding: 1 });
  world.agent("w1");
  for (const durability of ["disk", "memory", "disk", "memory"] as const)
    await world.settle(world.byHand.accept(world.order(["w1"], { durability })));
  world.fire("w1", { plan: plan({ priority: 10 }) });
  assert.equal(world.ended.length, 0);
  assert.equal(world.dispatch.openCount, 5);
});

test("beyond the bound of open instructions those of rules are shed, and those by hand have a bound of their own", async () => {
  const world = new World({ maxOpen: 2 });
  const app = world.attach("w1");
  world.fire("w1");
  world.fire("w1");
  assert.equal(world.endOf(world.fire("w1").id), "rejected SHED");
  await world.settle(world.byHand.accept(world.order(["w1"])));
  await world.settle(world.byHand.accept(world.order(["w1"])));
  await assert.rejects(world.settle(world.byHand.accept(world.order(["w1"]))), {
    code: "RESOURCE_EXHAUSTED",
  });
  assert.equal(app.sent.length, 4);
});

test("instructions by hand take no room from those of rules", async () => {
  const world = new World({ maxOpen: 1 });
  const app = world.attach("w1");
  await world.settle(world.byHand.accept(world.order(["w1"])));
  world.fire("w1");
  assert.equal(app.sent.length, 2);
});
