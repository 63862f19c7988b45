import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import { parseRuleName } from "@myelin/core/ids";
import type { InstructionDocument, InstructionStatus } from "@myelin/core/instruction";
import type { LedgerEntry, LedgerQuery } from "../ports/store.ts";
import { createMemoryStore } from "../adapters/memory-store/index.ts";
import { Ledger, Restoration } from "./index.ts";

const startUs = 1_790_000_000_000_000;
const stagesUs = { collect: 1, ingest: 2, compute: 3, rule: 4, dispatch: 5, execute: 6 };

/** The `number`-th instruction that a rule caused in an earlier life. */
function kept(number: number, status: InstructionStatus = "executed"): LedgerEntry {
  const at = new Date(startUs / 1e3 - 1e6 + number).toISOString();
  const document: InstructionDocument = {
    id: `i${number}`,
    agent: "w1",
    part: "app",
    rule: "hot",
    ruleVersion: 1,
    action: "restart",
    args: {},
    priority: 5,
    status,
    createdAt: at,
    deadline: at,
    endedAt: at,
    attempt: 1,
    actor: "rule:hot",
    stagesUs,
    totalUs: status === "executed" ? 100 + number : null,
    withinSla: status === "executed",
  };
  return { document, nodeUs: 10 };
}

/** A ledger whose store has these entries, the last of them newest. */
async function ledgerOver(entries: readonly LedgerEntry[]) {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock });
  if (entries.length > 0) void store.appendLedger(entries);
  await clock.run(1e6);
  const ledger = new Ledger({ clock, store, groupDelayUs: 0, slaUsOf: () => 1000 });
  const errors: MyelinError[] = [];
  const queries: LedgerQuery[] = [];
  const restoration = new Restoration({
    clock,
    ledger,
    store: {
      queryLedger: (query) => {
        queries.push(query);
        return store.queryLedger(query);
      },
    },
    onStoreError: (error) => errors.push(error),
  });
  return { clock, store, ledger, restoration, queries, errors };
}

test("figures go on over a restart: of the fleet, of each rule, and from when on", async () => {
  const entries = Array.from({ length: 120 }, (_, number) => kept(number));
  const { clock, ledger, restoration, queries } = await ledgerOver([
    ...entries,
    kept(120, "failed"),
  ]);
  const beganUs = ledger.sinceUs;
  restoration.start();
  await clock.run(1e6);
  const { counts, totalUs, slaRate } = ledger.figures();
  assert.deepEqual([counts.executed, counts.failed, totalUs.count], [120, 1, 120]);
  assert.deepEqual([totalUs.max, slaRate], [219, 120 / 121]);
  const rule = ledger.figuresByRule().get(parseRuleName("hot"));
  assert.deepEqual([rule?.totalUs.count, rule?.stagesUs.execute.max], [120, 6]);
  assert.ok((rule?.jitterOfSla ?? 0) > 0, "against the sla that the rule has now");
  assert.equal(beganUs - ledger.sinceUs, 1e9 + 1e6);
  assert.equal(ledger.endedCounts.executed, 0, "none ended in this life");
  assert.equal(queries.length, 5);
});

test("it takes a little at a time, and ends when it is stopped", async () => {
  const entries = Array.from({ length: 500 }, (_, number) => kept(number));
  const { clock, ledger, restoration } = await ledgerOver(entries);
  restoration.start();
  await clock.run(1000);
  const first = ledger.figures().counts.executed;
  assert.ok(first > 0 && first < 100, `${first} at once`);
  assert.equal(ledger.figures().totalUs.max, 599, "the newest come first");
  restoration.stop();
  await clock.run(1e6);
  assert.equal(ledger.figures().counts.executed, first);
});

test("a ledger that cannot be read is told once, and the figures begin with this life", async () => {
  const { clock, store, ledger, restoration, errors } = await ledgerOver([]);
  void store.close();
  await clock.run(1e6);
  restoration.start();
  await clock.run(1e6);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["CONFLICT"],
  );
  assert.equal(ledger.figures().counts.executed, 0);
});
