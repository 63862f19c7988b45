import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import type { Instruction } from "../instruction/index.ts";
import { DueTimes } from "./due-times.ts";
import { World } from "./test-support.ts";

function instructions(count: number): Instruction[] {
  const world = new World();
  world.agent("w1");
  for (let at = 0; at < count; at++) world.fire("w1");
  world.dispatch.stop();
  return [...world.dispatch.open()].map((instruction) => ({ ...instruction, duePlace: -1 }));
}

test("each instruction is looked at when it is due, in that order, and once", async () => {
  const clock = new VirtualClock(0);
  const seen: [string, number][] = [];
  let turns = 0;
  const due = new DueTimes(
    clock,
    ({ id }, nowUs) => seen.push([id, nowUs]),
    () => turns++,
  );
  const [a, b, c, d] = instructions(4);
  assert.ok(a && b && c && d);
  due.set(a, 300);
  due.set(b, 100);
  due.set(c, 301);
  due.set(d, 200);
  due.clear(d);
  due.set(b, 400);
  due.set(b, 50);
  await clock.run(1000);
  assert.deepEqual(seen, [
    [b.id, 50],
    [a.id, 300],
    [c.id, 301],
  ]);
  assert.equal(turns, 3);
  assert.equal(clock.nextDueUs, Number.POSITIVE_INFINITY);
});

test("nothing is due any more once it was stopped", async () => {
  const clock = new VirtualClock(0);
  let seen = 0;
  const due = new DueTimes(
    clock,
    () => seen++,
    () => undefined,
  );
  const [a, b] = instructions(2);
  assert.ok(a && b);
  due.set(a, 100);
  due.stop();
  due.set(b, 50);
  await clock.run(1000);
  assert.equal(seen, 0);
});
