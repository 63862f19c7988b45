import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import type { AgentRecord } from "../../ports/store.ts";
import { openSqliteStore, type SqliteStore } from "../sqlite-store/index.ts";
import { backupOfDirectory, restoreBackup, StoreBackups, verifyBackup } from "./index.ts";

const origin = { version: "0.1.0", node: "edge-1", createdAtMs: Date.UTC(2026, 10, 21) };

function agent(id: string): AgentRecord {
  const none = { type: "t", tier: "device", labels: {}, capabilities: [], parts: [] };
  return { id, ...none, firstSeenUs: 1, lastSeenUs: 1 };
}

suite("a backup", () => {
  let folder = "";
  let store: SqliteStore;
  const inFolder = (name: string): string => join(folder, name);
  const save = async (bytes: AsyncIterable<Uint8Array>, name = "b.tar"): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    writeFileSync(inFolder(name), Buffer.concat(chunks));
    return inFolder(name);
  };
  const restore = (archive: string, directory: string, isForced = false) =>
    restoreBackup({ archive, directory, isForced, nowMs: origin.createdAtMs });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "myelin-backup-"));
    store = await openSqliteStore({ directory: inFolder("data") });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  test("has what was kept when it was begun, though writing goes on", async () => {
    await store.saveAgents([agent("before")]);
    let isWriting = true;
    let written = 0;
    const writing = (async () => {
      while (isWriting) await store.saveAgents([agent(`during-${written++}`)]);
    })();
    const archive = await save(await new StoreBackups(store, inFolder("data")).make(origin));
    isWriting = false;
    await writing;
    assert.ok(written > 0);
    assert.deepEqual((await verifyBackup(archive)).node, "edge-1");
    await restore(archive, inFolder("restored"));
    const restored = await openSqliteStore({ directory: inFolder("restored") });
    const { agents } = await restored.load();
    await restored.close();
    assert.equal(agents[0]?.id, "before");
    const during = agents.slice(1).map(({ id }) => id);
    assert.deepEqual(
      during,
      during.map((_, index) => `during-${index}`),
      "writes are in it without a gap",
    );
  });

  test("leaves nothing behind, and only one is made at a time", async () => {
    const backups = new StoreBackups(store, inFolder("data"));
    const first = await backups.make(origin);
    await assert.rejects(backups.make(origin), { code: "CONFLICT" });
    await save(first);
    assert.ok(!existsSync(inFolder("data/backup.tmp")));
    const given = await backups.make(origin);
    await given.return(undefined);
    assert.ok(!existsSync(inFolder("data/backup.tmp")));
  });

  test("of a directory needs it to be used by no node", async () => {
    await store.saveAgents([agent("a")]);
    const make = (): Promise<string> =>
      save(backupOfDirectory(inFolder("data"), inFolder("b.tar"), origin));
    await assert.rejects(make(), { code: "DATA_DIRECTORY_LOCKED" });
    await store.close();
    await verifyBackup(await make());
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("of a directory that has no state says so", async () => {
    const bytes = backupOfDirectory(inFolder("none"), inFolder("b.tar"), origin);
    await assert.rejects(save(bytes), { code: "NOT_FOUND" });
  });

  test("that was cut short or changed is refused, and nothing is restored of it", async () => {
    const archive = await save(await new StoreBackups(store, inFolder("data")).make(origin));
    const whole = readFileSync(archive);
    const changed = Buffer.from(whole);
    changed[5000] = (changed[5000] ?? 0) ^ 1;
    const named = Buffer.from(whole);
    named.write("../x.db\0");
    const damaged = [
      whole.subarray(0, 2000),
      whole.subarray(0, -3000),
      changed,
      named,
      Buffer.of(),
    ];
    for (const [index, bytes] of damaged.entries()) {
      const path = inFolder(`damaged-${index}.tar`);
      writeFileSync(path, bytes);
      await assert.rejects(verifyBackup(path), { code: "STORAGE_CORRUPT" });
      await assert.rejects(restore(path, inFolder("restored")), { code: "STORAGE_CORRUPT" });
    }
    assert.ok(!existsSync(inFolder("restored/state.db")));
    assert.ok(!existsSync(inFolder("restored/restore.tmp")));
  });

  test("is not restored into a directory in use", async () => {
    const archive = await save(await new StoreBackups(store, inFolder("data")).make(origin));
    for (const isForced of [false, true])
      await assert.rejects(restore(archive, inFolder("data"), isForced), {
        code: "DATA_DIRECTORY_LOCKED",
      });
  });

  test("is restored into a directory that is not empty by force only, and moves aside what was there", async () => {
    await store.saveAgents([agent("a")]);
    const archive = await save(await new StoreBackups(store, inFolder("data")).make(origin));
    await store.saveAgents([agent("later")]);
    await store.close();
    writeFileSync(inFolder("data/myelin.yaml"), "port: 1");
    await assert.rejects(restore(archive, inFolder("data")), { code: "CONFLICT" });
    const { movedTo = "" } = await restore(archive, inFolder("data"), true);
    assert.ok(existsSync(join(movedTo, "state.db")));
    assert.ok(existsSync(inFolder("data/myelin.yaml")));
    const again = await openSqliteStore({ directory: inFolder("data") });
    const { agents } = await again.load();
    await again.close();
    assert.deepEqual(
      agents.map(({ id }) => id),
      ["a"],
    );
  });

  test("is readable by its owner only, once restored", async () => {
    const archive = await save(await new StoreBackups(store, inFolder("data")).make(origin));
    mkdirSync(inFolder("restored"));
    await restore(archive, inFolder("restored"));
    assert.equal(statSync(inFolder("restored")).mode & 0o777, 0o700);
    assert.equal(statSync(inFolder("restored/state.db")).mode & 0o777, 0o600);
  });
});
