import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Store } from "../../ports/store.ts";
import { agentRecord, ledgerEntry } from "../../ports/test-support.ts";
import { defaultStorageBounds } from "../../ports/bounds.ts";
import { openSqliteStore } from "./index.ts";
import { stateSchema } from "./state-schema.ts";

const agent = agentRecord("w1");
const entry = ledgerEntry("e1", { endedAtUs: Date.UTC(2026, 10, 21, 9) * 1000 });

/** A data directory that a store has used and closed. */
async function inUsedDirectory(check: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "myelin-store-"));
  try {
    const store = await openSqliteStore({ directory });
    await store.saveAgents([agent]);
    await store.appendLedger([entry]);
    await store.close();
    await check(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Every file with its mode and content; the lock's own files are no data. */
function contentOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(directory, name)).isFile());
  const content = files.map((name) => {
    const path = join(directory, name);
    return [name, `${statSync(path).mode.toString(8)} ${readFileSync(path, "base64")}`];
  });
  return Object.fromEntries(content);
}

/** Asserts that opening fails as said and changes nothing. */
async function refuses(
  directory: string,
  expected: { code: string; message: RegExp },
): Promise<void> {
  const before = contentOf(directory);
  await assert.rejects(openSqliteStore({ directory }), expected);
  assert.deepEqual(contentOf(directory), before);
}

function ledgerFileOf(directory: string): string {
  const [name] = readdirSync(join(directory, "ledger")).filter((each) => each.endsWith(".db"));
  return join(directory, "ledger", name ?? "missing.db");
}

/** Changes a file as nobody should. */
function damage(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

test("the data directory and its files are for their owner only", async () => {
  const parent = mkdtempSync(join(tmpdir(), "myelin-store-"));
  const directory = join(parent, "deep", "data");
  const store = await openSqliteStore({ directory });
  await store.saveAgents([agent]);
  await store.appendLedger([entry]);
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  assert.ok(names.includes("state.db-wal"));
  for (const path of [directory, ...names.map((name) => join(directory, name))]) {
    const stats = statSync(path);
    assert.equal(stats.mode & 0o777, stats.isDirectory() ? 0o700 : 0o600, path);
  }
  await store.close();
  rmSync(parent, { recursive: true });
});

test("a file that was opened to others is closed to them again", () =>
  inUsedDirectory(async (directory) => {
    chmodSync(join(directory, "state.db"), 0o644);
    const store = await openSqliteStore({ directory });
    assert.equal(statSync(join(directory, "state.db")).mode & 0o777, 0o600);
    await store.close();
  }));

test("a data directory that a node uses is refused to a second one, which is told the first one's pid", () =>
  inUsedDirectory(async (directory) => {
    const first = await openSqliteStore({ directory });
    await assert.rejects(openSqliteStore({ directory }), {
      code: "DATA_DIRECTORY_LOCKED",
      message: new RegExp(`process ${process.pid}$`),
      details: { path: directory, pid: process.pid },
    });
    await first.saveAgents([{ ...agent, id: "w2" }]);
    await first.close();
    const second = await openSqliteStore({ directory });
    assert.equal((await second.load()).agents.length, 2);
    await second.close();
  }));

test("a state of a newer schema is refused", () =>
  inUsedDirectory(async (directory) => {
    damage(join(directory, "state.db"), "PRAGMA user_version = 99");
    await refuses(directory, {
      code: "SCHEMA_TOO_NEW",
      message: /state\.db has schema version 99/,
    });
  }));

test("a ledger of a newer schema is refused", () =>
  inUsedDirectory(async (directory) => {
    damage(ledgerFileOf(directory), "PRAGMA user_version = 99");
    await refuses(directory, {
      code: "SCHEMA_TOO_NEW",
      message: /ledger.*\.db has schema version 99/,
    });
  }));

test("a state that is no database is refused", () =>
  inUsedDirectory(async (directory) => {
    writeFileSync(join(directory, "state.db"), "not a database, but a letter to one\n".repeat(200));
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /state\.db/ });
  }));

test("a refused start leaves nothing behind in a directory where no node has been", () =>
  inUsedDirectory(async (directory) => {
    rmSync(join(directory, "lock.db"));
    const ledger = ledgerFileOf(directory);
    const sound = readFileSync(ledger);
    writeFileSync(ledger, sound.subarray(0, 5000));
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /ledger.*\.db/ });
    writeFileSync(ledger, sound);
    writeFileSync(join(directory, "state.db"), "a letter\n");
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /state\.db/ });
    assert.ok(!readdirSync(directory).some((name) => name.startsWith("lock")));
  }));

test("a state with a damaged page is refused", () =>
  inUsedDirectory(async (directory) => {
    const path = join(directory, "state.db");
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096, 4096 * 3);
    writeFileSync(path, bytes);
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /state\.db/ });
  }));

test("a ledger that is cut short is refused", () =>
  inUsedDirectory(async (directory) => {
    const path = ledgerFileOf(directory);
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /ledger.*\.db/ });
  }));

test("a state that is empty is refused: it is none that a start has left behind", () =>
  inUsedDirectory(async (directory) => {
    writeFileSync(join(directory, "state.db"), "");
    await refuses(directory, {
      code: "STORAGE_CORRUPT",
      message: /state\.db is damaged: it is empty/,
    });
  }));

test("a state whose text was changed opens, and does not tell what was changed", () =>
  inUsedDirectory(async (directory) => {
    damage(join(directory, "state.db"), "UPDATE agent SET record = replace(record, 'w1', 'w2')");
    const store = await openSqliteStore({ directory });
    await assert.rejects(store.load(), {
      code: "STORAGE_CORRUPT",
      message: /state\.db is damaged: the agent "w1" is not as it was written/,
    });
    await store.close();
  }));

test("a ledger whose entry was changed does not tell it", () =>
  inUsedDirectory(async (directory) => {
    damage(
      ledgerFileOf(directory),
      "UPDATE entry SET entry = replace(entry, 'executed', 'expired')",
    );
    const store = await openSqliteStore({ directory });
    await assert.rejects(store.ledgerById("e1"), {
      code: "STORAGE_CORRUPT",
      message: /ledger.*\.db is damaged: the entry "e1"/,
    });
    await store.close();
  }));

test("a state whose index has not what its table has is refused", () =>
  inUsedDirectory(async (directory) => {
    const path = join(directory, "state.db");
    const bytes = readFileSync(path);
    // The last of the two is in the index: pages of tables come before those of their indexes.
    const at = bytes.lastIndexOf("w1");
    bytes.write("w2", at);
    writeFileSync(path, bytes);
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /state\.db is damaged: .*index/ });
  }));

/** Leaves a log of four commits behind, as a crash does, and where each ended. */
function crashWithLog(directory: string): { readonly path: string; readonly ends: number[] } {
  const path = join(directory, "state.db");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  const ends = [1, 2, 3, 4].map((number) => {
    const record = `'{"id":"x${number}"}'`;
    database.exec(`INSERT INTO setting (name, record) VALUES ('x${number}', ${record})`);
    return statSync(`${path}-wal`).size;
  });
  const [file, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
  database.close();
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log, { mode: 0o600 });
  return { path, ends };
}

/** Changes one byte of a file. */
function spoil(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
  writeFileSync(path, bytes);
}

test("a log that is damaged before its last commit is refused, with the way to go on without what is lost", () =>
  inUsedDirectory(async (directory) => {
    const { path, ends } = crashWithLog(directory);
    const [first = 0] = ends;
    spoil(`${path}-wal`, first + 2000);
    await refuses(directory, {
      code: "STORAGE_CORRUPT",
      message: /state\.db-wal is damaged behind byte/,
    });
    await assert.rejects(openSqliteStore({ directory }), {
      hint: new RegExp(`truncate -s ${first} .*state\\.db-wal$`),
    });
  }));

test("a log that is damaged in its header is refused", () =>
  inUsedDirectory(async (directory) => {
    const { path } = crashWithLog(directory);
    spoil(`${path}-wal`, 17);
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /behind byte 0 of/ });
  }));

test("a log that is torn in its last commit is one of a crash in the middle of it: the others are kept", () =>
  inUsedDirectory(async (directory) => {
    const { path, ends } = crashWithLog(directory);
    spoil(`${path}-wal`, (ends.at(-1) ?? 0) - 100);
    const store = await openSqliteStore({ directory });
    await store.close();
    const database = new DatabaseSync(path);
    assert.equal(database.prepare("SELECT count(*) AS count FROM setting").get()?.["count"], 3);
    database.close();
  }));

test("a state that says it has no log beside one is refused", () =>
  inUsedDirectory(async (directory) => {
    const { path } = crashWithLog(directory);
    const bytes = readFileSync(path);
    bytes.fill(1, 18, 20);
    writeFileSync(path, bytes);
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /it has a log beside it/ });
  }));

test("another program's database is refused", () =>
  inUsedDirectory(async (directory) => {
    rmSync(join(directory, "state.db"));
    damage(join(directory, "state.db"), "CREATE TABLE theirs (value TEXT)");
    await refuses(directory, { code: "STORAGE_CORRUPT", message: /none of Myelin's/ });
  }));

test("what a crash has left in the log is looked at too, and left there when the start is refused", () =>
  inUsedDirectory(async (directory) => {
    const path = join(directory, "state.db");
    const database = new DatabaseSync(path);
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99",
    );
    const log = readFileSync(`${path}-wal`);
    database.exec("PRAGMA user_version = 1");
    database.close();
    writeFileSync(`${path}-wal`, log, { mode: 0o600 });
    await refuses(directory, { code: "SCHEMA_TOO_NEW", message: /schema version 99/ });
  }));

test("the ledger is kept for 7 days or 2 GiB unless it is told otherwise", () => {
  const { ledgerRetentionDays, ledgerMaxBytes } = defaultStorageBounds;
  assert.deepEqual([ledgerRetentionDays, ledgerMaxBytes], [7, 2 * 1024 ** 3]);
});

test("a data directory that is a file, or in one, is refused with STORAGE_UNAVAILABLE", () =>
  inUsedDirectory(async (directory) => {
    const inFile = join(directory, "state.db", "data");
    await assert.rejects(openSqliteStore({ directory: inFile }), {
      code: "STORAGE_UNAVAILABLE",
      message: /state\.db/,
    });
    await assert.rejects(openSqliteStore({ directory: join(directory, "state.db") }), {
      code: "STORAGE_UNAVAILABLE",
    });
  }));

const noProc = process.platform === "linux" ? false : "there is no /proc";

test("a data directory that the kernel does not let be made is refused", {
  skip: noProc,
}, async () => {
  await assert.rejects(openSqliteStore({ directory: "/proc/myelin/data" }), {
    code: "STORAGE_UNAVAILABLE",
  });
});

test("after a refused start the directory is free for the next", () =>
  inUsedDirectory(async (directory) => {
    const path = join(directory, "state.db");
    damage(path, "PRAGMA user_version = 99");
    await assert.rejects(openSqliteStore({ directory }), { code: "SCHEMA_TOO_NEW" });
    damage(path, `PRAGMA user_version = ${stateSchema.migrations.length}`);
    const store: Store = await openSqliteStore({ directory });
    assert.deepEqual((await store.load()).agents, [agent]);
    await store.close();
  }));
