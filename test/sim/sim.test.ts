import assert from "node:assert/strict";
import { test } from "node:test";
import { replayOf } from "./command/reduction.ts";
import { regressions } from "./regressions.ts";
import { faultNames } from "./scenario.ts";
import { simulate, type Verdict } from "./simulate.ts";
import { shrink } from "./sweep/shrink.ts";
import { seedsBetween, sweep } from "./sweep/sweep.ts";
import { plantedFaults } from "./planted/faults.ts";

test("the same seed leads to the same trace, byte for byte", async () => {
  for (const seed of [4, 20, 129]) {
    const first = await simulate(seed, { isTraced: true });
    const second = await simulate(seed, { isTraced: true });
    assert.ok(first.trace.length > 300, `seed ${seed}: ${first.trace.length} lines`);
    assert.equal(second.trace.join("\n"), first.trace.join("\n"));
    assert.equal(second.digest, first.digest);
  }
});

test("keeping the trace changes nothing of the run, nor does the thread that runs it", async () => {
  const kept = await simulate(7, { isTraced: true });
  const digested = await simulate(7);
  assert.equal(digested.digest, kept.digest);
  assert.deepEqual(digested.trace, []);
  await sweep([{ seed: 7 }], {
    onVerdict: (verdict) => {
      assert.equal(verdict.digest, kept.digest);
      return true;
    },
  });
});

test("a failing run is made smaller, and the smaller one is replayed by what is printed", async () => {
  const planted = plantedFaults["episodes on disk are not reinstated"];
  assert.ok(planted !== undefined);
  using _ = planted.plant();
  const whole = await simulate(planted.seed);
  const { verdict, reduction } = await shrink(whole, (tried) =>
    simulate(planted.seed, { reduction: tried }),
  );
  assert.ok(verdict.struck.length < whole.struck.length / 2);
  assert.ok(verdict.agents < whole.agents);
  assert.deepEqual(
    verdict.broken.filter((rule) => !whole.broken.includes(rule)),
    [],
  );
  const again = await simulate(planted.seed, { reduction });
  assert.equal(again.digest, verdict.digest);
});

for (const { sentence, seed, reduction = {} } of regressions)
  test(`seed ${seed} shows no more: ${sentence}`, async () => {
    const { breaches } = await simulate(seed, { reduction });
    assert.deepEqual(breaches, [], replayOf(seed, reduction));
  });

test("a thousand fleets come through what befalls them, and see instructions end in every way", async (context) => {
  const seen = new Set<string>();
  const struck = new Set<string>();
  const filled = new Set<string>();
  const failed: Verdict[] = [];
  let longestUs = 0;
  await sweep(
    seedsBetween(1, 1000).map((seed) => ({ seed })),
    {
      onVerdict: (verdict) => {
        if (verdict.broken.length > 0) failed.push(verdict);
        longestUs = Math.max(longestUs, verdict.settledAfterUs);
        for (const end of verdict.ends.keys()) seen.add(end);
        for (const bound of verdict.atBounds) filled.add(bound);
        for (const strike of verdict.struck) struck.add(strike.split("#")[0] ?? "");
        return failed.length < 3;
      },
    },
  );
  context.diagnostic(`all were well again ${longestUs / 1e6} s after the faults at the latest`);
  assert.equal(await tellingOf(failed), "");
  for (const fault of faultNames) assert.ok(struck.has(fault), `${fault} never struck`);
  for (const bound of boundsThatBite) assert.ok(filled.has(bound), `${bound} was never reached`);
  for (const end of [
    "executed",
    "canceled CANCELED",
    "canceled SHADOW",
    "expired DEADLINE_EXCEEDED",
    "failed HANDLER_FAILED",
    "failed OUTCOME_UNKNOWN",
    "failed TIMEOUT",
    "rejected BREAKER_OPEN",
    "rejected NODE_DRAINING",
    "rejected NO_HANDLER",
    "rejected SHED",
  ])
    assert.ok(seen.has(end), `${end} is not among ${[...seen].join(", ")}`);
});

/** Settings that are so narrow in some runs that work reaches them. */
const boundsThatBite = [
  "bufferBytes",
  "hardOutboundBytes",
  "inlineBurstBytes",
  "maxEpisodes",
  "softOutboundBytes",
];

/** What failed, with the commands that replay it; the first is made smaller. */
async function tellingOf(failed: readonly Verdict[]): Promise<string> {
  const lines = failed.flatMap(({ seed, breaches }) => [...breaches.slice(0, 3), replayOf(seed)]);
  const [first] = failed;
  if (first === undefined) return "";
  const { verdict, reduction } = await shrink(first, (tried) =>
    simulate(first.seed, { reduction: tried }),
  );
  const smaller = replayOf(first.seed, { ...reduction, agents: verdict.agents });
  return [...lines, "smaller:", ...verdict.breaches.slice(0, 3), smaller].join("\n");
}
