// Many operations, one fsync.
//
// Invariants
// 1. An operation is answered after the commit that holds it, and a failed one has left nothing.
// 2. An operation that refuses (throws a MyelinError) costs no other operation of its group anything.
// 3. When the disk fails a group, each operation is tried alone, so that one cannot fail the others.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import { checkpoint } from "./database.ts";
import type { CommitFigures, Outcome } from "./protocol.ts";
import { storageError } from "./storage-error.ts";

/** Something to be done within a transaction. */
export interface Operation {
  readonly isWrite: boolean;
  /** A write that refuses leaves what it keeps in memory as it was. */
  run(): unknown;
}

/** Keeps what is known in memory in step with the database. */
export interface TransactionWatcher {
  /** A transaction begins. */
  onBegin(): void;
  /** All that was done since has been undone. */
  onRollback(): void;
}

/** Runs operations on a database in groups. */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #watcher: TransactionWatcher;
  readonly #statements: Readonly<Record<"begin" | "commit" | "mark" | "release", StatementSync>>;
  #figures: CommitFigures = {
    commits: 0,
    committedOperations: 0,
    commitTotalUs: 0,
    commitMaxUs: 0,
  };

  #durationsUs: number[] = [];

  constructor(database: DatabaseSync, path: string, watcher: TransactionWatcher) {
    this.#database = database;
    this.#path = path;
    this.#watcher = watcher;
    this.#statements = {
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      mark: database.prepare("SAVEPOINT operation"),
      release: database.prepare("RELEASE operation"),
    };
  }

  /** What commits have cost so far. */
  get figures(): CommitFigures {
    return this.#figures;
  }

  /** How long each commit took since this was last asked. */
  takeDurations(): readonly number[] {
    const durationsUs = this.#durationsUs;
    this.#durationsUs = [];
    return durationsUs;
  }

  /** Runs operations in their order; the outcomes are in the same order. */
  run(operations: readonly Operation[]): Outcome[] {
    try {
      return this.#runTogether(operations);
    } catch (thrown) {
      this.#rollBack();
      if (storageError(thrown, this.#path).code === "STORAGE_FULL") this.#reuseLog();
      return operations.map((operation) => this.#runAlone(operation));
    }
  }

  #runAlone(operation: Operation): Outcome {
    try {
      const [outcome] = this.#runTogether([operation]);
      return outcome ?? { value: undefined };
    } catch (thrown) {
      this.#rollBack();
      return { error: storageError(thrown, this.#path).toJSON() };
    }
  }

  #runTogether(operations: readonly Operation[]): Outcome[] {
    const startedAtMs = performance.now();
    this.#watcher.onBegin();
    this.#statements.begin.run();
    let written = 0;
    const outcomes = operations.map((operation) => {
      const outcome = operation.isWrite ? this.#attempt(operation) : { value: operation.run() };
      if (operation.isWrite && "value" in outcome) written += 1;
      return outcome;
    });
    this.#statements.commit.run();
    if (written > 0) this.#account(written, (performance.now() - startedAtMs) * 1e3);
    return outcomes;
  }

  #attempt(operation: Operation): Outcome {
    this.#statements.mark.run();
    try {
      const value = operation.run();
      this.#statements.release.run();
      return { value };
    } catch (thrown) {
      if (!(thrown instanceof MyelinError)) throw thrown;
      this.#database.exec("ROLLBACK TO operation; RELEASE operation");
      return { error: thrown.toJSON() };
    }
  }

  /** SQLite ends the transaction itself after some failures. */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    this.#watcher.onRollback();
  }

  /** A log that was moved into the file takes new commits without growing, where the file has room. */
  #reuseLog(): void {
    try {
      checkpoint(this.#database, "PASSIVE");
    } catch (thrown) {
      if (storageError(thrown, this.#path).code === "INTERNAL") throw thrown;
    }
  }

  #account(written: number, tookUs: number): void {
    this.#durationsUs.push(tookUs);
    const { commits, committedOperations, commitTotalUs, commitMaxUs } = this.#figures;
    this.#figures = {
      commits: commits + 1,
      committedOperations: committedOperations + written,
      commitTotalUs: commitTotalUs + tookUs,
      commitMaxUs: Math.max(commitMaxUs, tookUs),
    };
  }
}
