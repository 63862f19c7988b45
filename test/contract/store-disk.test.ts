import assert from "node:assert/strict";
import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openSqliteStore } from "../../packages/node/src/adapters/sqlite-store/index.ts";
import type { Store } from "../../packages/node/src/ports/store.ts";
import { instructionRecord, ledgerEntry } from "../../packages/node/src/ports/test-support.ts";

const writer = fileURLToPath(new URL("./store-writer.ts", import.meta.url));

async function inDirectory(check: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-disk-"));
  try {
    await check(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Lets a process write into the store and kills it after `count` answers; resolves to all it has said. */
async function killAfter(directory: string, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const said: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (said.length === count) child.kill("SIGKILL");
  }
  const [, signal] = await ended;
  assert.equal(signal, "SIGKILL");
  return said;
}

test("what a process was answered before kill -9 is there afterwards, and batches are whole", () =>
  inDirectory(async (directory) => {
    const said = await killAfter(directory, 600);
    assert.ok(said.length >= 600);
    const store = await openSqliteStore({ directory });
    for (const line of said) {
      const [what, id] = line.split(" ");
      if (what === "written") assert.ok(await store.ledgerById(`${id}`), line);
      const first = await store.instructionById(`${id}.0`);
      assert.equal(first?.batch, id, line);
      if (what === "sent") assert.equal(first?.incarnation, "i1", line);
    }
    const perBatch = new Map<string, number>();
    for (const { batch } of (await store.load()).openInstructions) {
      perBatch.set(batch, (perBatch.get(batch) ?? 0) + 1);
    }
    assert.deepEqual(new Set(perBatch.values()), new Set([3]));
    await store.close();
  }));

test("instructions accepted at once share commits: many at a time are faster than one after another", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory });
    const count = 400;
    const accept = (id: string): Promise<void> => store.acceptInstructions([instructionRecord(id)]);
    await accept("warm");
    const startedMs = performance.now();
    for (let index = 0; index < count; index++) await accept(`a${index}`);
    const betweenMs = performance.now();
    const { commits } = store.health();
    await Promise.all(Array.from({ length: count }, (_, index) => accept(`b${index}`)));
    const endedMs = performance.now();
    const ratio = (betweenMs - startedMs) / (endedMs - betweenMs);
    assert.ok(ratio > 3, `${ratio.toFixed(1)} times as fast`);
    assert.ok(store.health().commits - commits < count / 3);
    await store.close();
  }));

const run = (command: string, ...words: string[]): SpawnSyncReturns<string> =>
  spawnSync(command, words, { encoding: "utf8" });

/** Mounts a small disk in memory; says why not where that is not permitted. */
async function onSmallDisk(
  say: (reason: string) => void,
  check: (directory: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (directory) => {
    const mounted = run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", directory);
    if (mounted.status !== 0) {
      say(
        `not tested: a small disk cannot be mounted here (${mounted.error?.message ?? mounted.stderr})`,
      );
      return;
    }
    try {
      await check(directory);
    } finally {
      run("umount", directory);
    }
  });
}

/** Takes what is left of the disk. */
function fillDisk(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let sizeBytes = 1 << 16; sizeBytes >= 1; ) {
      try {
        writeSync(file, Buffer.alloc(sizeBytes));
      } catch {
        sizeBytes >>= 1;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Accepts one after another until the store refuses; resolves to the ids accepted and the error. */
async function acceptUntilRefused(
  store: Store,
  prefix = "i",
): Promise<{ accepted: string[]; refused: string; error: unknown }> {
  const accepted: string[] = [];
  for (let index = 0; ; index++) {
    const id = `${prefix}${index}`;
    try {
      await store.acceptInstructions([instructionRecord(id)]);
      accepted.push(id);
    } catch (error) {
      return { accepted, refused: id, error };
    }
  }
}

test("a full disk refuses acceptances with STORAGE_FULL, keeps what it has, and recovers by itself", (t) =>
  onSmallDisk(
    (reason) => t.diagnostic(reason),
    async (directory) => {
      const filler = join(directory, "filler");
      const store = await openSqliteStore({ directory });
      await store.acceptInstructions([instructionRecord("before")]);
      await store.appendLedger([ledgerEntry("before")]);
      fillDisk(filler);
      const { accepted, refused, error } = await acceptUntilRefused(store);
      assert.equal((error as { code: string }).code, "STORAGE_FULL");
      assert.equal(store.health().isWritable, false);
      assert.equal((await store.instructionById("before"))?.status, "accepted");
      assert.equal(await store.instructionById(refused), undefined);
      const entries = Array.from({ length: 500 }, (_, index) => ledgerEntry(`e${index}`));
      const appended = store.appendLedger(entries);
      assert.ok(
        (await store.queryLedger({ limit: 1000, newestFirst: false })).entries.length < 501,
      );
      assert.ok(store.health().pendingLedgerEntries > 0);

      rmSync(filler);
      await store.acceptInstructions([instructionRecord("after")]);
      assert.equal(store.health().isWritable, true);
      assert.equal(await appended, true);
      await store.close();
      const next = await openSqliteStore({ directory });
      assert.deepEqual(
        (await next.load()).openInstructions.map(({ id }) => id),
        ["before", ...accepted, "after"],
      );
      const { entries: kept } = await next.queryLedger({ limit: 1000, newestFirst: false });
      assert.equal(kept.length, 501);
      await next.close();
    },
  ));

test("a store opens on a full disk, after a crash too, and refuses what is to be kept", (t) =>
  onSmallDisk(
    (reason) => t.diagnostic(reason),
    async (directory) => {
      const said = await killAfter(directory, 30);
      const filler = join(directory, "filler");
      fillDisk(filler);
      for (let start = 0; start < 2; start++) {
        const store = await openSqliteStore({ directory });
        const { openInstructions } = await store.load();
        assert.ok(
          openInstructions.length >= said.filter((line) => line.startsWith("accepted")).length * 3,
        );
        const { error } = await acceptUntilRefused(store, `${start}-`);
        assert.equal((error as { code: string }).code, "STORAGE_FULL");
        await store.close();
        fillDisk(`${filler}-${start}`);
      }
    },
  ));
