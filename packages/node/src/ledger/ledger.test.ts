import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { parseActionName, parseAgentId, parseInstructionId, parseRuleName } from "@myelin/core/ids";
import { createMemoryStore } from "../adapters/memory-store/index.ts";
import { type Instruction, unknownStageTimes } from "../instruction/index.ts";
import type { LedgerEntry } from "../ports/store.ts";
import { Ledger } from "./index.ts";

const startUs = 1_790_000_000_000_000;

function executed(id: string, totalUs: number, changes: Partial<Instruction> = {}): Instruction {
  const times = {
    ...unknownStageTimes(),
    sampledAtUs: startUs,
    arrivedAtUs: startUs + 10,
    decidedAtUs: startUs + 12,
    writtenAtUs: startUs + 15,
    executedAtUs: startUs + totalUs,
  };
  return {
    id: parseInstructionId(id),
    agent: parseAgentId("w1"),
    action: parseActionName("restart"),
    args: {},
    priority: 5,
    slaUs: 1000,
    impact: 1,
    score: 0.5,
    createdAtUs: startUs,
    deadlineUs: startUs + 1e6,
    timeoutUs: 1e6,
    episode: {
      rule: parseRuleName("hot"),
      ruleVersion: 1,
      meaningVersion: 1,
      timeLine: "t",
      startedAtUs: startUs,
      attempt: 1,
      appliedUntilUs: 0,
    },
    actor: "rule:hot",
    batch: undefined,
    isDurable: false,
    isByHand: false,
    isHeldBack: false,
    times,
    status: "executed",
    recipient: undefined,
    lastSentAtUs: startUs,
    isCancelRequested: false,
    isOutlived: false,
    dueUs: Number.NaN,
    duePlace: -1,
    endedAtUs: startUs + totalUs,
    result: undefined,
    error: undefined,
    ...changes,
  };
}

function bench(): {
  clock: VirtualClock;
  ledger: Ledger;
  groups: LedgerEntry[][];
  store: ReturnType<typeof createMemoryStore>;
} {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock });
  const groups: LedgerEntry[][] = [];
  const appendLedger = (entries: readonly LedgerEntry[]): Promise<boolean> => {
    groups.push([...entries]);
    return store.appendLedger(entries);
  };
  const ledger = new Ledger({ clock, store: { appendLedger }, groupDelayUs: 20_000 });
  return { clock, ledger, groups, store };
}

test("entries are handed to the store in groups, after a delay", async () => {
  const { clock, ledger, groups } = bench();
  ledger.account(executed("a", 100));
  await clock.run(10_000);
  ledger.account(executed("b", 100));
  await clock.run(9999);
  assert.equal(groups.length, 0);
  await clock.run(1);
  ledger.account(executed("c", 100));
  await clock.run(20_000);
  assert.deepEqual(
    groups.map((group) => group.map(({ document }) => document.id)),
    [["a", "b"], ["c"]],
  );
});

test("a flush hands over at once, and what was handed over is not handed over again", async () => {
  const { clock, ledger, groups } = bench();
  ledger.account(executed("a", 100));
  ledger.flush();
  ledger.flush();
  await clock.run(10_000);
  ledger.account(executed("b", 100));
  await clock.run(19_999);
  assert.equal(groups.length, 1, "the delay counts from the first of a group");
  await clock.run(100_000);
  assert.equal(groups.length, 2);
});

test("accounting tells when the entry is on disk, and when it was dropped", async () => {
  const { clock, ledger, store } = bench();
  const { isOnDisk, document } = ledger.account(executed("a", 100));
  let isKept: boolean | undefined;
  void isOnDisk.then((kept) => (isKept = kept));
  await clock.run(19_999);
  assert.equal(isKept, undefined);
  await clock.run(1);
  assert.equal(isKept, true);
  assert.equal(document.status, "executed");
  const other = ledger.account(executed("b", 100)).isOnDisk;
  await store.close();
  ledger.flush();
  assert.equal(await other, false);
});

test("an entry bears the document, the node's share and the episode with its agent", async () => {
  const { ledger, groups } = bench();
  ledger.account(executed("a", 100));
  ledger.account(executed("b", 100, { episode: undefined }));
  ledger.flush();
  const [first, second] = groups[0] ?? [];
  assert.equal(first?.nodeUs, 5);
  assert.equal(first?.episode?.agent, "w1");
  assert.equal(first?.episode?.attempt, 1);
  assert.equal(second?.episode, undefined);
});

test("figures are of all instructions and of each rule: counts, stages, totals of the executed, the node's share", () => {
  const { ledger } = bench();
  for (const totalUs of [100, 200, 300, 400]) ledger.account(executed(`a${totalUs}`, totalUs));
  ledger.account(executed("b", 50, { episode: undefined, slaUs: undefined }));
  ledger.account(executed("c", 900, { status: "failed" }));
  const all = ledger.figures();
  assert.deepEqual([all.counts.executed, all.counts.failed, all.counts.expired], [5, 1, 0]);
  const rule = ledger.figuresByRule().get(parseRuleName("hot"));
  assert.ok(rule);
  assert.deepEqual([rule.counts.executed, rule.counts.failed], [4, 1]);
  assert.deepEqual([rule.totalUs.count, rule.totalUs.max, rule.totalUs.mean], [4, 400, 250]);
  assert.ok(Math.abs((rule.totalUs.p50 ?? 0) - 200) <= 2);
  assert.deepEqual([rule.nodeUs.count, rule.nodeUs.max], [5, 5]);
  assert.equal(rule.stagesUs.ingest.max, 10);
  assert.equal(rule.stagesUs.collect.count, 0);
  assert.equal(rule.stagesUs.collect.p50, null);
});

test("jitter is the mean distance of the totals from their mean, told as a share of it and of the sla", () => {
  const { ledger } = bench();
  for (const [at, totalUs] of [100, 200, 300, 400].entries())
    ledger.account(executed(`a${at}`, totalUs));
  const rule = ledger.figuresByRule().get(parseRuleName("hot"));
  assert.ok(Math.abs((rule?.jitterUs ?? 0) - 100) < 2);
  assert.ok(Math.abs((rule?.jitterOfMean ?? 0) - 0.4) < 0.01);
  assert.ok(Math.abs((rule?.jitterOfSla ?? 0) - 0.1) < 0.002);
  assert.equal(ledger.figures().jitterOfSla, null);
});

test("the sla rate is the share, of the instructions with an sla, of those executed within it", () => {
  const { ledger } = bench();
  assert.equal(ledger.figures().slaRate, null);
  ledger.account(executed("a", 1000));
  ledger.account(executed("b", 1001));
  ledger.account(executed("c", 10, { status: "expired" }));
  ledger.account(executed("d", 500));
  ledger.account(executed("e", 5000, { slaUs: undefined }));
  ledger.account(executed("f", 5000, { status: "canceled", isHeldBack: true }));
  assert.equal(ledger.figures().slaRate, 0.5);
});

test("nothing measured is null, not zero", () => {
  const { ledger } = bench();
  const { totalUs, jitterUs, jitterOfMean } = ledger.figures();
  assert.deepEqual(totalUs, {
    count: 0,
    p50: null,
    p90: null,
    p99: null,
    p999: null,
    max: null,
    mean: null,
  });
  assert.deepEqual([jitterUs, jitterOfMean], [null, null]);
});

test("figures are kept for a bounded number of rules, the first of them forgotten", () => {
  const { ledger } = bench();
  for (let at = 0; at <= 10_000; at++) {
    const { episode } = executed("x", 1);
    assert.ok(episode);
    ledger.account(
      executed(`i${at}`, 100, { episode: { ...episode, rule: parseRuleName(`r${at}`) } }),
    );
  }
  const rules = ledger.figuresByRule();
  assert.equal(rules.size, 10_000);
  assert.equal(rules.has(parseRuleName("r0")), false);
  assert.equal(ledger.figures().counts.executed, 10_001);
});
