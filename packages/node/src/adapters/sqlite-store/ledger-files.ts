// The ledger: one SQLite file a day, appended to by groups, read newest or oldest first.
//
// Invariants
// 1. The order of entries is that of appending: by file, then by sequence. A clock that goes back
//    does not go back to an earlier file.
// 2. What is older than the retention, and the oldest beyond `maxBytes`, goes by deleting files.
//    Only when today's file alone exceeds it, its oldest hundredth is removed, and its pages used again.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import type { LedgerQuery } from "../../ports/store.ts";
import { CopyRun } from "./copy-run.ts";
import { makePrivateDirectory } from "./data-directory.ts";
import { checkDatabase, checkpoint, type OpenOptions, openDatabase } from "./database.ts";
import { entryTable, ledgerSchema } from "./ledger-schema.ts";
import type { LedgerCalls, LedgerRow, LedgerSettings, LedgerTexts } from "./protocol.ts";
import { requireSound, sealOf } from "./seal.ts";
import { storageError } from "./storage-error.ts";

const fileForm = /^(\d{4}-\d\d-\d\d)\.db$/;
const cursorForm = /^(\d{4}-\d\d-\d\d)\.(\d{1,15})$/;
const dayMs = 86_400e3;
const openOptions: OpenOptions = {
  schema: ledgerSchema,
  synchronous: "NORMAL",
  maxCheckedBytes: 16 << 20,
  maxComparedBytes: 4 << 20,
};

interface DayFile {
  readonly database: DatabaseSync;
  readonly insert: StatementSync;
  readonly find: StatementSync;
  readonly remove: StatementSync;
}

interface Position {
  readonly day: string;
  readonly sequence: number;
}

interface Found extends Position {
  readonly text: string;
}

/**
 * Looks whether the files of a data directory's ledger can be opened, and changes nothing.
 * @throws MyelinError STORAGE_CORRUPT | SCHEMA_TOO_NEW | STORAGE_UNAVAILABLE
 */
export function checkLedger(
  directory: string,
  bounds?: Pick<OpenOptions, "maxCheckedBytes" | "maxComparedBytes">,
): void {
  const options = { ...openOptions, ...bounds };
  for (const { path } of ledgerPaths(directory)) checkDatabase(path, options);
}

/** The files of a data directory's ledger, oldest first. */
export function ledgerPaths(directory: string): { readonly name: string; readonly path: string }[] {
  const folder = folderOf(directory);
  if (!existsSync(folder)) return [];
  return daysOf(folder).map((day) => ({ name: `${day}.db`, path: join(folder, `${day}.db`) }));
}

/** The open ledger of a data directory. */
export class LedgerFiles implements Omit<LedgerCalls, "close"> {
  readonly #folder: string;
  readonly #settings: LedgerSettings;
  readonly #nowMs: () => number;
  readonly #open = new Map<string, DayFile>();
  readonly #copies = new CopyRun();
  /** Oldest first. */
  #days: string[];

  /** The files must have been looked at by `checkLedger`. @throws MyelinError STORAGE_UNAVAILABLE */
  constructor(settings: LedgerSettings, nowMs: () => number) {
    this.#settings = settings;
    this.#nowMs = nowMs;
    this.#folder = folderOf(settings.directory);
    makePrivateDirectory(this.#folder);
    this.#days = daysOf(this.#folder);
  }

  append(rows: readonly LedgerRow[]): void {
    const day = this.#dayOfWriting();
    const path = this.#pathOf(day);
    const { database, insert } = this.#fileOf(day);
    try {
      database.exec("BEGIN IMMEDIATE");
      for (const row of rows) {
        const values = [row.id, row.agent, row.rule, row.status, row.endedAtUs, row.text];
        insert.run(...values, sealOf(values));
      }
      database.exec("COMMIT");
    } catch (thrown) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw storageError(thrown, path);
    }
    this.#removeEarlier(rows, day);
  }

  query(query: LedgerQuery): LedgerTexts {
    if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 1000) {
      throw new MyelinError("INVALID_ARGUMENT", "limit must be a whole number from 1 to 1000");
    }
    const from = query.cursor === undefined ? undefined : positionOf(query.cursor);
    const days = query.newestFirst ? this.#days.toReversed() : this.#days;
    const found: Found[] = [];
    for (const day of days) {
      if (from !== undefined && (query.newestFirst ? day > from.day : day < from.day)) continue;
      if (found.length > query.limit) break;
      const after = day === from?.day ? from.sequence : undefined;
      found.push(...this.#search(day, query, after, query.limit + 1 - found.length));
    }
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const isAtEnd = query.newestFirst && found.length === page.length;
    const cursor = last === undefined ? query.cursor : `${last.day}.${last.sequence}`;
    return {
      entries: page.map(({ text }) => text),
      ...(isAtEnd || cursor === undefined ? {} : { cursor }),
    };
  }

  find(id: string): string | undefined {
    for (const day of this.#days.toReversed()) {
      const row = this.#fileOf(day).find.get(id);
      if (row !== undefined) return this.#textOf(row, day);
    }
    return undefined;
  }

  /** Moves logs into their files, and deletes what is too old or too much. */
  maintain(): void {
    for (const { database } of this.#open.values()) checkpoint(database, "TRUNCATE");
    if (this.#copies.isCopying) return;
    const oldest = isoDay(this.#nowMs() - this.#settings.retentionDays * dayMs);
    for (const day of this.#days.filter((each) => each < oldest)) this.#delete(day);
    while (this.#sizeBytes() > this.#settings.maxBytes && this.#days.length > 0) {
      const [first] = this.#days;
      if (first === undefined) return;
      if (this.#days.length > 1) this.#delete(first);
      else if (!this.#removeOldest(first)) return;
    }
  }

  /** Begins to copy all files into a folder; no file is deleted meanwhile. */
  beginCopy(folder: string): void {
    makePrivateDirectory(folder);
    const copies = this.#days.map((day) => ({
      database: this.#fileOf(day).database,
      to: join(folder, `${day}.db`),
    }));
    this.#copies.begin(copies);
  }

  isCopied(): boolean {
    return this.#copies.isDone();
  }

  close(): void {
    for (const { database } of this.#open.values()) database.close();
    this.#open.clear();
  }

  #dayOfWriting(): string {
    const today = isoDay(this.#nowMs());
    const newest = this.#days.at(-1) ?? "";
    if (today <= newest) return newest;
    this.#fileOf(today);
    this.#days = [...this.#days, today];
    return today;
  }

  #search(day: string, query: LedgerQuery, after: number | undefined, limit: number): Found[] {
    const { database } = this.#fileOf(day);
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    const require = (condition: string, ...operands: SQLInputValue[]): void => {
      conditions.push(condition);
      values.push(...operands);
    };
    if (query.sinceUs !== undefined || query.untilUs !== undefined) {
      const range = rangeOfTime(database, query);
      if (range === undefined) return [];
      require("sequence BETWEEN ? AND ?", ...range);
    }
    if (query.sinceUs !== undefined) require("ended_at_us >= ?", query.sinceUs);
    if (query.untilUs !== undefined) require("ended_at_us < ?", query.untilUs);
    if (after !== undefined) require(query.newestFirst ? "sequence < ?" : "sequence > ?", after);
    if (query.agent !== undefined) require("agent = ?", query.agent);
    if (query.rule !== undefined) require("rule = ?", query.rule);
    if (query.status !== undefined) require("status = ?", query.status);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const order = query.newestFirst ? "DESC" : "ASC";
    const sql = `SELECT * FROM entry ${where} ORDER BY sequence ${order} LIMIT ?`;
    const rows = database.prepare(sql).all(...values, limit);
    return rows.map((row) => ({
      day,
      sequence: Number(row["sequence"]),
      text: this.#textOf(row, day),
    }));
  }

  /** @throws MyelinError STORAGE_CORRUPT for an entry that is not as it was written */
  #textOf(row: Record<string, SQLOutputValue>, day: string): string {
    return String(requireSound(row, entryTable, this.#pathOf(day))["entry"]);
  }

  /** Entries that live on in a later file are removed from the files they may have been in. */
  #removeEarlier(rows: readonly LedgerRow[], day: string): void {
    for (const { id, createdAtUs } of rows) {
      const firstDay = isoDay(createdAtUs / 1e3);
      if (firstDay >= day) continue;
      for (const earlier of this.#days) {
        if (earlier >= firstDay && earlier < day) this.#fileOf(earlier).remove.run(id);
      }
    }
  }

  #removeOldest(day: string): boolean {
    const { database } = this.#fileOf(day);
    const oldest = `SELECT min(sequence) + (max(sequence) - min(sequence)) / 100 FROM entry`;
    return database.prepare(`DELETE FROM entry WHERE sequence <= (${oldest})`).run().changes > 0;
  }

  /** Bytes in use: the files without their free pages. */
  #sizeBytes(): number {
    let sum = 0;
    for (const day of this.#days) {
      const path = this.#pathOf(day);
      if (existsSync(path)) sum += statSync(path).size;
      const file = this.#open.get(day);
      if (file === undefined) continue;
      sum -= pragma(file.database, "freelist_count") * pragma(file.database, "page_size");
    }
    return sum;
  }

  #delete(day: string): void {
    this.#open.get(day)?.database.close();
    this.#open.delete(day);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(this.#pathOf(day) + suffix, { force: true });
    this.#days = this.#days.filter((each) => each !== day);
  }

  #fileOf(day: string): DayFile {
    const open = this.#open.get(day);
    if (open !== undefined) return open;
    const database = openDatabase(this.#pathOf(day), openOptions);
    const file = {
      database,
      insert: database.prepare(`
        INSERT OR REPLACE INTO entry (id, agent, rule, status, ended_at_us, entry, seal)
          VALUES (?, ?, ?, ?, ?, ?, ?)`),
      find: database.prepare("SELECT * FROM entry WHERE id = ?"),
      remove: database.prepare("DELETE FROM entry WHERE id = ?"),
    };
    this.#open.set(day, file);
    return file;
  }

  #pathOf(day: string): string {
    return join(this.#folder, `${day}.db`);
  }
}

/** The sequences between which all entries of a time lie, found in the index of times alone. */
function rangeOfTime(
  database: DatabaseSync,
  { sinceUs, untilUs }: LedgerQuery,
): [number, number] | undefined {
  const row = database
    .prepare(
      "SELECT min(sequence) AS low, max(sequence) AS high FROM entry WHERE ended_at_us >= ? AND ended_at_us < ?",
    )
    .get(sinceUs ?? 0, untilUs ?? Number.MAX_VALUE);
  return row === undefined || row["low"] === null
    ? undefined
    : [Number(row["low"]), Number(row["high"])];
}

function folderOf(directory: string): string {
  return join(directory, "ledger");
}

function daysOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => fileForm.exec(name)?.[1] ?? [])
      .sort();
  } catch (thrown) {
    throw storageError(thrown, folder);
  }
}

function positionOf(cursor: string): Position {
  const [, day, sequence] = cursorForm.exec(cursor) ?? [];
  if (day === undefined)
    throw new MyelinError("INVALID_ARGUMENT", "the cursor is not one of this ledger's");
  return { day, sequence: Number(sequence) };
}

function isoDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
