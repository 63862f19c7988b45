// The node is killed with instructions in flight, 20 times; `npm run faults -- --kills 200` does it more often.
import assert from "node:assert/strict";
import { test } from "node:test";
import { killCampaign } from "./kill/campaign.ts";
import { textOf } from "./kill/report.ts";

const seed = 1;
const registered = 10_000;
/** A start from source on a busy machine; what it takes is printed. */
const longestRestartMs = 60_000;

test("kill -9 of the node with instructions in flight, 20 times: each accepted one ends, executed once, failed or expired", async (context) => {
  const report = await killCampaign({ kills: 20, seed, registered });
  context.diagnostic(textOf(report));
  assert.deepEqual(report.breaches, []);
  assert.ok(report.accepted > 100, `${report.accepted} accepted`);
  assert.ok(report.unknown > 20, `${report.unknown} without an answer at first`);
  assert.ok(report.byRules > 0 && report.deaths > 0);
  assert.ok(Math.max(...report.restartsMs) < longestRestartMs);
});
