// Opening one of the store's SQLite files: look first, and touch it only when it is ours and sound.
//
// Invariants
// 1. A file that is damaged, foreign or of a newer schema is not changed by as much as a byte, and
//    nothing is left beside it. (One with a log cannot be looked at while the disk is full; then
//    opening it is what finds out.)
// 2. A file that is made bears its name only when it is whole: an empty one is damaged, not new.
// 3. After opening, the schema is the newest: migrations run in order, each in a transaction.
// 4. A file has one connection (its lock is exclusive), which alone decides when to checkpoint.
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { MyelinError } from "@myelin/core/errors";
import { makePrivateFile } from "./data-directory.ts";
import { findLogDamage } from "./log-check.ts";
import { checkSeals, defineSeal, type SealedTable } from "./seal.ts";
import { isSharedMemoryFault, openingError } from "./storage-error.ts";

/** The schema of one kind of file: the SQL that leads from each version to the next. */
export interface Schema {
  readonly migrations: readonly string[];
  /** The tables of the newest version whose rows are sealed. */
  readonly sealed: readonly SealedTable[];
}

/** How a file is opened. */
export interface OpenOptions {
  readonly schema: Schema;
  /** FULL: a commit survives the machine's crash. NORMAL: the process's. */
  readonly synchronous: "FULL" | "NORMAL";
  /** Up to this size the structure of the file is checked for damage; without a limit each row, too. */
  readonly maxCheckedBytes: number;
  /** Up to this size it is checked, too, that indexes have what their tables have, at ten times the cost. */
  readonly maxComparedBytes: number;
}

/** "Myel", at the place that SQLite keeps for the application's mark. */
const applicationId = 0x4d79656c;
const journalSizeLimitBytes = 16 << 20;
/** Where the header of a file says by which journal it is written; 2 is a write-ahead log. */
const journalModeAt = 18;
const companions = ["-wal", "-shm", "-journal"] as const;

/**
 * Opens a file, making or migrating it where needed.
 * @throws MyelinError STORAGE_CORRUPT | SCHEMA_TOO_NEW | STORAGE_UNAVAILABLE | STORAGE_FULL
 */
export function openDatabase(path: string, options: OpenOptions): DatabaseSync {
  checkDatabase(path, options);
  if (!existsSync(path)) makeDatabase(path, options.schema);
  const database = new DatabaseSync(path, { timeout: 2000, open: false });
  try {
    database.open();
    defineSeal(database);
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${options.synchronous};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${journalSizeLimitBytes};
    `);
    migrate(database, path, options.schema);
    chmodSync(path, 0o600);
    return database;
  } catch (thrown) {
    if (database.isOpen) database.close();
    throw openingError(thrown, path);
  }
}

/** Makes a file under another name first (invariant 2); what a crash leaves of that is made anew. */
function makeDatabase(path: string, schema: Schema): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  makePrivateFile(draft);
  const database = new DatabaseSync(draft, { open: false });
  try {
    database.open();
    defineSeal(database);
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
    migrate(database, path, schema);
    database.close();
    const file = openSync(draft, "r+");
    fsyncSync(file);
    closeSync(file);
    renameSync(draft, path);
  } catch (thrown) {
    if (database.isOpen) database.close();
    rmSync(draft, { force: true });
    throw openingError(thrown, path);
  }
}

/**
 * Looks whether a file can be opened, and leaves everything as it was.
 * @throws MyelinError STORAGE_CORRUPT | SCHEMA_TOO_NEW | STORAGE_UNAVAILABLE
 */
export function checkDatabase(path: string, options: OpenOptions): void {
  checkLog(path, options);
  readDatabase(path, 2000, (database) => inspect(database, path, options));
}

/** @throws MyelinError STORAGE_CORRUPT where commits that the log had would be passed over */
function checkLog(path: string, { synchronous }: OpenOptions): void {
  if (!existsSync(path) || !hasLog(path)) return;
  if (!isWrittenByLog(path))
    throw damaged(path, "it has a log beside it, and says that it has none");
  const damage = synchronous === "FULL" ? findLogDamage(path) : undefined;
  if (damage === undefined) return;
  const { soundBytes, sizeBytes } = damage;
  throw new MyelinError(
    "STORAGE_CORRUPT",
    `${path}-wal is damaged behind byte ${soundBytes} of ${sizeBytes}: what was written there would be lost`,
    {
      hint: `Restore a backup; or go on with what is before the damage: truncate -s ${soundBytes} ${path}-wal`,
      details: { path: `${path}-wal`, soundBytes, sizeBytes },
    },
  );
}

function hasLog(path: string): boolean {
  return existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0;
}

function isWrittenByLog(path: string): boolean {
  const modes = Buffer.alloc(2);
  const file = openSync(path, "r");
  try {
    return readSync(file, modes, 0, 2, journalModeAt) === 2 && modes.every((mode) => mode === 2);
  } finally {
    closeSync(file);
  }
}

function damaged(path: string, why: string): MyelinError {
  return new MyelinError("STORAGE_CORRUPT", `${path} is damaged: ${why}`, { details: { path } });
}

/**
 * Reads from a file, waiting so long for who holds it, and leaves everything as it was; undefined where
 * there is no file, or where it cannot be read because the disk is full.
 * @throws MyelinError STORAGE_CORRUPT | STORAGE_UNAVAILABLE, and what `read` throws
 */
export function readDatabase<Result>(
  path: string,
  timeout: number,
  read: (database: DatabaseSync) => Result,
): Result | undefined {
  if (!existsSync(path)) return undefined;
  if (statSync(path).size === 0) throw damaged(path, "it is empty");
  const absent = companions.filter((suffix) => !existsSync(path + suffix));
  const database = new DatabaseSync(readingUrl(path), { readOnly: true, timeout, open: false });
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    database.open();
    return read(database);
  } catch (thrown) {
    if (isSharedMemoryFault(thrown)) return undefined;
    throw openingError(thrown, path);
  } finally {
    if (database.isOpen) database.close();
    for (const suffix of absent) rmSync(path + suffix, { force: true });
  }
}

/** Without a log SQLite need not write anything to read the file, so that a full disk does not matter. */
function readingUrl(path: string): URL {
  const url = pathToFileURL(path);
  if (!existsSync(`${path}-wal`)) url.searchParams.set("immutable", "1");
  return url;
}

function inspect(
  database: DatabaseSync,
  path: string,
  { schema, maxCheckedBytes, maxComparedBytes }: OpenOptions,
): void {
  const version = readPragma(database, "user_version");
  if (readPragma(database, "application_id") !== applicationId) {
    throw new MyelinError("STORAGE_CORRUPT", `${path} is a database, but none of Myelin's`, {
      details: { path },
    });
  }
  requireKnownVersion(version, path, schema);
  const walBytes = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0;
  const sizeBytes = statSync(path).size + walBytes;
  if (sizeBytes > maxCheckedBytes) return;
  const check = sizeBytes <= maxComparedBytes ? "integrity_check" : "quick_check";
  const [verdict] = Object.values(database.prepare(`PRAGMA ${check}(1)`).get() ?? {});
  if (verdict !== "ok") throw damaged(path, String(verdict));
  if (maxCheckedBytes === Number.POSITIVE_INFINITY && version === schema.migrations.length)
    checkSeals(database, schema.sealed, path);
}

function requireKnownVersion(version: number, path: string, { migrations }: Schema): void {
  const newest = migrations.length;
  if (version <= newest) return;
  throw new MyelinError(
    "SCHEMA_TOO_NEW",
    `${path} has schema version ${version}; this Myelin knows versions up to ${newest}`,
    { details: { path, version, newest } },
  );
}

function migrate(database: DatabaseSync, path: string, schema: Schema): void {
  const { migrations } = schema;
  const present = readPragma(database, "user_version");
  requireKnownVersion(present, path, schema);
  for (let version = present; version < migrations.length; version++) {
    database.exec(`
      BEGIN IMMEDIATE;
      PRAGMA application_id = ${applicationId};
      ${migrations[version]};
      PRAGMA user_version = ${version + 1};
      COMMIT;
    `);
  }
}

function readPragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Moves what is in the write-ahead log into the file, so that the log is used again from its beginning, or empties it. */
export function checkpoint(database: DatabaseSync, mode: "PASSIVE" | "TRUNCATE"): void {
  database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
}
