// Puts the files of a backup into a data directory.
//
// Invariants
// 1. A directory that a node uses is refused; the directory is locked until all is done.
// 2. What was in it is moved aside within it, never deleted; its `myelin.yaml` stays.
// 3. Nothing is moved before the backup was found whole. `state.db` comes last: until it is there
//    the directory has no state, and the same restore can be run again.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import {
  checkDataFiles,
  lockDirectory,
  makePrivateDirectory,
  storageError,
} from "../sqlite-store/index.ts";
import { unpack } from "./archive.ts";
import type { Manifest } from "./manifest.ts";

const unpackedName = "restore.tmp";
/** Never moved, and of no account when a directory is looked at. */
const remaining: ReadonlySet<string> = new Set([
  "lock.db",
  "lock.db-journal",
  "lock.pid",
  "myelin.yaml",
  unpackedName,
]);

/** How a backup is restored. */
export interface RestoreOptions {
  /** Path of the backup. */
  readonly archive: string;
  /** The data directory; made where there is none. */
  readonly directory: string;
  /** Moves what is in the directory aside; without it a directory in use for something is refused. */
  readonly isForced: boolean;
  /** Milliseconds since the Unix epoch; names where earlier files are moved to. */
  readonly nowMs: number;
}

/** What was restored. */
export interface Restored {
  /** What the backup says of itself. */
  readonly manifest: Manifest;
  /** Where the earlier files are now. */
  readonly movedTo: string | undefined;
}

/**
 * Restores a backup.
 * @throws MyelinError CONFLICT for a directory that is not empty, DATA_DIRECTORY_LOCKED, STORAGE_CORRUPT,
 *   SCHEMA_TOO_NEW, UNSUPPORTED_VERSION, STORAGE_FULL, STORAGE_UNAVAILABLE
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { archive, directory } = options;
  makePrivateDirectory(directory);
  const lock = lockDirectory(directory);
  const unpacked = join(directory, unpackedName);
  try {
    const earlier = readdirSync(directory).filter((name) => !isAside(name));
    if (earlier.length > 0 && !options.isForced) throw notEmpty(directory);
    rmSync(unpacked, { recursive: true, force: true });
    mkdirSync(unpacked, { mode: 0o700 });
    const manifest = await unpack(archive, unpacked);
    checkDataFiles(unpacked);
    const movedTo = moveAside(directory, earlier, options.nowMs);
    const ledger = join(unpacked, "ledger");
    if (existsSync(ledger)) renameSync(ledger, join(directory, "ledger"));
    renameSync(join(unpacked, "state.db"), join(directory, "state.db"));
    return { manifest, movedTo };
  } catch (thrown) {
    throw storageError(thrown, archive);
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
    lock.release();
  }
}

function isAside(name: string): boolean {
  return remaining.has(name) || name.startsWith("before-restore-");
}

function moveAside(
  directory: string,
  earlier: readonly string[],
  nowMs: number,
): string | undefined {
  if (earlier.length === 0) return undefined;
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-");
  const aside = join(directory, `before-restore-${stamp}`);
  mkdirSync(aside, { mode: 0o700 });
  for (const name of earlier) renameSync(join(directory, name), join(aside, name));
  return aside;
}

function notEmpty(directory: string): MyelinError {
  return new MyelinError("CONFLICT", `${directory} is not empty`, {
    hint: "Name an empty directory, or give --force to move what is in it aside.",
    details: { path: directory },
  });
}
