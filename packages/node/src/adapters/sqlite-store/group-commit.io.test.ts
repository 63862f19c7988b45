import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { checkpoint, openDatabase } from "./database.ts";
import { GroupCommit, type Operation } from "./group-commit.ts";
import type { Outcome } from "./protocol.ts";

interface Bench {
  readonly database: DatabaseSync;
  readonly group: GroupCommit;
  readonly events: string[];
  insert(value: string): Operation;
  values(): unknown[];
}

/** A database with one table, and groups on it. */
function withDatabase(check: (bench: Bench) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "myelin-group-"));
  const path = join(directory, "values.db");
  const database = openDatabase(path, {
    schema: { migrations: ["CREATE TABLE kept (value TEXT UNIQUE) STRICT"], sealed: [] },
    synchronous: "FULL",
    maxCheckedBytes: 0,
    maxComparedBytes: 0,
  });
  const events: string[] = [];
  const group = new GroupCommit(database, path, {
    onBegin: () => events.push("begin"),
    onRollback: () => events.push("rollback"),
  });
  const insert = database.prepare("INSERT INTO kept VALUES (?)");
  const select = database.prepare("SELECT value FROM kept ORDER BY rowid");
  try {
    check({
      database,
      group,
      events,
      insert: (value) => ({ isWrite: true, run: () => void insert.run(value) }),
      values: () => select.all().map(({ value }) => value),
    });
  } finally {
    database.close();
    rmSync(directory, { recursive: true });
  }
}

function codesOf(outcomes: readonly Outcome[]): (string | undefined)[] {
  return outcomes.map((outcome) => ("error" in outcome ? outcome.error.code : undefined));
}

test("a group is one commit, and its outcomes are in the order of its operations", () => {
  withDatabase(({ group, insert, values }) => {
    const read = { isWrite: false, run: values };
    const outcomes = group.run([insert("a"), read, insert("b"), read]);
    assert.deepEqual(outcomes[1], { value: ["a"] });
    assert.deepEqual(outcomes[3], { value: ["a", "b"] });
    assert.equal(group.figures.commits, 1);
    assert.equal(group.figures.committedOperations, 2);
    assert.ok(group.figures.commitMaxUs > 0);
    assert.equal(group.figures.commitTotalUs, group.figures.commitMaxUs);
  });
});

test("reading counts as no commit", () => {
  withDatabase(({ group, values }) => {
    group.run([{ isWrite: false, run: values }]);
    assert.equal(group.figures.commits, 0);
  });
});

test("an operation that refuses is undone alone", () => {
  withDatabase(({ group, insert, events, values }) => {
    const refusing: Operation = {
      isWrite: true,
      run: () => {
        insert("half").run();
        throw new MyelinError("ALREADY_EXISTS", "no");
      },
    };
    const outcomes = group.run([insert("a"), refusing, insert("b")]);
    assert.deepEqual(codesOf(outcomes), [undefined, "ALREADY_EXISTS", undefined]);
    assert.deepEqual(values(), ["a", "b"]);
    assert.deepEqual(events, ["begin"]);
    assert.equal(group.figures.committedOperations, 2);
  });
});

test("when the disk fails a group, each operation is tried alone, and those that fit are kept", () => {
  withDatabase(({ database, group, insert, events, values }) => {
    checkpoint(database, "TRUNCATE");
    const [pages] = Object.values(database.prepare("PRAGMA page_count").get() ?? {});
    database.exec(`PRAGMA max_page_count = ${Number(pages) + 1}`);
    const outcomes = group.run([insert("a"), insert("x".repeat(100_000)), insert("b")]);
    assert.deepEqual(codesOf(outcomes), [undefined, "STORAGE_FULL", undefined]);
    assert.deepEqual(values(), ["a", "b"]);
    assert.deepEqual(events, ["begin", "rollback", "begin", "begin", "rollback", "begin"]);
    assert.equal(group.figures.committedOperations, 2);
    database.exec("PRAGMA max_page_count = 1000000");
    assert.deepEqual(codesOf(group.run([insert("x".repeat(100_000))])), [undefined]);
  });
});

test("a fault of one operation's own is INTERNAL, and costs the others nothing", () => {
  withDatabase(({ group, insert, values }) => {
    const outcomes = group.run([insert("a"), insert("a"), insert("b")]);
    assert.deepEqual(codesOf(outcomes), [undefined, "INTERNAL", undefined]);
    assert.deepEqual(values(), ["a", "b"]);
  });
});
