// What is kept with a row so that the row is known, when it is read again, to be what was written: SQLite
// notices a page that makes no sense, but not another letter in a text.
//
// Invariants
// 1. A row is handed on only when its seal is that of its values.
// 2. The seal is made of what SQLite gives back for the values that it is given, so that it is the same
//    from both sides.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import { MyelinError } from "@myelin/core/errors";

/** A table whose rows are sealed, and what the seal is of; the first column names the row. */
export interface SealedTable {
  readonly name: string;
  readonly columns: readonly [string, ...string[]];
}

/** What SQLite gives of a row, by the names of its columns. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Between values, so that what moves from one into the next is noticed. */
const separator = "\u001f";
const absent = "\u0000";

/** The seal of values in their order. */
export function sealOf(values: readonly (SQLOutputValue | undefined)[]): number {
  return crc32(values.map((value) => (value == null ? absent : String(value))).join(separator));
}

/** Lets SQL say `seal_of(…)`. */
export function defineSeal(database: DatabaseSync): void {
  const options = { deterministic: true, varargs: true };
  database.function("seal_of", options, (...values) => sealOf(values));
}

/** Hands a row on when it is as it was written. @throws MyelinError STORAGE_CORRUPT */
export function requireSound(row: Row, { name, columns }: SealedTable, path: string): Row {
  if (row["seal"] === sealOf(columns.map((column) => row[column]))) return row;
  const which = JSON.stringify(String(row[columns[0]]).slice(0, 100));
  throw new MyelinError(
    "STORAGE_CORRUPT",
    `${path} is damaged: the ${name} ${which} is not as it was written`,
    { details: { path, table: name } },
  );
}

/** Looks through all rows of a file's sealed tables. @throws MyelinError STORAGE_CORRUPT */
export function checkSeals(
  database: DatabaseSync,
  tables: readonly SealedTable[],
  path: string,
): void {
  for (const table of tables) {
    const statement = database.prepare(
      `SELECT seal, ${table.columns.join(", ")} FROM "${table.name}"`,
    );
    for (const row of statement.iterate()) requireSound(row, table, path);
  }
}
