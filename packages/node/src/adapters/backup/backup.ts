import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import {
  checkDataFiles,
  copyDataFiles,
  makePrivateDirectory,
  type SqliteStore,
  storageError,
} from "../sqlite-store/index.ts";
import { archiveOf, type BackupOrigin, unpack } from "./archive.ts";
import type { Manifest } from "./manifest.ts";

/** Where copies are until they have left; in the data directory, and removed before the next. */
const folderName = "backup.tmp";

/** Makes backups of a store that is in use, one at a time. */
export class StoreBackups {
  readonly #store: SqliteStore;
  readonly #folder: string;
  #isBusy = false;

  constructor(store: SqliteStore, directory: string) {
    this.#store = store;
    this.#folder = join(directory, folderName);
  }

  /**
   * Copies what is kept now, and gives the bytes of its archive. The copy is removed when the bytes
   * have been read, or the reader returns.
   * @throws MyelinError CONFLICT while another is made, STORAGE_FULL, STORAGE_UNAVAILABLE
   */
  async make(origin: BackupOrigin): Promise<AsyncGenerator<Uint8Array>> {
    if (this.#isBusy) {
      throw new MyelinError("CONFLICT", "another backup is being made", {
        hint: "Wait until it is done.",
      });
    }
    this.#isBusy = true;
    try {
      this.#clear();
      makePrivateDirectory(this.#folder);
      await this.#store.copyTo(this.#folder);
    } catch (thrown) {
      this.#end();
      throw thrown;
    }
    const bytes = this.#read(origin);
    await bytes.next();
    return bytes;
  }

  async *#read(origin: BackupOrigin): AsyncGenerator<Uint8Array> {
    try {
      // Only a generator that has begun runs `finally` when its reader returns.
      yield new Uint8Array();
      yield* archiveOf(this.#folder, origin);
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#isBusy = false;
    this.#clear();
  }

  #clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * The bytes of an archive of a data directory that no node uses; its files are copied beside `beside`.
 * @throws MyelinError NOT_FOUND, DATA_DIRECTORY_LOCKED, STORAGE_CORRUPT, SCHEMA_TOO_NEW, STORAGE_FULL, STORAGE_UNAVAILABLE
 */
export async function* backupOfDirectory(
  directory: string,
  beside: string,
  origin: BackupOrigin,
): AsyncGenerator<Uint8Array> {
  const folder = await temporaryBeside(beside);
  try {
    await copyDataFiles(directory, folder);
    yield* archiveOf(folder, origin);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Looks whether an archive is whole: its checksums, and each database in it. Needs room beside it.
 * @throws MyelinError STORAGE_CORRUPT, SCHEMA_TOO_NEW, UNSUPPORTED_VERSION, STORAGE_FULL, STORAGE_UNAVAILABLE
 */
export async function verifyBackup(archive: string): Promise<Manifest> {
  const folder = await temporaryBeside(archive);
  try {
    const manifest = await unpack(archive, folder);
    checkDataFiles(folder);
    return manifest;
  } catch (thrown) {
    throw storageError(thrown, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function temporaryBeside(path: string): Promise<string> {
  try {
    return await mkdtemp(join(dirname(path), ".myelin-backup-"));
  } catch (thrown) {
    throw storageError(thrown, path);
  }
}
