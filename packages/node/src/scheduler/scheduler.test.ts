import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import type { InstructionId } from "@myelin/core/ids";
import type { Instruction } from "../instruction/index.ts";
import { Scheduler, type SchedulerOptions } from "./index.ts";

function instruction(id: string, score: number, isByHand = false): Instruction {
  return { id: id as InstructionId, score, isByHand } as Instruction;
}

interface Bench {
  readonly clock: VirtualClock;
  readonly scheduler: Scheduler;
  readonly delivered: string[];
  readonly shed: string[];
  readonly turnEnds: () => number;
}

function bench(options: Partial<SchedulerOptions> = {}): Bench {
  const clock = new VirtualClock(0);
  const [delivered, shed]: [string[], string[]] = [[], []];
  let turns = 0;
  const scheduler = new Scheduler({
    clock,
    capacity: 10,
    turnBudgetBytes: 1000,
    deliver: ({ id }) => {
      delivered.push(id);
      return 100;
    },
    onShed: ({ id }) => shed.push(id),
    onTurnEnd: () => turns++,
    ...options,
  });
  return { clock, scheduler, delivered, shed, turnEnds: () => turns };
}

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
