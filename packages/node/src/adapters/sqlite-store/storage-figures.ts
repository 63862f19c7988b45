import type { Histogram } from "@myelin/core/statistics";
import { logBytes } from "../file-log/index.ts";
import { dataFileSizes } from "./data-files.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** What a store on disk tells of its work. */
export interface StorageFigures {
  /** How long commits took by store, microseconds. */
  readonly commitUs: Readonly<Record<"state" | "ledger", Histogram>>;
  /** How long writes took by what they write, microseconds. */
  readonly writeUs: ReadonlyMap<string, Histogram>;
  /** What may wait at the most. */
  readonly capacity: { readonly operations: number; readonly ledgerEntries: number };
  /** Bytes of the files by kind; of none where another thread tells them. */
  fileSizes(): Promise<Readonly<Record<string, number>>>;
}

/** The figures of a store; with those of its files where its directory is given. */
export function storageFigures(store: SqliteStore, directory?: string): StorageFigures {
  const { commitUs, writeUs, capacity } = store;
  const fileSizes = async (): Promise<Readonly<Record<string, number>>> =>
    directory === undefined
      ? {}
      : {
          ...(await dataFileSizes(directory)),
          windows: await logBytes(directory, "windows"),
          recording: await logBytes(directory, "recording"),
        };
  return { commitUs, writeUs, capacity, fileSizes };
}
