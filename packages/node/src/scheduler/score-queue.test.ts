import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bench, instruction } from "./test-support.ts";

test("overload delays for half of the time that an instruction has at the most, be it all there is", async () => {
  const { scheduler, delivered, clock } = bench();
  scheduler.setLevel(2);
  scheduler.push({ ...instruction("deadline", 0), deadlineUs: 1000 });
  scheduler.push({ ...instruction("sla", 0), slaUs: 100_000 });
  scheduler.push({ ...instruction("past", 0), deadlineUs: -1 });
  scheduler.drain();
  assert.deepEqual(delivered, ["past"], "dispatch is to see to it");
  await clock.run(499);
  assert.equal(delivered.length, 1);
  await clock.run(1);
  assert.deepEqual(delivered, ["past", "deadline"]);
  // Of 100 ms, its urgency has raised the score itself by 0.03 of 0.5 already.
  await clock.run(46_000);
  assert.equal(delivered.length, 2);
  await clock.run(2000);
  assert.deepEqual(delivered, ["past", "deadline", "sla"]);
});

interface Delayed {
  readonly atUs: number;
  readonly priority: number;
  readonly deadlineUs: number;
  readonly slaUs: number | undefined;
}

const anyDelayed: fc.Arbitrary<Delayed> = fc.record({
  atUs: fc.nat(1_000_000),
  priority: fc.integer({ min: 1, max: 10 }),
  deadlineUs: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant(30_000_000)),
  slaUs: fc.option(fc.integer({ min: 1000, max: 1_000_000 }), { nil: undefined }),
});

/** How long each waits while overload lasts, in their order. */
async function waitsOf(all: readonly Delayed[]): Promise<{ waitUs: number; score: number }[]> {
  const waits = new Map<string, { waitUs: number; score: number }>();
  const { scheduler, clock } = bench({
    capacity: Number.POSITIVE_INFINITY,
    turnBudgetBytes: Number.POSITIVE_INFINITY,
    maxDelayUs: 100_000,
    deliver: ({ id, createdAtUs, score }) => {
      assert.ok(!waits.has(id));
      waits.set(id, { waitUs: clock.nowUs() - createdAtUs, score });
      return 1;
    },
  });
  scheduler.setLevel(2);
  all.forEach(({ atUs, deadlineUs, ...more }, at) => {
    clock.schedule(atUs, () => {
      const times = { createdAtUs: atUs, deadlineUs: atUs + deadlineUs };
      scheduler.push({ ...instruction(`i${at}`, 0), ...more, ...times });
      scheduler.drain();
    });
  });
  await clock.run(1_200_000);
  return all.map((_, at) => waits.get(`i${at}`) ?? { waitUs: Number.NaN, score: Number.NaN });
}

/** The clock of the test has whole microseconds; instants are rounded up to them. */
const roundingUs = 2;

test("nothing starves while overload lasts: all leave, within the bound and half of the time that they have", () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyDelayed, { maxLength: 40 }), async (all) => {
      const waits = await waitsOf(all);
      all.forEach(({ deadlineUs, slaUs = Number.POSITIVE_INFINITY }, at) => {
        const { waitUs, score } = waits[at] ?? assert.fail();
        const mostUs = score >= 0.5 ? 0 : Math.min(100_000, deadlineUs / 2, slaUs / 2);
        assert.ok(waitUs <= mostUs + roundingUs, `${waitUs} of ${mostUs}`);
        if (score < 0.4 && mostUs > 1000) assert.ok(waitUs > mostUs / 6, "it is delayed");
      });
    }),
  ));

test("of those with as much time a higher score never waits longer under overload", () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyDelayed, { minLength: 2, maxLength: 40 }), async (all) => {
      const waits = await waitsOf(
        all.map((one) => ({ ...one, deadlineUs: 30_000_000, slaUs: undefined })),
      );
      const byScore = waits.toSorted((one, other) => other.score - one.score);
      byScore.forEach(({ waitUs }, at) => {
        const before = byScore[at - 1]?.waitUs ?? 0;
        assert.ok(waitUs >= before - roundingUs, `${waitUs} after ${before}`);
      });
    }),
  ));
