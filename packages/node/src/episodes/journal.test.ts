import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import {
  type AgentId,
  type EpisodeKey,
  type InstructionId,
  parseAgentId,
  parseRuleName,
} from "@myelin/core/ids";
import { createMemoryStore, type MemoryDisk } from "../adapters/memory-store/index.ts";
import { type Instruction, unknownStageTimes } from "../instruction/index.ts";
import type { EpisodeRecord } from "../ports/store.ts";
import type { PendingChange } from "../engine/index.ts";
import { EpisodeJournal, type EpisodeJournalOptions } from "./index.ts";

const startUs = 1_790_000_000_000_000;
const secondUs = 1e6;
const w1 = parseAgentId("w1");
const hot = parseRuleName("hot");

class TestJournal {
  readonly clock: VirtualClock = new VirtualClock(startUs);
  readonly store = createMemoryStore({ clock: this.clock });
  /** The writes that came to the store, as the numbers of rows kept and forgotten. */
  readonly writes: (readonly [kept: number, forgotten: number])[] = [];
  readonly errors: string[] = [];
  /** What cells have come to since that was asked for. */
  readonly pending: PendingChange[] = [];
  applied: Record<string, number> | undefined = { "app/i1/t": 7 };
  readonly journal: EpisodeJournal;

  constructor(options: Partial<EpisodeJournalOptions> = {}) {
    this.journal = new EpisodeJournal({
      clock: this.clock,
      store: {
        saveEpisodes: (records, forgotten) => {
          this.writes.push([records.length, forgotten.length]);
          return this.store.saveEpisodes(records, forgotten);
        },
      },
      maxEpisodes: 100,
      windowUs: 30 * secondUs,
      cooldownUsOf: () => 0,
      appliedUntilUs: () => this.applied,
      takePendingChanges: () => this.pending.splice(0),
      onStoreError: ({ code }) => this.errors.push(code),
      ...options,
    });
  }

  /** An instruction of an episode that has ended now. */
  ended(changes: Partial<Instruction> = {}, startedAtUs = 1, agent: AgentId = w1): Instruction {
    return {
      id: `${agent} ${startedAtUs}` as InstructionId,
      agent,
      action: "stop" as Instruction["action"],
      args: {},
      priority: 5,
      slaUs: undefined,
      impact: 1,
      score: 0,
      createdAtUs: startUs,
      deadlineUs: startUs,
      timeoutUs: 1,
      episode: {
        rule: hot,
        ruleVersion: 1,
        meaningVersion: 1,
        timeLine: "app/i1/t/0",
        startedAtUs,
        attempt: 1,
        appliedUntilUs: 0,
      },
      actor: "rule:hot",
      batch: undefined,
      isDurable: false,
      isByHand: false,
      isHeldBack: false,
      times: unknownStageTimes(),
      status: "executed",
      recipient: undefined,
      lastSentAtUs: startUs,
      isCancelRequested: false,
      isOutlived: false,
      dueUs: Number.NaN,
      duePlace: -1,
      endedAtUs: this.clock.nowUs(),
      result: undefined,
      error: undefined,
      ...changes,
    };
  }

  on(disk: MemoryDisk = this.store.disk): EpisodeRecord[] {
    return [...disk.episodes.values()].flatMap((kept) => [...kept.values()]);
  }
}

test("a cell that changes often is written once for all changes, with where its agent was then", async () => {
  const test = new TestJournal();
  const { journal, clock } = test;
  const answers: boolean[] = [];
  for (let episode = 1; episode <= 1000; episode++) {
    journal.sent(test.ended({}, episode), false);
    void journal.keep(test.ended({}, episode), false).then((kept) => answers.push(kept));
    journal.over(w1, hot, episode);
  }
  test.applied = { "app/i1/t": 8 };
  await clock.run(49_999);
  assert.deepEqual([test.writes, answers], [[], []]);
  await clock.run(1);
  assert.deepEqual(test.writes, [[1, 0]]);
  assert.deepEqual([answers.length, answers.every(Boolean)], [1000, true]);
  const [record] = test.on();
  assert.deepEqual(
    [record?.startedAtUs, record?.isOver, record?.appliedUntilUs],
    [1000, true, { "app/i1/t": 8 }],
  );
});

test("many cells are written some after the other", async () => {
  const test = new TestJournal({ maxEpisodes: 1000 });
  for (let agent = 0; agent < 600; agent++)
    void test.journal.keep(test.ended({}, 1, parseAgentId(`a${agent}`)), false);
  await test.clock.run(secondUs);
  assert.deepEqual(test.writes, [
    [250, 0],
    [250, 0],
    [100, 0],
  ]);
});

test("what the disk refuses is told at once, counted, and written when it takes it", async () => {
  const test = new TestJournal();
  test.store.disk.isFull = true;
  const kept = test.journal.keep(test.ended(), false);
  await test.clock.run(50_000);
  assert.equal(await kept, false);
  assert.deepEqual([test.errors, test.journal.counters.refused], [["STORAGE_FULL"], 1]);
  test.store.disk.isFull = false;
  const again = test.journal.keep(test.ended(), false);
  await test.clock.run(1_999_999);
  assert.deepEqual(test.on(), []);
  await test.clock.run(1);
  assert.equal(await again, true);
  assert.equal(test.on().length, 1);
});

test("beyond its bound an episode is not kept, and counted; what is known may change", async () => {
  const test = new TestJournal({ maxEpisodes: 1 });
  void test.journal.keep(test.ended(), false);
  assert.equal(await test.journal.keep(test.ended({}, 1, parseAgentId("w2")), false), false);
  const newer = test.journal.keep(test.ended({}, 2), false);
  await test.clock.run(50_000);
  assert.equal(await newer, true);
  assert.deepEqual([test.journal.size, test.journal.counters.dropped], [1, 1]);
});

test("the end of an earlier instruction takes no later one's place", async () => {
  const test = new TestJournal();
  test.journal.sent(test.ended({}, 2), false);
  const kept = test.journal.keep(test.ended({}, 1), true);
  await test.clock.run(50_000);
  assert.equal(await kept, true);
  const [record] = test.on();
  assert.deepEqual([record?.startedAtUs, record?.end, record?.isOver], [2, undefined, false]);
  assert.equal(await test.journal.keep(test.ended({}, 1), true), true, "it is on disk already");
});

test("what is over is kept until its cooldown has passed, and an episode that begins meanwhile stays", async () => {
  const test = new TestJournal({ cooldownUsOf: () => 100 * secondUs });
  for (const agent of ["w1", "w2"])
    void test.journal.keep(test.ended({}, 1, parseAgentId(agent)), true);
  await test.clock.run(60 * secondUs);
  assert.equal(test.on().length, 2);
  test.journal.sent(test.ended({}, 2), false);
  await test.clock.run(60 * secondUs);
  assert.deepEqual(
    test.on().map(({ agent, startedAtUs }) => [agent, startedAtUs]),
    [["w1", 2]],
  );
  test.journal.stop();
  assert.equal(test.clock.nextDueUs, Number.POSITIVE_INFINITY);
});

test("a cell that is forgotten and begins anew in one write is kept", async () => {
  const test = new TestJournal();
  void test.journal.keep(test.ended(), false);
  await test.clock.run(50_000);
  test.journal.forget(w1);
  void test.journal.keep(test.ended({}, 5), false);
  await test.clock.run(50_000);
  assert.deepEqual(
    test.on().map(({ startedAtUs }) => startedAtUs),
    [5],
  );
});

test("what is not sent counts as ended when it was decided, and is not to be attempted again", async () => {
  const test = new TestJournal();
  void test.journal.keep(test.ended({ isHeldBack: true, status: "canceled" }), false);
  await test.clock.run(50_000);
  assert.deepEqual(test.on()[0]?.end, { succeeded: true, endedAtUs: startUs });
});

test("what is only pending gives way to what has acted, and is counted; beyond the bound it is not kept", async () => {
  const test = new TestJournal({ maxEpisodes: 1 });
  const pending = { meaningVersion: 1, timeLine: "app/i1/t/0", sinceUs: 5 };
  for (const agent of ["w2", "w3"]) {
    test.pending.push({ agent: parseAgentId(agent), rule: hot, pending });
    test.journal.pendingChanged();
  }
  await test.clock.run(50_000);
  assert.deepEqual(
    test.on().map((record) => [record.agent, record.attempt, record.pending]),
    [["w2", 0, pending]],
  );
  assert.equal(test.journal.counters.dropped, 1);
  const kept = test.journal.keep(test.ended(), false);
  await test.clock.run(50_000);
  assert.equal(await kept, true);
  assert.deepEqual(
    test.on().map(({ agent }) => agent),
    ["w1"],
  );
  assert.deepEqual([test.journal.size, test.journal.counters.dropped], [1, 2]);
});

test("what is pending is kept beside an episode that is over, also when that need not be kept any more", async () => {
  const test = new TestJournal();
  const pending = { meaningVersion: 1, timeLine: "app/i1/t/0", sinceUs: 5 };
  void test.journal.keep(test.ended({}, 3), true);
  test.journal.notePending({ agent: w1, rule: hot, pending });
  await test.clock.run(60 * secondUs);
  assert.deepEqual(
    test.on().map((record) => [record.startedAtUs, record.isOver, record.pending]),
    [[3, true, pending]],
  );
  const next = new TestJournal();
  next.journal.restore(test.on());
  const lost = next.journal.takeUp(w1);
  assert.deepEqual([lost.episodes.length, lost.pending], [1, [{ ...pending, rule: hot }]]);
  test.journal.notePending({ agent: w1, rule: hot, pending: undefined });
  await test.clock.run(20 * secondUs);
  assert.deepEqual(test.on(), []);
  test.journal.stop();
  next.journal.stop();
});

test("what was pending is so no more when its episode has acted, or has ended without", async () => {
  const test = new TestJournal();
  const pending = { meaningVersion: 1, timeLine: "app/i1/t/0", sinceUs: 5 };
  test.journal.notePending({ agent: w1, rule: hot, pending });
  test.journal.notePending({ agent: parseAgentId("w2"), rule: hot, pending });
  await test.clock.run(50_000);
  test.journal.sent(test.ended({}, 5), false);
  test.journal.over(parseAgentId("w2"), hot, 5);
  await test.clock.run(50_000);
  assert.deepEqual(
    test.on().map((record) => [record.agent, record.startedAtUs, record.pending]),
    [["w1", 5, undefined]],
  );
  test.journal.stop();
});

test("how far the clocks of an agent's parts had come is known, and kept, until they are back, whatever rows go", async () => {
  const first = new TestJournal();
  first.journal.sent(first.ended(), false);
  await first.clock.run(secondUs);
  const { disk } = first.store;
  const second = new TestJournal();
  second.applied = { "supervisor/i2/t": 9 };
  second.journal.restore([...disk.episodes.values()].flatMap((kept) => [...kept.values()]));
  second.journal.takeUp(w1);
  void second.journal.keep(second.ended({}, 2), false);
  await second.clock.run(secondUs);
  const [row] = [...second.store.disk.episodes.values()].flatMap((kept) => [...kept.values()]);
  assert.deepEqual({ ...row?.appliedUntilUs }, { "app/i1/t": 7, "supervisor/i2/t": 9 });
  second.journal.drop({ ...second.ended({}, 2).episode, agent: w1 } as EpisodeKey);
  assert.equal(second.journal.size, 0);
  assert.equal(second.journal.takeMark(w1, "app/i1/t")?.partUs, 7);
});
