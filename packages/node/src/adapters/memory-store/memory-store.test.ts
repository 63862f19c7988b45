import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { instructionRecord, ledgerEntry } from "../../ports/test-support.ts";
import { createMemoryDisk, createMemoryStore } from "./index.ts";

const startUs = 1_790_000_000_000_000;

test("a slow disk answers when its delay has passed, a group at a time", async () => {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock });
  store.disk.syncDelayUs = 500;
  const answered: string[] = [];
  const accept = (id: string): Promise<void> =>
    store.acceptInstructions([instructionRecord(id)]).then(() => void answered.push(id));
  const first = [accept("a"), accept("b")];
  clock.advance(499);
  await Promise.resolve();
  assert.deepEqual(answered, []);
  clock.advance(1);
  await Promise.all(first);
  assert.deepEqual(answered, ["a", "b"]);
  assert.equal(store.health().commits, 1);
  assert.equal(store.health().committedOperations, 2);
});

test("a crash loses what was not synced, and nothing that was answered", async () => {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock });
  await store.acceptInstructions([instructionRecord("a")]);
  await store.appendLedger([ledgerEntry("e")]);
  store.disk.syncDelayUs = 500;
  void store
    .acceptInstructions([instructionRecord("b")])
    .then(() => assert.fail("answered after the crash"));
  void store.appendLedger([ledgerEntry("f")]).then(() => assert.fail("answered after the crash"));
  store.crash();
  clock.advance(1e6);
  const next = createMemoryStore({ disk: store.disk });
  const { openInstructions } = await next.load();
  assert.deepEqual(
    openInstructions.map(({ id }) => id),
    ["a"],
  );
  const { entries } = await next.queryLedger({ limit: 10, newestFirst: true });
  assert.deepEqual(
    entries.map(({ document }) => document.id),
    ["e"],
  );
});

test("a full disk refuses writes with nothing kept of them, answers reads, and recovers by itself", async () => {
  const store = createMemoryStore();
  await store.acceptInstructions([instructionRecord("a")]);
  store.disk.isFull = true;
  await assert.rejects(store.acceptInstructions([instructionRecord("b")]), {
    code: "STORAGE_FULL",
  });
  assert.equal((await store.instructionById("a"))?.status, "accepted");
  assert.equal(store.health().isWritable, false);
  assert.equal(store.health().lastError?.code, "STORAGE_FULL");
  store.disk.isFull = false;
  assert.equal(await store.instructionById("b"), undefined);
  await store.acceptInstructions([instructionRecord("b")]);
  assert.equal(store.health().isWritable, true);
});

test("a broken disk refuses writes with STORAGE_UNAVAILABLE", async () => {
  const disk = createMemoryDisk();
  disk.isBroken = true;
  const store = createMemoryStore({ disk });
  await assert.rejects(store.forgetAgent("w1"), { code: "STORAGE_UNAVAILABLE" });
});

test("ledger entries wait for a full disk up to a bound, then the oldest are dropped and counted", async () => {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore({ clock, maxLedgerEntries: 2 });
  store.disk.isFull = true;
  const answers = ["a", "b", "c"].map((id) => store.appendLedger([ledgerEntry(id)]));
  assert.equal(await answers[0], false);
  assert.equal(store.health().pendingLedgerEntries, 2);
  assert.equal(store.health().droppedLedgerEntries, 1);
  store.disk.isFull = false;
  clock.advance(1e6);
  assert.deepEqual(await Promise.all(answers), [false, true, true]);
  assert.equal((await store.queryLedger({ limit: 10, newestFirst: true })).entries.length, 2);
});
