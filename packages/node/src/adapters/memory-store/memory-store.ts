// A store that keeps everything in memory, for tests, simulation and nodes that want no disk.
//
// Invariants
// 1. A call takes effect on the disk in one step, when its group is synced; until then a crash loses
//    it. It is answered when all of its group has taken effect: a crash in the midst of a group leaves
//    the first of its calls on the disk, and none answered.
// 2. Groups are synced in the order of the calls, and reads see what was called before them.
// 3. Waiting calls and ledger entries are bounded: RESOURCE_EXHAUSTED, and the oldest entry dropped.
import type { Clock, Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { isEnded } from "@myelin/core/instruction";
import type {
  AuditEntry,
  AuditQuery,
  KeptAuditEntry,
  TokenRecord,
} from "../../ports/access-records.ts";
import type {
  AgentRecord,
  EnforcementRecord,
  EpisodeRecord,
  InstructionChange,
  InstructionRecord,
  LedgerEntry,
  LedgerPage,
  LedgerQuery,
  RuleRecord,
  Store,
  StoreHealth,
  StoredState,
} from "../../ports/store.ts";
import {
  changeInstructions,
  createMemoryDisk,
  findAudit,
  findEntries,
  instructionsOfKey,
  type MemoryDisk,
  pruneInstructions,
  putAgents,
  putAudit,
  putEntries,
  putEpisodes,
  putInstructions,
  putRules,
  requireWritable,
} from "./memory-disk.ts";

/** What a memory store is made of. */
export interface MemoryStoreOptions {
  /** Time, for the disk's delays and for retention; without it groups are synced at once. */
  readonly clock?: Clock;
  /** What an earlier store has left; an empty disk by default. */
  readonly disk?: MemoryDisk;
  /** 100,000 by default. */
  readonly maxAgents?: number;
  /** Instructions kept, open and ended; 1,000,000 by default. */
  readonly maxInstructions?: number;
  /** Calls not answered yet; 10,000 by default. */
  readonly maxQueuedOperations?: number;
  /** Entries kept in the ledger, and at most waiting for it; 100,000 by default. */
  readonly maxLedgerEntries?: number;
}

/** A store in memory, with its disk, whose faults can be switched while it runs. */
export interface MemoryStore extends Store {
  readonly disk: MemoryDisk;
  /** Ends the store as `kill -9` would: what was not synced is lost, and its calls are never answered. */
  crash(): void;
}

interface Operation {
  readonly isWrite: boolean;
  /** Takes effect; the call is answered by what this returns. */
  run(): () => void;
  fail(error: MyelinError): void;
}

interface WaitingEntry {
  readonly entry: LedgerEntry;
  readonly settle: (isWritten: boolean) => void;
}

const instructionRetentionUs = 7 * 86_400e6;
const ledgerRetryUs = 1e6;

/** Makes a memory store, on the disk of an earlier one or a new one. */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new InMemoryStore(options);
}

class InMemoryStore implements MemoryStore {
  readonly disk: MemoryDisk;
  readonly #options: MemoryStoreOptions;
  readonly #maxLedgerEntries: number;
  #queue: Operation[] = [];
  #entries: WaitingEntry[] = [];
  #timer: Timer | undefined;
  #retry: Timer | undefined;
  #isGroupDue = false;
  #state: "open" | "closed" | "crashed" = "open";
  #lastError: MyelinError | undefined;
  #dropped = 0;
  #commits = 0;
  #committed = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.disk = options.disk ?? createMemoryDisk();
    this.#maxLedgerEntries = options.maxLedgerEntries ?? 100_000;
  }

  load(): Promise<StoredState> {
    return this.#read(() => {
      const nowUs = this.#options.clock?.nowUs() ?? Date.now() * 1000;
      pruneInstructions(this.disk, nowUs - instructionRetentionUs);
      return {
        agents: [...this.disk.agents.values()],
        rules: [...this.disk.rules.values()].flatMap((versions) => versions.slice(-1)),
        openInstructions: [...this.disk.instructions.values()].filter(
          ({ status }) => !isEnded(status),
        ),
        tokens: [...this.disk.tokens.values()],
        episodes: [...this.disk.episodes.values()].flatMap((kept) => [...kept.values()]),
        ...(this.disk.enforcement === undefined ? {} : { enforcement: this.disk.enforcement }),
      };
    });
  }

  saveAgents(records: readonly AgentRecord[]): Promise<void> {
    return this.#write(() => putAgents(this.disk, records, this.#options.maxAgents ?? 100_000));
  }

  forgetAgent(id: string): Promise<boolean> {
    return this.#write(() => {
      this.disk.episodes.delete(id);
      return this.disk.agents.delete(id);
    });
  }

  saveEpisodes(
    records: readonly EpisodeRecord[],
    forgotten: readonly Pick<EpisodeRecord, "agent" | "rule">[],
  ): Promise<void> {
    return this.#write(() => putEpisodes(this.disk, records, forgotten));
  }

  saveRules(records: readonly RuleRecord[]): Promise<void> {
    return this.#write(() => putRules(this.disk, records));
  }

  saveEnforcement(record: EnforcementRecord): Promise<void> {
    return this.#write(() => {
      this.disk.enforcement = record;
    });
  }

  ruleVersions(name: string): Promise<readonly RuleRecord[]> {
    return this.#read(() => [...(this.disk.rules.get(name) ?? [])]);
  }

  acceptInstructions(records: readonly InstructionRecord[]): Promise<void> {
    const maxInstructions = this.#options.maxInstructions ?? 1_000_000;
    return this.#write(() => putInstructions(this.disk, records, maxInstructions));
  }

  updateInstructions(changes: readonly InstructionChange[]): Promise<void> {
    return this.#write(() => changeInstructions(this.disk, changes));
  }

  instructionsByKey(idempotencyKey: string): Promise<readonly InstructionRecord[]> {
    return this.#read(() => instructionsOfKey(this.disk, idempotencyKey));
  }

  instructionById(id: string): Promise<InstructionRecord | undefined> {
    return this.#read(() => this.disk.instructions.get(id));
  }

  saveTokens(records: readonly TokenRecord[]): Promise<void> {
    return this.#write(() => {
      for (const record of records) this.disk.tokens.set(record.id, record);
    });
  }

  deleteTokens(ids: readonly string[]): Promise<void> {
    return this.#write(() => {
      for (const id of ids) this.disk.tokens.delete(id);
    });
  }

  appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    return this.#write(() => putAudit(this.disk, entries));
  }

  queryAudit(query: AuditQuery): Promise<readonly KeptAuditEntry[]> {
    return this.#read(() => findAudit(this.disk, query));
  }

  appendLedger(entries: readonly LedgerEntry[]): Promise<boolean> {
    if (this.#state !== "open") return Promise.resolve(false);
    if (entries.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      let left = entries.length;
      let areAllWritten = true;
      const settle = (isWritten: boolean): void => {
        left -= 1;
        areAllWritten &&= isWritten;
        if (left === 0) resolve(areAllWritten);
      };
      for (const entry of entries) this.#entries.push({ entry, settle });
      for (const { settle: drop } of this.#entries.splice(
        0,
        this.#entries.length - this.#maxWaitingEntries(),
      )) {
        this.#dropped += 1;
        drop(false);
      }
      this.#requestGroup();
    });
  }

  queryLedger(query: LedgerQuery): Promise<LedgerPage> {
    return this.#read(() => findEntries(this.disk, query));
  }

  ledgerById(id: string): Promise<LedgerEntry | undefined> {
    return this.#read(() => this.disk.ledger.get(id)?.entry);
  }

  health(): StoreHealth {
    const error = this.#lastError;
    return {
      isWritable: error === undefined,
      ...(error === undefined ? {} : { lastError: { code: error.code, message: error.message } }),
      pendingWrites: this.#queue.length,
      pendingLedgerEntries: this.#entries.length,
      droppedLedgerEntries: this.#dropped,
      commits: this.#commits,
      committedOperations: this.#committed,
      commitTotalUs: this.#commits * this.disk.syncDelayUs,
      commitMaxUs: this.#commits === 0 ? 0 : this.disk.syncDelayUs,
    };
  }

  close(): Promise<void> {
    if (this.#state !== "open") return Promise.resolve();
    const last = this.#read(() => undefined);
    this.#state = "closed";
    return last.then(() => {
      this.#retry?.cancel();
      for (const { settle } of this.#entries.splice(0)) {
        this.#dropped += 1;
        settle(false);
      }
    });
  }

  crash(): void {
    this.#state = "crashed";
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#queue = [];
    this.#entries = [];
  }

  #read<Result>(run: () => Result): Promise<Result> {
    return this.#request(false, run);
  }

  #write<Result>(run: () => Result): Promise<Result> {
    return this.#request(true, run);
  }

  #request<Result>(isWrite: boolean, run: () => Result): Promise<Result> {
    if (this.#state === "closed")
      return Promise.reject(new MyelinError("CONFLICT", "the store is closed"));
    if (this.#state === "crashed") return new Promise(() => undefined);
    const maxQueued = this.#options.maxQueuedOperations ?? 10_000;
    if (this.#queue.length >= maxQueued) {
      return Promise.reject(
        new MyelinError("RESOURCE_EXHAUSTED", `${maxQueued} operations wait for the store already`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ isWrite, run: () => answerOf(run(), resolve), fail: reject });
      this.#requestGroup();
    });
  }

  #requestGroup(): void {
    if (this.#isGroupDue) return;
    this.#isGroupDue = true;
    const { clock } = this.#options;
    if (clock === undefined || this.disk.syncDelayUs === 0) queueMicrotask(() => this.#sync());
    else this.#timer = clock.schedule(this.disk.syncDelayUs, () => this.#sync());
  }

  #sync(): void {
    if (this.#isCrashed) return;
    this.#isGroupDue = false;
    const answers = [this.#writeEntries()];
    const group = this.#queue;
    this.#queue = [];
    if (group.some(({ isWrite }) => isWrite)) this.#commits += 1;
    for (const operation of group) {
      if (operation.isWrite) this.disk.onWrite?.();
      if (this.#isCrashed) return;
      answers.push(this.#perform(operation));
    }
    for (const answer of answers) answer();
  }

  #perform(operation: Operation): () => void {
    try {
      if (operation.isWrite) requireWritable(this.disk);
      const answer = operation.run();
      if (!operation.isWrite) return answer;
      this.#committed += 1;
      this.#lastError = undefined;
      return answer;
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      if (error.code === "STORAGE_FULL" || error.code === "STORAGE_UNAVAILABLE")
        this.#lastError = error;
      return () => operation.fail(error);
    }
  }

  get #isCrashed(): boolean {
    return this.#state === "crashed";
  }

  #maxWaitingEntries(): number {
    const { isFull, isBroken, maxWaitingEntries } = this.disk;
    return isFull || isBroken
      ? Math.min(this.#maxLedgerEntries, maxWaitingEntries)
      : this.#maxLedgerEntries;
  }

  /** Entries that the disk does not take stay, and are tried again with the next group, or in a second. */
  #writeEntries(): () => void {
    const nobody = (): void => undefined;
    if (this.#entries.length === 0) return nobody;
    if (this.disk.isFull || this.disk.isBroken) {
      this.#retry?.cancel();
      this.#retry = this.#options.clock?.schedule(ledgerRetryUs, () => this.#requestGroup());
      return nobody;
    }
    this.disk.onWrite?.();
    if (this.#isCrashed) return nobody;
    const waiting = this.#entries.splice(0);
    putEntries(
      this.disk,
      waiting.map(({ entry }) => entry),
      this.#maxLedgerEntries,
    );
    return () => {
      for (const { settle } of waiting) settle(true);
    };
  }
}

function answerOf<Result>(result: Result, resolve: (result: Result) => void): () => void {
  return () => resolve(result);
}
