import assert from "node:assert/strict";
import { test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { ledgerEntry } from "../../ports/test-support.ts";
import { LedgerBuffer } from "./ledger-buffer.ts";

/** A disk that takes groups, or fails as it is told. */
function recordingDisk() {
  const groups: string[][] = [];
  const disk: { groups: string[][]; failure?: MyelinError; ids(): string[] } = {
    groups,
    ids: () => groups.flat(),
  };
  const write = async (rows: readonly { readonly id: string }[]): Promise<void> => {
    if (disk.failure !== undefined) throw disk.failure;
    groups.push(rows.map(({ id }) => id));
  };
  return { disk, write };
}

test("entries are written behind in groups, in their order", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(1000, write);
  const ids = Array.from({ length: 300 }, (_, index) => `e${index}`);
  const answers = await Promise.all(ids.map((id) => buffer.append([ledgerEntry(id)])));
  assert.ok(answers.every((isWritten) => isWritten));
  assert.deepEqual(disk.ids(), ids);
  assert.ok(disk.groups.length >= 3, "a group is small");
  assert.equal(buffer.size, 0);
});

test("what a full disk refused stays in its place, and is written when there is room again", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(10, write);
  disk.failure = new MyelinError("STORAGE_FULL", "full");
  const first = buffer.append([ledgerEntry("a"), ledgerEntry("b")]);
  await buffer.flush();
  assert.equal(buffer.size, 2);
  const second = buffer.append([ledgerEntry("c")]);
  delete disk.failure;
  await buffer.flush();
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  assert.deepEqual(disk.ids(), ["a", "b", "c"]);
});

test("beyond the bound the oldest entries are dropped, counted, and their appenders told", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(2, write);
  disk.failure = new MyelinError("STORAGE_UNAVAILABLE", "gone");
  const first = buffer.append([ledgerEntry("a")]);
  const others = buffer.append([ledgerEntry("b")]);
  await buffer.flush();
  const last = buffer.append([ledgerEntry("c")]);
  assert.equal(await first, false);
  assert.equal(buffer.dropped, 1);
  assert.equal(buffer.size, 2);
  delete disk.failure;
  await buffer.flush();
  assert.deepEqual(await Promise.all([others, last]), [true, true]);
  assert.deepEqual(disk.ids(), ["b", "c"]);
});

test("a group that is refused for a fault of its own does not hold up the next", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(10, write);
  disk.failure = new MyelinError("INTERNAL", "a fault");
  const first = buffer.append([ledgerEntry("a")]);
  await buffer.flush();
  assert.equal(await first, false);
  delete disk.failure;
  assert.equal(await buffer.append([ledgerEntry("b")]), true);
  assert.equal(buffer.dropped, 1);
});

test("what is given up is dropped, and its appenders told", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(10, write);
  disk.failure = new MyelinError("STORAGE_FULL", "full");
  const answer = buffer.append([ledgerEntry("a")]);
  await buffer.flush();
  buffer.abandon();
  assert.equal(await answer, false);
  assert.equal(buffer.size, 0);
});

test("an entry that cannot be made into a row is dropped, and the buffer goes on", async () => {
  const { disk, write } = recordingDisk();
  const buffer = new LedgerBuffer(10, write);
  const { document, nodeUs } = ledgerEntry("a");
  assert.equal(
    await buffer.append([{ document: { ...document, createdAt: "once" }, nodeUs }]),
    false,
  );
  assert.equal(await buffer.append([ledgerEntry("b")]), true);
  assert.deepEqual(disk.ids(), ["b"]);
});
