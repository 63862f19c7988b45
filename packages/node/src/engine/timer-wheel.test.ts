import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DueTimer, timerKind } from "./timer-heap.ts";
import { TimerWheel } from "./timer-wheel.ts";

const inOrder = (a: DueTimer, b: DueTimer): number =>
  a.dueUs - b.dueUs || a.kind - b.kind || a.owner - b.owner || a.slot - b.slot;

const startUs = 1_760_000_000_000_000;

/** What happens: a timer is set so long after now, or time goes on, or an owner goes. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        does: fc.constant("push" as const),
        afterMs: fc.oneof(
          fc.constantFrom(-5, 0, 1, 1, 2, 63, 64, 65, 4_095, 4_096, 4_097, 262_144),
          fc.integer({ min: -10, max: 300 }),
          fc.integer({ min: 0, max: 100_000_000 }),
        ),
        kind: fc.constantFrom(timerKind.breakerClose, timerKind.keepFiringEnd),
        owner: fc.integer({ min: 1, max: 4 }),
        slot: fc.integer({ min: 0, max: 3 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        does: fc.constant("pass" as const),
        byMs: fc.oneof(
          fc.constantFrom(0, 1, 63, 64, 4_096, 10_000_000),
          fc.integer({ min: 0, max: 500 }),
        ),
        most: fc.integer({ min: 0, max: 50 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        does: fc.constant("drop" as const),
        owner: fc.integer({ min: 1, max: 4 }),
      }),
    },
  ),
  { maxLength: 100, size: "max" },
);

test("timers come as from a list that is sorted by instant, kind, owner and slot, none before it is due", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, startUs), (taken, originUs) => {
      const wheel = new TimerWheel();
      let list: DueTimer[] = [];
      let nowUs = originUs;
      for (const step of taken) {
        if (step.does === "push") {
          const { kind, owner, slot, afterMs } = step;
          const dueUs = nowUs + afterMs * 1_000;
          wheel.push(dueUs, kind, owner, slot);
          list = [...list, { dueUs, kind, owner, slot }].toSorted(inOrder);
        } else if (step.does === "drop") {
          wheel.retain((owner) => owner !== step.owner);
          list = list.filter(({ owner }) => owner !== step.owner);
        } else {
          nowUs += step.byMs * 1_000;
          for (let left = step.most; left > 0; left -= 1) {
            const isDue: boolean = (list[0]?.dueUs ?? Number.POSITIVE_INFINITY) <= nowUs;
            assert.deepEqual(wheel.popDue(nowUs), isDue ? list[0] : undefined);
            if (!isDue) break;
            list = list.slice(1);
          }
        }
        assert.equal(wheel.size, list.length);
        assert.equal(wheel.nextDueUs, list[0]?.dueUs ?? Number.POSITIVE_INFINITY);
      }
    }),
    { numRuns: 500 },
  );
});
