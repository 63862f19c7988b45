import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Instruction } from "../instruction/index.ts";
import { Backlog } from "./index.ts";
import { bench, instruction } from "./test-support.ts";

test("the highest score leaves first, and of equal scores what came first", () => {
  const { scheduler, delivered } = bench();
  for (const [id, score] of [
    ["a", 0.3],
    ["b", 0.9],
    ["c", 0.3],
    ["d", 0.9],
    ["e", 0.5],
  ] as const)
    scheduler.push(instruction(id, score));
  scheduler.drain();
  assert.deepEqual(delivered, ["b", "d", "e", "a", "c"]);
});

test("instructions by hand are ordered among the others, and before them at the same score", () => {
  const { scheduler, delivered } = bench();
  scheduler.push(instruction("rule", 0.5));
  scheduler.push(instruction("hand", 0.5, true));
  scheduler.push(instruction("urgent", 0.9));
  scheduler.push(instruction("later", 0.1, true));
  scheduler.drain();
  assert.deepEqual(delivered, ["urgent", "hand", "rule", "later"]);
});

test("a turn sends its budget and one instruction more, the rest goes on by itself in the next", async () => {
  const { scheduler, delivered, clock, turnEnds } = bench({ turnBudgetBytes: 250 });
  for (let count = 0; count < 7; count++) scheduler.push(instruction(`i${count}`, 0.5));
  scheduler.drain();
  assert.equal(delivered.length, 3);
  await clock.run(0);
  assert.equal(delivered.length, 7);
  assert.equal(turnEnds(), 2);
});

test("a turn has one budget, however often it is drained", async () => {
  const { scheduler, delivered, clock } = bench({ turnBudgetBytes: 250 });
  for (let count = 0; count < 7; count++) {
    scheduler.push(instruction(`i${count}`, 0.5));
    scheduler.drain();
  }
  assert.equal(delivered.length, 3);
  await clock.run(0);
  assert.equal(delivered.length, 7);
});

test("what is more urgent overtakes what the budget held back", async () => {
  const { scheduler, delivered, clock } = bench({ turnBudgetBytes: 1 });
  scheduler.push(instruction("a", 0.5));
  scheduler.push(instruction("b", 0.5));
  scheduler.drain();
  scheduler.push(instruction("stop", 0.9));
  scheduler.drain();
  await clock.run(0);
  assert.deepEqual(delivered, ["a", "stop", "b"]);
});

test("at its bound the lowest score is shed, of equal ones the newest, and never what was accepted by hand", () => {
  const { scheduler, delivered, shed } = bench({ capacity: 2 });
  scheduler.push(instruction("low", 0.1));
  scheduler.push(instruction("mid", 0.5));
  scheduler.push(instruction("hand-1", 0, true));
  scheduler.push(instruction("hand-2", 0, true));
  scheduler.push(instruction("hand-3", 0, true));
  assert.deepEqual(shed, []);
  scheduler.push(instruction("high", 0.9));
  scheduler.push(instruction("newest", 0.5));
  assert.deepEqual(shed, ["low", "newest"]);
  assert.equal(scheduler.counters.shed.queue, 2);
  scheduler.drain();
  assert.deepEqual(delivered, ["high", "mid", "hand-1", "hand-2", "hand-3"]);
});

test("what was taken out is not delivered", () => {
  const { scheduler, delivered } = bench();
  const [a, b, c] = [instruction("a", 1), instruction("b", 1, true), instruction("c", 1)];
  scheduler.push(a);
  scheduler.push(b);
  assert.deepEqual(
    [a, b, c, a].map((one) => scheduler.remove(one)),
    [true, true, false, false],
  );
  assert.equal(scheduler.size, 0);
  scheduler.drain();
  assert.deepEqual(delivered, []);
});

test("what is queued while it delivers leaves in the same turn", () => {
  const delivered: string[] = [];
  const { scheduler } = bench({
    deliver: ({ id }) => {
      delivered.push(id);
      if (id === "a") scheduler.push(instruction("b", 0));
      return 1;
    },
  });
  scheduler.push(instruction("a", 0));
  scheduler.drain();
  assert.deepEqual(delivered, ["a", "b"]);
});

test("under overload low scores wait, and leave once age has raised them or the overload is over", async () => {
  const { scheduler, delivered, clock } = bench();
  scheduler.setLevel(2);
  scheduler.push(instruction("low", 0.2));
  scheduler.push(instruction("lower", 0.1, true));
  scheduler.push(instruction("high", 0.5));
  scheduler.drain();
  assert.deepEqual(delivered, ["high"]);
  assert.equal(scheduler.delayedSize, 2);
  await clock.run(299_000);
  assert.deepEqual(delivered, ["high"]);
  await clock.run(2000);
  assert.deepEqual(delivered, ["high", "low"]);
  scheduler.setLevel(1);
  await clock.run(0);
  assert.deepEqual(delivered, ["high", "low", "lower"]);
  const { delayed, shed, expired } = scheduler.counters;
  assert.deepEqual({ delayed, expired }, { delayed: 2, expired: 0 });
  assert.deepEqual(shed, { queue: 0, overload: 0, agent: 0, open: 0 });
});

test("what waited before the overload is delayed and counted too, and what expires in the queue", () => {
  const { scheduler, delivered } = bench();
  const low = instruction("low", 0.1);
  scheduler.push(low);
  scheduler.setLevel(2);
  scheduler.drain();
  assert.deepEqual(delivered, []);
  low.status = "expired";
  assert.equal(scheduler.remove(low), true);
  assert.equal(scheduler.counters.delayed, 1);
  assert.equal(scheduler.counters.expired, 1);
});

test("behind a stream of important ones a low score that has aged goes first in a turn", async () => {
  const { scheduler, delivered, clock } = bench({ turnBudgetBytes: 150, capacity: 1000 });
  scheduler.setLevel(2);
  scheduler.push(instruction("low", 0.4));
  for (let turn = 0; turn < 300; turn++) {
    for (let each = 0; each < 3; each++) scheduler.push(instruction(`${turn}-${each}`, 0.6));
    scheduler.drain();
    await clock.run(1000);
  }
  const place = delivered.indexOf("low");
  assert.ok(place > 100 && place < delivered.length - 1, `${place} of ${delivered.length}`);
});

test("while the node sheds the queue is shorter, and the lowest of what nobody was promised leaves", () => {
  const { scheduler, shed } = bench({ turnBudgetBytes: 0 });
  for (let at = 0; at < 4; at++) scheduler.push(instruction(`low-${at}`, 0.1));
  for (let at = 0; at < 5; at++) scheduler.push(instruction(`hand-${at}`, 0, true));
  scheduler.setLevel(3);
  scheduler.push(instruction("high", 0.9));
  scheduler.push(instruction("lowest", 0.05));
  assert.deepEqual(shed, ["low-3", "lowest"]);
  assert.deepEqual(scheduler.counters.shed, { queue: 0, overload: 2, agent: 0, open: 0 });
  assert.equal(scheduler.size, 9);
});

test("what was delayed and then shed is not delivered", async () => {
  const { scheduler, delivered, shed, clock } = bench();
  scheduler.setLevel(3);
  for (let at = 0; at < 4; at++) scheduler.push(instruction(`low-${at}`, 0.3));
  scheduler.drain();
  scheduler.push({ ...instruction("lowest", 0.1), deadlineUs: 1000 });
  await clock.run(1_000_000);
  assert.deepEqual(shed, ["lowest"]);
  assert.deepEqual(delivered, ["low-0", "low-1", "low-2", "low-3"]);
});

test("every instruction is delivered, shed or taken out once, whatever the levels do, and none by hand is shed", () => {
  const act = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        score: fc.double({ min: 0, max: 0.6, noNaN: true }),
        isByHand: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom(0 as const, 2 as const, 3 as const) },
    { weight: 2, arbitrary: fc.constantFrom("drain" as const, "wait" as const, "remove" as const) },
  );
  return fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 100 }), async (acts) => {
      const { scheduler, delivered, shed, clock } = bench({ turnBudgetBytes: 250 });
      const pushed: Instruction[] = [];
      const removed: string[] = [];
      for (const done of acts) {
        if (done === "drain") scheduler.drain();
        else if (done === "wait") await clock.run(100_000);
        else if (done === "remove") {
          const one = pushed[Math.floor(pushed.length / 2)];
          if (one !== undefined && scheduler.remove(one)) removed.push(one.id);
        } else if (typeof done === "number") scheduler.setLevel(done);
        else {
          const id = `${done.isByHand ? "hand" : "rule"}-${pushed.length}`;
          const one = { ...instruction(id, done.score, done.isByHand), createdAtUs: clock.nowUs() };
          pushed.push(one);
          scheduler.push(one);
        }
      }
      scheduler.drain();
      await clock.run(2_000_000);
      assert.equal(scheduler.size, 0);
      const ids = pushed.map(({ id }) => id as string);
      assert.deepEqual([...delivered, ...shed, ...removed].toSorted(), ids.toSorted());
      assert.ok(shed.every((id) => id.startsWith("rule")));
    }),
    { numRuns: 300 },
  );
});

test("weights that have moved change the order", () => {
  const { scheduler, delivered } = bench({ weightsEvery: 1 });
  const business = (id: string): Instruction => ({ ...instruction(id, 0.3), slaUs: 100_000 });
  const tight = (id: string): Instruction => ({ ...instruction(id, 0.1), slaUs: 5000 });
  scheduler.push(business("business"));
  scheduler.push(tight("tight"));
  scheduler.drain();
  for (let count = 0; count < 20; count++)
    scheduler.ended({ ...business("x"), priority: 9 }, { isExecuted: true, isViolated: true });
  scheduler.push(business("business-again"));
  scheduler.push(tight("tight-again"));
  scheduler.drain();
  assert.deepEqual(delivered, ["tight", "business", "business-again", "tight-again"]);
});

test("what is shed beside the queue is counted by where it was: waiting for an agent, or with too many open", () => {
  const { scheduler } = bench();
  const backlog = new Backlog({ capacity: 1, delayBelow: 0.5, ageingUs: 1_000_000 });
  backlog.push(instruction("waits", 0.5));
  const shed = backlog.push(instruction("low", 0.1));
  assert.equal(shed?.id, "low");
  const end = { isExecuted: false, isViolated: false };
  scheduler.ended(shed, end);
  const error = { code: "SHED", message: "" } as const;
  scheduler.ended({ ...instruction("refused", 0.9), error }, end);
  scheduler.ended({ ...instruction("done", 0.9) }, { ...end, isExecuted: true });
  assert.deepEqual(scheduler.counters.shed, { queue: 0, overload: 0, agent: 1, open: 1 });
});

test("of what waits for an agent low scores rise with their age, behind what is important", () => {
  const backlog = new Backlog({ capacity: 10, delayBelow: 0.5, ageingUs: 1_000_000 });
  const since = (id: string, score: number, createdAtUs: number): Instruction => ({
    ...instruction(id, score),
    score,
    createdAtUs,
  });
  backlog.push(since("old", 0.1, 0));
  backlog.push(since("new", 0.3, 250_000));
  backlog.push(since("newer", 0.2, 250_000));
  backlog.push(since("important", 0.5, 300_000));
  const order = Array.from({ length: 4 }, () => backlog.pop()?.id);
  assert.deepEqual(order, ["important", "old", "new", "newer"]);
  assert.equal(backlog.pop(), undefined);
  assert.equal(backlog.size, 0);
});
