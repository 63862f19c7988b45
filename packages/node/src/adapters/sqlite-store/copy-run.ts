import { chmodSync } from "node:fs";
import { backup, type DatabaseSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import { storageError } from "./storage-error.ts";

/** Pages copied at once; the database waits for no longer than this takes, about a millisecond. */
const pagesAtOnce = 256;

/** One copy of a file. */
export interface Copying {
  readonly database: DatabaseSync;
  readonly to: string;
}

/**
 * Copies databases that go on being used: each copy is the database at the end of a commit, the last
 * before the copy was done. It works behind; whoever began it asks now and then whether it is done.
 */
export class CopyRun {
  #state: "idle" | "copying" | "done" | MyelinError = "idle";

  get isCopying(): boolean {
    return this.#state === "copying";
  }

  /** @throws MyelinError CONFLICT while another copy is made */
  begin(copies: readonly Copying[]): void {
    if (this.isCopying) throw new MyelinError("CONFLICT", "another copy is being made");
    this.#state = "copying";
    void copyAll(copies).then((outcome) => (this.#state = outcome));
  }

  /** True when the copies are made, once. @throws MyelinError what kept them from being made */
  isDone(): boolean {
    const state = this.#state;
    if (state === "idle" || state === "copying") return false;
    this.#state = "idle";
    if (state === "done") return true;
    throw state;
  }
}

async function copyAll(copies: readonly Copying[]): Promise<"done" | MyelinError> {
  for (const { database, to } of copies) {
    try {
      await copyDatabase(database, to);
    } catch (thrown) {
      return MyelinError.from(thrown);
    }
  }
  return "done";
}

/** Copies one database. @throws MyelinError STORAGE_FULL | STORAGE_UNAVAILABLE */
export async function copyDatabase(database: DatabaseSync, to: string): Promise<void> {
  try {
    await backup(database, to, { rate: pagesAtOnce });
    chmodSync(to, 0o600);
  } catch (thrown) {
    throw storageError(thrown, to);
  }
}
