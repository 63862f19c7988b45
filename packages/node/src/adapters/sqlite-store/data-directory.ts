import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  chmodSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import { isBusy, storageError } from "./storage-error.ts";

/** Makes a directory that only its owner can enter; one that is there already and in use keeps its mode. */
export function makePrivateDirectory(path: string): void {
  try {
    makeDirectories(resolve(path));
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    if (readdirSync(path).length === 0) chmodSync(path, 0o700);
  } catch (thrown) {
    throw storageError(thrown, path);
  }
}

/** Makes a directory and those above it. `mkdirSync` with `recursive` never returns where the kernel refuses by ENOENT, as in /proc. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) makeDirectories(above);
  mkdirSync(path, { mode: 0o700 });
}

/** Makes an empty file that only its owner can read, where there is none. Never opens one that is there. */
export function makePrivateFile(path: string): void {
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (thrown) {
    throw storageError(thrown, path);
  }
}

/** A held lock. */
export interface DirectoryLock {
  release(): void;
}

/** False where no node has been: making the lock's file would leave something behind. */
export function wasLocked(directory: string): boolean {
  return existsSync(join(directory, "lock.db"));
}

/**
 * Locks a data directory against other nodes, for as long as this process lives: the lock is
 * SQLite's on `lock.db`, so it dies with the process, however that ends. `lock.pid` is for people.
 * @throws MyelinError DATA_DIRECTORY_LOCKED | STORAGE_UNAVAILABLE | STORAGE_CORRUPT
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, "lock.db");
  const pidPath = join(directory, "lock.pid");
  makePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: 0, open: false });
  try {
    database.open();
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (thrown) {
    if (database.isOpen) database.close();
    if (isBusy(thrown)) throw lockedError(directory, pidPath);
    throw storageError(thrown, path);
  }
  notePid(pidPath);
  return {
    release: () => {
      rmSync(pidPath, { force: true });
      database.close();
    },
  };
}

function lockedError(directory: string, pidPath: string): MyelinError {
  const pid = existsSync(pidPath) ? Number.parseInt(readFileSync(pidPath, "utf8"), 10) : Number.NaN;
  const holder = Number.isNaN(pid) ? "another process" : `process ${pid}`;
  return new MyelinError("DATA_DIRECTORY_LOCKED", `${directory} is in use by ${holder}`, {
    details: { path: directory, ...(Number.isNaN(pid) ? {} : { pid }) },
  });
}

/** A disk that is full must not stop a start, so a pid that cannot be noted is left out. */
function notePid(pidPath: string): void {
  try {
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    rmSync(pidPath, { force: true });
  }
}
