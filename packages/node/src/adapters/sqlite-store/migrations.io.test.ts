// Data directories that released versions have written (`released/`: dumps of theirs), opened by this one.
import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Store } from "../../ports/store.ts";
import { openSqliteStore } from "./index.ts";
import { defineSeal } from "./seal.ts";
import { stateSchema } from "./state-schema.ts";

const { migrations } = stateSchema;
const dumps = globSync("released/state-*.sql", { cwd: import.meta.dirname })
  .sort()
  .map((path) => ({
    version: Number(/\d+/.exec(basename(path))?.[0]),
    sql: readFileSync(join(import.meta.dirname, path), "utf8"),
  }));

/** What a database is made of, but for blanks. */
function shapeOf(database: DatabaseSync): string[] {
  return database
    .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
    .all()
    .map(({ sql }) => String(sql).replaceAll(/\s+/g, " ").replaceAll(" ,", ","));
}

function databaseOf(path: string, ...statements: readonly string[]): DatabaseSync {
  const database = new DatabaseSync(path);
  defineSeal(database);
  for (const sql of statements) database.exec(sql);
  return database;
}

/** A data directory with the state that a dump has. */
async function inDirectoryOf(
  sql: string,
  check: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "myelin-released-"));
  try {
    databaseOf(join(directory, "state.db"), sql).close();
    await check(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function withStore(directory: string, use: (store: Store) => Promise<void>): Promise<void> {
  const store = await openSqliteStore({ directory });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** Asserts that a store has what the dump of a schema has. */
async function hasAll(store: Store, version: number): Promise<void> {
  const state = await store.load();
  assert.deepEqual(
    state.agents.map(({ id, parts, labels }) => [id, parts[0]?.actions, labels]),
    [["w1", [{ name: "restart", isIdempotent: true }], { zone: "a" }]],
  );
  assert.deepEqual(
    state.rules.map((rule) => [rule.name, rule.version, rule.source.expr, rule.actor]),
    [["hot", 2, "cpu_usage > 0.8", "token:ops"]],
  );
  const isLaterThan = (schema: number): boolean => version >= schema;
  assert.deepEqual(
    state.openInstructions.map(({ id, status, args, isOutlived }) => [
      id,
      status,
      args,
      isOutlived === true,
    ]),
    [["A".repeat(22), "sent", { grace: "5s" }, isLaterThan(4)]],
  );
  const ended = await store.instructionById("B".repeat(22));
  assert.deepEqual([ended?.status, ended?.result], ["executed", { pid: 7 }]);
  assert.deepEqual(
    state.tokens.map(({ name }) => name),
    isLaterThan(2) ? ["ops"] : [],
  );
  const audit = await store.queryAudit({ limit: 10 });
  assert.deepEqual(
    audit.map(({ act }) => act),
    isLaterThan(2) ? ["rules.apply"] : [],
  );
  assert.equal(state.enforcement?.isOn, isLaterThan(3) ? false : undefined);
  assert.deepEqual(
    state.episodes.map(({ agent, rule }) => [agent, rule]),
    isLaterThan(6) ? [["w1", "hot"]] : [],
  );
}

test("every schema before the newest has a database that was written by its version", () => {
  const versions = dumps.map(({ version }) => version);
  const earlier = Array.from({ length: migrations.length - 1 }, (_, index) => index + 1);
  assert.deepEqual(versions.slice(0, earlier.length), earlier);
});

for (const { version, sql } of dumps) {
  test(`the migrations up to schema ${version} are those that were released`, () => {
    const released = databaseOf(":memory:", sql);
    const present = databaseOf(":memory:", ...migrations.slice(0, version));
    assert.deepEqual(shapeOf(released), shapeOf(present));
    released.close();
    present.close();
  });

  test(`a state of schema ${version} is migrated, and nothing of it is lost`, () =>
    inDirectoryOf(sql, async (directory) => {
      const id = "A".repeat(22);
      await withStore(directory, async (store) => {
        await hasAll(store, version);
        await store.updateInstructions([
          { id, isOutlived: true, status: "failed", endedAtUs: 9e15 },
        ]);
      });
      await withStore(directory, async (store) => {
        assert.equal((await store.instructionById(id))?.status, "failed");
      });
      const migrated = databaseOf(join(directory, "state.db"));
      const fresh = databaseOf(":memory:", ...migrations);
      assert.deepEqual(shapeOf(migrated), shapeOf(fresh));
      assert.equal(
        migrated.prepare("PRAGMA user_version").get()?.["user_version"],
        migrations.length,
      );
      migrated.close();
      fresh.close();
    }));
}
