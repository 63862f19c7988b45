import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { MyelinError } from "@myelin/core/errors";
import { CopyRun } from "./copy-run.ts";
import {
  type DirectoryLock,
  lockDirectory,
  makePrivateDirectory,
  wasLocked,
} from "./data-directory.ts";
import { checkDatabase, checkpoint, openDatabase, type OpenOptions } from "./database.ts";
import { GroupCommit, type Operation } from "./group-commit.ts";
import type { Answer, Call, CommitFigures, Outcome, StateSettings } from "./protocol.ts";
import { checkLedger } from "./ledger-files.ts";
import { noFigures, type Service } from "./service.ts";
import { isStorageCode, openingError, storageError } from "./storage-error.ts";
import { StateDatabase } from "./state-database.ts";
import { stateSchema } from "./state-schema.ts";

/** A log of this many written records, about 8 MB, is moved into the file even under load. */
const maxRecordsInLog = 2000;
/** Some 50 ms and 100 ms of a start, at these sizes. */
const maxCheckedBytes = 64 << 20;
const maxComparedBytes = 12 << 20;

interface Open {
  readonly database: DatabaseSync;
  readonly group: GroupCommit;
  readonly state: StateDatabase;
  readonly lock: DirectoryLock;
}

type TableCall = (argument: never) => unknown;

const writes: ReadonlySet<string> = new Set([
  "saveAgents",
  "forgetAgent",
  "saveEpisodes",
  "saveRules",
  "saveSetting",
  "acceptInstructions",
  "updateInstructions",
  "saveTokens",
  "deleteTokens",
  "appendAudit",
]);

/** What is done outside of commits. */
const alone: ReadonlySet<string> = new Set(["open", "close", "beginCopy", "isCopied"]);

/** What the state worker does: the lock of the data directory, and `state.db`. */
export class StateService implements Service {
  #open: Open | undefined;
  readonly #copies = new CopyRun();
  #recordsInLog = 0;
  #isLogEmpty = true;
  #mayPrune = false;

  run(calls: readonly Call[]): Answer {
    const outcomes: Outcome[] = [];
    let group: Call[] = [];
    const commit = (): void => {
      if (group.length > 0) outcomes.push(...this.#commit(group));
      group = [];
    };
    for (const call of calls) {
      if (!alone.has(call.name)) {
        group.push(call);
        continue;
      }
      commit();
      outcomes.push(this.#change(call));
    }
    commit();
    if (this.#recordsInLog >= maxRecordsInLog) this.#checkpoint("PASSIVE");
    const commitsUs = this.#open?.group.takeDurations() ?? [];
    return { outcomes, figures: this.#figures(), commitsUs };
  }

  idle(): boolean {
    if (this.#open === undefined) return false;
    if (this.#mayPrune) {
      this.#mayPrune = this.#open.state.prune();
      this.#isLogEmpty = false;
    }
    // Emptied as well: a log whose frames are all in the file would bring back older pages if it were cut.
    if (!this.#mayPrune && !this.#isLogEmpty) this.#checkpoint("TRUNCATE");
    return this.#mayPrune;
  }

  hourly(): void {
    this.#mayPrune = true;
  }

  #figures(): CommitFigures {
    return this.#open?.group.figures ?? noFigures;
  }

  #change({ name, argument }: Call): Outcome {
    try {
      if (name === "isCopied") return { value: this.#copies.isDone() };
      if (name === "close") this.#close();
      else if (name === "beginCopy") this.#beginCopy(argument as string);
      else {
        this.#open = openState(argument as StateSettings);
        this.#pruneAtStart();
      }
      return { value: undefined };
    } catch (thrown) {
      return { error: MyelinError.from(thrown).toJSON() };
    }
  }

  #beginCopy(to: string): void {
    if (this.#open === undefined) throw new MyelinError("CONFLICT", "the store is not open");
    this.#copies.begin([{ database: this.#open.database, to }]);
  }

  /** A disk that refuses must not stop the start. */
  #pruneAtStart(): void {
    this.#mayPrune = true;
    try {
      this.idle();
    } catch (thrown) {
      if (!isStorageCode(storageError(thrown, "state.db").code)) throw thrown;
    }
  }

  #close(): void {
    this.#open?.database.close();
    this.#open?.lock.release();
    this.#open = undefined;
  }

  #commit(calls: readonly Call[]): Outcome[] {
    const open = this.#open;
    if (open === undefined) {
      const error = new MyelinError("CONFLICT", "the store is not open").toJSON();
      return calls.map(() => ({ error }));
    }
    return open.group.run(
      calls.map(({ name, argument }): Operation => {
        const isWrite = writes.has(name);
        if (isWrite) this.#recordsInLog += Array.isArray(argument) ? argument.length : 1;
        if (isWrite) this.#isLogEmpty = false;
        // The link types its calls by StateCalls, whose functions StateDatabase has.
        const run: TableCall = open.state[name as keyof StateDatabase];
        return { isWrite, run: () => run.call(open.state, argument as never) };
      }),
    );
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    this.#recordsInLog = 0;
    if (this.#open !== undefined) checkpoint(this.#open.database, mode);
    this.#isLogEmpty = mode === "TRUNCATE";
  }
}

const stateOptions: OpenOptions = {
  schema: stateSchema,
  synchronous: "FULL",
  maxCheckedBytes,
  maxComparedBytes,
};

function openState(settings: StateSettings): Open {
  const { directory } = settings;
  const path = join(directory, "state.db");
  makePrivateDirectory(directory);
  if (!wasLocked(directory)) {
    try {
      checkDatabase(path, stateOptions);
      checkLedger(directory);
    } catch (thrown) {
      // Meanwhile another node has begun there: the lock says so.
      if (!wasLocked(directory)) throw thrown;
    }
  }
  const lock = lockDirectory(directory);
  try {
    checkLedger(directory);
    const database = openDatabase(path, stateOptions);
    const state = new StateDatabase(database, settings, () => Date.now() * 1e3);
    return { database, state, lock, group: new GroupCommit(database, path, state) };
  } catch (thrown) {
    lock.release();
    throw openingError(thrown, path);
  }
}
