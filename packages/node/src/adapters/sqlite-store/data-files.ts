// A data directory's files without a node: looked at, copied, and locked meanwhile.
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import { copyDatabase } from "./copy-run.ts";
import { lockDirectory, makePrivateDirectory } from "./data-directory.ts";
import type { TokenRecord } from "../../ports/access-records.ts";
import { checkDatabase, readDatabase } from "./database.ts";
import { checkLedger, ledgerPaths } from "./ledger-files.ts";
import { tokenOf } from "./rows.ts";
import { requireSound, type Row } from "./seal.ts";
import { stateSchema, stateTables } from "./state-schema.ts";
import { isBusy } from "./storage-error.ts";

/**
 * Looks through every file of a data directory, whole, and changes nothing.
 * @throws MyelinError STORAGE_CORRUPT | SCHEMA_TOO_NEW | STORAGE_UNAVAILABLE
 */
export function checkDataFiles(directory: string): void {
  const all = Number.POSITIVE_INFINITY;
  const bounds = { maxCheckedBytes: all, maxComparedBytes: all };
  checkDatabase(join(directory, "state.db"), {
    schema: stateSchema,
    synchronous: "FULL",
    ...bounds,
  });
  checkLedger(directory, bounds);
}

/** Bytes of the files of a data directory by what they are; of one that is not there 0. */
export async function dataFileSizes(
  directory: string,
): Promise<Readonly<Record<DataFile, number>>> {
  const sizes = { state: 0, state_wal: 0, ledger: 0, ledger_wal: 0 };
  sizes.state = await sizeOf(join(directory, "state.db"));
  sizes.state_wal = await sizeOf(join(directory, "state.db-wal"));
  const folder = join(directory, "ledger");
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const sizeBytes = await sizeOf(join(folder, name));
    sizes[name.endsWith("-wal") ? "ledger_wal" : "ledger"] += sizeBytes;
  }
  return sizes;
}

/** Kinds of files that a data directory has: databases and their logs. */
export type DataFile = "state" | "state_wal" | "ledger" | "ledger_wal";

function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/**
 * The tokens that a data directory keeps; undefined while a node uses it. Changes nothing.
 * @throws MyelinError STORAGE_CORRUPT | STORAGE_UNAVAILABLE
 */
export function keptTokens(directory: string): readonly TokenRecord[] | undefined {
  try {
    const path = join(directory, "state.db");
    const kept = readDatabase(path, 0, (database) => {
      const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'token'").get();
      if (table === undefined) return [];
      return database
        .prepare("SELECT * FROM token")
        .all()
        .map((row) => tokenOf(String(soundToken(row, path)["record"])));
    });
    return kept ?? [];
  } catch (thrown) {
    if (thrown instanceof MyelinError && isBusy(thrown.cause)) return undefined;
    throw thrown;
  }
}

/** An earlier schema has no seals. @throws MyelinError STORAGE_CORRUPT */
function soundToken(row: Row, path: string): Row {
  return row["seal"] === undefined ? row : requireSound(row, stateTables.token, path);
}

/**
 * Copies the files of a data directory that no node uses, as they are, into an empty folder.
 * @throws MyelinError NOT_FOUND | DATA_DIRECTORY_LOCKED | STORAGE_CORRUPT | SCHEMA_TOO_NEW | STORAGE_FULL |
 *   STORAGE_UNAVAILABLE
 */
export async function copyDataFiles(directory: string, folder: string): Promise<void> {
  const state = join(directory, "state.db");
  if (!existsSync(state)) {
    throw new MyelinError("NOT_FOUND", `${directory} is no data directory of a node`, {
      hint: "Name the one that the node was started with: `myelin config` shows it.",
    });
  }
  const lock = lockDirectory(directory);
  try {
    checkDataFiles(directory);
    await copyFile(state, join(folder, "state.db"));
    makePrivateDirectory(join(folder, "ledger"));
    for (const { name, path } of ledgerPaths(directory))
      await copyFile(path, join(folder, "ledger", name));
  } finally {
    lock.release();
  }
}

async function copyFile(from: string, to: string): Promise<void> {
  const database = new DatabaseSync(from, { timeout: 2000 });
  try {
    await copyDatabase(database, to);
  } finally {
    database.close();
  }
}
