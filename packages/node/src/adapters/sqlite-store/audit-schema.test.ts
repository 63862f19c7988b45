import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { auditPruning, auditSchema } from "./audit-schema.ts";

/** An audit that keeps two entries, and entries up to 100 µs older than the newest. */
const retention = { maxEntries: 2, maxAgeUs: 100 };

function auditOf(...timesUs: number[]): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  database.exec(auditSchema(retention));
  for (const timeUs of timesUs) append(database, "NULL", timeUs);
  return database;
}

function append(database: DatabaseSync, sequence: string, timeUs: number, verb = "INSERT"): void {
  database.exec(
    `${verb} INTO audit VALUES (${sequence}, ${timeUs}, 'local', 'send', 'w1', 'done', NULL, '', '{}')`,
  );
}

function sequences(database: DatabaseSync): number[] {
  const rows = database.prepare("SELECT sequence FROM audit ORDER BY sequence").all();
  return rows.map(({ sequence }) => Number(sequence));
}

test("the database itself refuses to change or replace an entry of the audit", () => {
  using database = auditOf(1, 2);
  assert.throws(() => database.exec("UPDATE audit SET actor = 'nobody'"), /are not changed/);
  assert.throws(() => append(database, "1", 9, "INSERT OR REPLACE"), /are not replaced/);
  assert.throws(() => append(database, "2", 9, "REPLACE"), /are not replaced/);
  const actors = database.prepare("SELECT DISTINCT actor FROM audit").all();
  assert.deepEqual(
    actors.map(({ actor }) => actor),
    ["local"],
  );
});

test("the database itself refuses to delete an entry that is still to be kept", () => {
  using database = auditOf(1, 50, 101);
  for (const sequence of [2, 3])
    assert.throws(
      () => database.exec(`DELETE FROM audit WHERE sequence = ${sequence}`),
      /are kept until/,
    );
  assert.throws(() => database.exec("DELETE FROM audit"), /are kept until/);
  database.exec("DELETE FROM audit WHERE sequence = 1");
  assert.deepEqual(sequences(database), [2, 3]);
});

test("pruning takes what is beyond the number or the age, oldest first, and a part at a time", () => {
  using many = auditOf(1, 2, 3, 4);
  const prune = (database: DatabaseSync, limit: number): unknown =>
    database.prepare(auditPruning).run({ ...retention, limit }).changes;
  assert.equal(prune(many, 1), 1);
  assert.deepEqual(sequences(many), [2, 3, 4]);
  assert.equal(prune(many, 10), 1);
  assert.equal(prune(many, 10), 0);
  assert.deepEqual(sequences(many), [3, 4]);
  using old = auditOf(1, 102);
  assert.equal(prune(old, 10), 1);
  assert.deepEqual(sequences(old), [2]);
});

test("places are not used again after everything before them has gone", () => {
  using database = auditOf(1, 2, 300);
  database.prepare(auditPruning).run({ ...retention, limit: 10 });
  append(database, "NULL", 301);
  assert.deepEqual(sequences(database), [3, 4]);
});
