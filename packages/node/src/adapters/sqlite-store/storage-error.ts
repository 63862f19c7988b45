import { type ErrorCode, MyelinError } from "@myelin/core/errors";

/** SQLite's primary result codes (https://sqlite.org/rescode.html) that say what is wrong with the disk. */
const codeOfResult: ReadonlyMap<number, ErrorCode> = new Map([
  [3, "STORAGE_UNAVAILABLE"], // PERM
  [5, "STORAGE_UNAVAILABLE"], // BUSY
  [6, "STORAGE_UNAVAILABLE"], // LOCKED
  [8, "STORAGE_UNAVAILABLE"], // READONLY
  [10, "STORAGE_UNAVAILABLE"], // IOERR
  [11, "STORAGE_CORRUPT"], // CORRUPT
  [13, "STORAGE_FULL"], // FULL
  [14, "STORAGE_UNAVAILABLE"], // CANTOPEN
  [22, "STORAGE_UNAVAILABLE"], // NOLFS
  [23, "STORAGE_UNAVAILABLE"], // AUTH
  [26, "STORAGE_CORRUPT"], // NOTADB
]);

/** Turns what SQLite or the file system threw into a MyelinError that names the file. */
export function storageError(thrown: unknown, path: string): MyelinError {
  if (thrown instanceof MyelinError) return thrown;
  const code = codeOf(thrown);
  if (code === undefined) return MyelinError.from(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MyelinError(code, `${path}: ${message}`, { details: { path }, cause: thrown });
}

/** The same for a file that is looked at or opened: what SQLite cannot make sense of there is damaged. */
export function openingError(thrown: unknown, path: string): MyelinError {
  const error = storageError(thrown, path);
  if (error.code !== "INTERNAL" || resultOf(thrown) === undefined) return error;
  return new MyelinError("STORAGE_CORRUPT", `${path} is damaged: ${error.message}`, {
    details: { path },
    cause: thrown,
  });
}

/** True for the codes that speak of the disk, and not of what was asked. */
export function isStorageCode(code: ErrorCode): boolean {
  return code === "STORAGE_FULL" || code === "STORAGE_UNAVAILABLE" || code === "STORAGE_CORRUPT";
}

/** True when SQLite says that another connection holds the lock. */
export function isBusy(thrown: unknown): boolean {
  return (resultOf(thrown) ?? 0) % 256 === 5;
}

/** True when SQLite could not make the index beside a log (IOERR_SHMOPEN, SHMSIZE, SHMMAP), as on a full disk. */
export function isSharedMemoryFault(thrown: unknown): boolean {
  const result = resultOf(thrown);
  return result === 4618 || result === 4874 || result === 5386;
}

function codeOf(thrown: unknown): ErrorCode | undefined {
  const result = resultOf(thrown);
  if (result !== undefined) return codeOfResult.get(result % 256);
  if (!(thrown instanceof Error) || !("syscall" in thrown) || !("code" in thrown)) return undefined;
  return thrown.code === "ENOSPC" || thrown.code === "EDQUOT"
    ? "STORAGE_FULL"
    : "STORAGE_UNAVAILABLE";
}

function resultOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return undefined;
  return typeof thrown.errcode === "number" ? thrown.errcode : undefined;
}
