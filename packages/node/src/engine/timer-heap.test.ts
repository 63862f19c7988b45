import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DueTimer, TimerHeap, timerInstantUs, timerKind } from "./timer-heap.ts";

const kinds = [timerKind.breakerClose, timerKind.keepFiringEnd] as const;
const timer: fc.Arbitrary<DueTimer> = fc.record(
  {
    dueUs: fc.integer({ min: 0, max: 20 }),
    kind: fc.constantFrom(...kinds),
    owner: fc.integer({ min: 1, max: 3 }),
    slot: fc.integer({ min: 0, max: 3 }),
  },
  { noNullPrototype: true },
);
const inOrder = (a: DueTimer, b: DueTimer): number =>
  a.dueUs - b.dueUs || a.kind - b.kind || a.owner - b.owner || a.slot - b.slot;

test("timers come in order of instant, kind, owner and slot, none before it is due", () => {
  fc.assert(
    fc.property(
      fc.array(timer, { maxLength: 60 }),
      fc.integer({ min: 0, max: 20 }),
      fc.boolean(),
      (timers, nowUs, drops) => {
        const heap = new TimerHeap();
        for (const { dueUs, kind, owner, slot } of timers) heap.push(dueUs, kind, owner, slot);
        if (drops) heap.retain((owner) => owner !== 2);
        const expected = timers.filter(({ owner }) => !drops || owner !== 2).toSorted(inOrder);
        assert.equal(heap.size, expected.length);
        assert.equal(heap.nextDueUs, expected[0]?.dueUs ?? Number.POSITIVE_INFINITY);
        const due: DueTimer[] = [];
        for (let next = heap.popDue(nowUs); next !== undefined; next = heap.popDue(nowUs))
          due.push(next);
        assert.deepEqual(
          due,
          expected.filter(({ dueUs }) => dueUs <= nowUs),
        );
        assert.equal(
          heap.nextDueUs,
          expected.find(({ dueUs }) => dueUs > nowUs)?.dueUs ?? Number.POSITIVE_INFINITY,
        );
      },
    ),
  );
});

test("a timer's instant is the next whole millisecond", () => {
  assert.deepEqual([0, 1, 999, 1_000, 1_001].map(timerInstantUs), [0, 1_000, 1_000, 1_000, 2_000]);
});
