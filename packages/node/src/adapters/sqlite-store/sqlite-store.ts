// The store on SQLite: `state.db` on one worker thread, the ledger's day files on another, so that
// reading the ledger never holds up an acceptance, and neither holds up the node.
//
// Invariants
// 1. A write of state is answered after the fsync of the commit that holds it.
// 2. Calls of state that wait are bounded (RESOURCE_EXHAUSTED), and so are ledger entries (LedgerBuffer).
// 3. While it is open, no other process opens the data directory.
import { join, resolve } from "node:path";
import type { MessagePort } from "node:worker_threads";
import { setTimeout as delay } from "node:timers/promises";
import { MyelinError } from "@myelin/core/errors";
import { Histogram } from "@myelin/core/statistics";
import type {
  AuditEntry,
  AuditQuery,
  KeptAuditEntry,
  TokenRecord,
} from "../../ports/access-records.ts";
import { defaultStorageBounds, type StorageBounds } from "../../ports/bounds.ts";
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
import { LedgerBuffer } from "./ledger-buffer.ts";
import type { CopyCalls, LedgerCalls, StateCalls } from "./protocol.ts";
import {
  agentOf,
  auditOf,
  entryOf,
  episodeOf,
  instructionOf,
  rowOfAgent,
  rowOfAudit,
  rowOfChange,
  rowOfEpisode,
  rowOfRule,
  rowOfToken,
  rowsOfInstructions,
  ruleOf,
  tokenOf,
} from "./rows.ts";
import { isStorageCode } from "./storage-error.ts";
import { endOfPort, endOfWorker, portTo, startWorker, WorkerLink } from "./worker-link.ts";

const askAgainMs = 10;

/** Where a SQLite store keeps its files, and its bounds; the defaults hold where they are not given. */
export interface SqliteStoreOptions extends Partial<Omit<StorageBounds, "maxTokens">> {
  /** The data directory; made, for its owner only, where there is none. */
  readonly directory: string;
  /** Most agents in the registry; 100,000 by default. */
  readonly maxAgents?: number;
  /** Told when a thread of the open store has ended: the directory may be free for others, and nothing is kept any more. */
  readonly onLost?: (error: MyelinError) => void;
}

const defaultMaxAgents = 100_000;

const enforcementSetting = "enforcement";

/**
 * Opens the store of a data directory, and locks the directory while this process lives.
 * When it fails, what is in the directory is as it was.
 * @throws MyelinError DATA_DIRECTORY_LOCKED, SCHEMA_TOO_NEW, STORAGE_CORRUPT (naming the file),
 *   STORAGE_UNAVAILABLE or STORAGE_FULL
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  let isOpen = false;
  const onLost = (error: MyelinError): void => {
    if (isOpen) options.onLost?.(error);
  };
  const stateWorker = startWorker({ name: "state" });
  const state = new WorkerLink<StateCalls>(endOfWorker(stateWorker), onLost);
  const directory = resolve(options.directory);
  try {
    await state.call("open", {
      directory,
      maxAgents: options.maxAgents ?? defaultMaxAgents,
      maxInstructions: options.maxInstructions ?? defaultStorageBounds.maxInstructions,
      instructionRetentionUs:
        options.instructionRetentionUs ?? defaultStorageBounds.instructionRetentionUs,
    });
  } catch (thrown) {
    await end(state);
    throw thrown;
  }
  // The state's opening has looked at the ledger's files; nothing needs to wait for their thread.
  const settings = {
    directory,
    retentionDays: options.ledgerRetentionDays ?? defaultStorageBounds.ledgerRetentionDays,
    maxBytes: options.ledgerMaxBytes ?? defaultStorageBounds.ledgerMaxBytes,
  };
  const ledgerWorker = startWorker({ name: "ledger", settings });
  const ledger = new WorkerLink<LedgerCalls>(endOfWorker(ledgerWorker), onLost);
  isOpen = true;
  const share = (): StorePorts => ({ state: portTo(stateWorker), ledger: portTo(ledgerWorker) });
  return new SqliteStore({ state, ledger, share }, options);
}

/** Ports by which another thread uses a store that this one has opened. */
export interface StorePorts {
  readonly state: MessagePort;
  readonly ledger: MessagePort;
}

/** The store that another thread has opened; closing it lets go of this thread's part only. */
export function joinSqliteStore(
  ports: StorePorts,
  options: Pick<SqliteStoreOptions, "maxQueuedOperations" | "maxBufferedEntries"> = {},
): SqliteStore {
  const state = new WorkerLink<StateCalls>(endOfPort(ports.state));
  const ledger = new WorkerLink<LedgerCalls>(endOfPort(ports.ledger));
  return new SqliteStore({ state, ledger }, options);
}

/** The ways to the store's threads, and where they are this thread's own, ports for others. */
interface StoreLinks {
  readonly state: WorkerLink<StateCalls>;
  readonly ledger: WorkerLink<LedgerCalls>;
  readonly share?: () => StorePorts;
}

/** Closes what the thread has open, and waits for its end. */
async function end(link: WorkerLink<{ close(_: undefined): void }>): Promise<void> {
  await Promise.allSettled([link.call("close", undefined), link.ended()]);
}

/** A store whose files can be copied while it is used. */
export class SqliteStore implements Store {
  readonly #state: WorkerLink<StateCalls>;
  readonly #ledger: WorkerLink<LedgerCalls>;
  readonly #entries: LedgerBuffer;
  readonly #maxQueued: number;
  readonly #share: (() => StorePorts) | undefined;
  #closed: Promise<void> | undefined;
  #lastError: MyelinError | undefined;
  /** What may wait at the most. */
  readonly capacity: { readonly operations: number; readonly ledgerEntries: number };
  /** How long writes took by what they write, from the call until they are on disk, microseconds. */
  readonly writeUs: Map<string, Histogram> = new Map();

  constructor(
    { state, ledger, share }: StoreLinks,
    options: Pick<SqliteStoreOptions, "maxQueuedOperations" | "maxBufferedEntries">,
  ) {
    this.#share = share;
    this.#state = state;
    this.#ledger = ledger;
    this.#maxQueued = options.maxQueuedOperations ?? defaultStorageBounds.maxQueuedOperations;
    this.#entries = new LedgerBuffer(
      options.maxBufferedEntries ?? defaultStorageBounds.maxBufferedEntries,
      (rows) => this.#timed("append", () => ledger.call("append", rows)),
    );
    this.capacity = {
      operations: this.#maxQueued,
      ledgerEntries: options.maxBufferedEntries ?? defaultStorageBounds.maxBufferedEntries,
    };
  }

  /** How long commits took, by the store whose they were, microseconds. */
  get commitUs(): Readonly<Record<"state" | "ledger", Histogram>> {
    return { state: this.#state.commitUs, ledger: this.#ledger.commitUs };
  }

  async load(): Promise<StoredState> {
    const texts = await this.#read("load", undefined);
    const { agents, rules, openInstructions, tokens, episodes, settings } = texts;
    const enforcement = settings.find(({ id }) => id === enforcementSetting);
    return {
      agents: agents.map(agentOf),
      rules: rules.map(ruleOf),
      openInstructions: openInstructions.map(instructionOf),
      tokens: tokens.map(tokenOf),
      episodes: episodes.map(episodeOf),
      ...(enforcement === undefined ? {} : { enforcement: JSON.parse(enforcement.text) }),
    };
  }

  async saveAgents(records: readonly AgentRecord[]): Promise<void> {
    await this.#write("saveAgents", records.map(rowOfAgent));
  }

  async forgetAgent(id: string): Promise<boolean> {
    return this.#write("forgetAgent", id);
  }

  async saveEpisodes(
    records: readonly EpisodeRecord[],
    forgotten: readonly Pick<EpisodeRecord, "agent" | "rule">[],
  ): Promise<void> {
    const cells = forgotten.map(({ agent, rule }) => ({ agent, rule }));
    await this.#write("saveEpisodes", [...records.map(rowOfEpisode), ...cells]);
  }

  async saveRules(records: readonly RuleRecord[]): Promise<void> {
    await this.#write("saveRules", records.map(rowOfRule));
  }

  async saveEnforcement(record: EnforcementRecord): Promise<void> {
    await this.#write("saveSetting", { id: enforcementSetting, text: JSON.stringify(record) });
  }

  async ruleVersions(name: string): Promise<readonly RuleRecord[]> {
    return (await this.#read("ruleVersions", name)).map(ruleOf);
  }

  async acceptInstructions(records: readonly InstructionRecord[]): Promise<void> {
    await this.#write("acceptInstructions", rowsOfInstructions(records));
  }

  async updateInstructions(changes: readonly InstructionChange[]): Promise<void> {
    await this.#write("updateInstructions", changes.map(rowOfChange));
  }

  async instructionsByKey(idempotencyKey: string): Promise<readonly InstructionRecord[]> {
    return (await this.#read("instructionsByKey", idempotencyKey)).map(instructionOf);
  }

  async instructionById(id: string): Promise<InstructionRecord | undefined> {
    const row = await this.#read("instructionById", id);
    return row === undefined ? undefined : instructionOf(row);
  }

  async saveTokens(records: readonly TokenRecord[]): Promise<void> {
    await this.#write("saveTokens", records.map(rowOfToken));
  }

  async deleteTokens(ids: readonly string[]): Promise<void> {
    await this.#write("deleteTokens", ids);
  }

  async appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    await this.#write("appendAudit", entries.map(rowOfAudit));
  }

  async queryAudit(query: AuditQuery): Promise<readonly KeptAuditEntry[]> {
    requireLimit(query.limit);
    return (await this.#read("queryAudit", query)).map(auditOf);
  }

  appendLedger(entries: readonly LedgerEntry[]): Promise<boolean> {
    return this.#closed === undefined ? this.#entries.append(entries) : Promise.resolve(false);
  }

  async queryLedger(query: LedgerQuery): Promise<LedgerPage> {
    this.#requireOpen();
    await this.#entries.flush();
    const { entries, cursor } = await this.#ledger.call("query", query);
    return { entries: entries.map(entryOf), ...(cursor === undefined ? {} : { cursor }) };
  }

  async ledgerById(id: string): Promise<LedgerEntry | undefined> {
    this.#requireOpen();
    await this.#entries.flush();
    const text = await this.#ledger.call("find", id);
    return text === undefined ? undefined : entryOf(text);
  }

  health(): StoreHealth {
    const error = this.#lastError;
    return {
      isWritable: error === undefined,
      ...(error === undefined ? {} : { lastError: { code: error.code, message: error.message } }),
      pendingWrites: this.#state.pending,
      pendingLedgerEntries: this.#entries.size,
      droppedLedgerEntries: this.#entries.dropped,
      ...this.#state.figures,
    };
  }

  /**
   * Copies what is kept into an empty folder while all goes on: the state first, then the ledger, so
   * that what the state calls ended is in the ledger, as after a crash.
   * @throws MyelinError CONFLICT | STORAGE_FULL | STORAGE_UNAVAILABLE
   */
  async copyTo(folder: string): Promise<void> {
    this.#requireOpen();
    await copied(this.#state, join(folder, "state.db"));
    await this.#entries.flush();
    await copied(this.#ledger, join(folder, "ledger"));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Ports for one more thread. @throws MyelinError CONFLICT where this thread has not opened the store itself */
  share(): StorePorts {
    if (this.#share === undefined)
      throw new MyelinError("CONFLICT", "this thread was given the store by another");
    return this.#share();
  }

  /** The state goes last: it holds the lock of the directory. */
  async #close(): Promise<void> {
    await this.#entries.flush();
    this.#entries.abandon();
    if (this.#share === undefined) {
      // What was called is answered first, in its order.
      await Promise.allSettled([
        this.#ledger.call("find", ""),
        this.#state.call("instructionById", ""),
      ]);
      this.#ledger.leave();
      this.#state.leave();
      return;
    }
    await end(this.#ledger);
    await end(this.#state);
  }

  #read<Name extends keyof StateCalls>(
    name: Name,
    argument: Parameters<StateCalls[Name]>[0],
  ): Promise<ReturnType<StateCalls[Name]>> {
    this.#requireOpen();
    if (this.#state.pending >= this.#maxQueued) {
      throw new MyelinError(
        "RESOURCE_EXHAUSTED",
        `${this.#maxQueued} operations wait for the store already`,
      );
    }
    return this.#state.call(name, argument);
  }

  async #write<Name extends keyof StateCalls>(
    name: Name,
    argument: Parameters<StateCalls[Name]>[0],
  ): Promise<ReturnType<StateCalls[Name]>> {
    try {
      const value = await this.#timed(name, () => this.#read(name, argument));
      this.#lastError = undefined;
      return value;
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      if (isStorageCode(error.code)) this.#lastError = error;
      throw error;
    }
  }

  async #timed<Value>(name: string, write: () => Promise<Value>): Promise<Value> {
    const startedAtMs = performance.now();
    const value = await write();
    let durations = this.writeUs.get(name);
    if (durations === undefined) {
      durations = new Histogram();
      this.writeUs.set(name, durations);
    }
    durations.record((performance.now() - startedAtMs) * 1e3);
    return value;
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw new MyelinError("CONFLICT", "the store is closed");
  }
}

/** @throws MyelinError INVALID_ARGUMENT */
function requireLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return;
  throw new MyelinError("INVALID_ARGUMENT", "limit must be a whole number from 1 to 1000");
}

/** Has a worker copy what is its own, and asks until that is done. */
async function copied(link: WorkerLink<CopyCalls>, to: string): Promise<void> {
  await link.call("beginCopy", to);
  while (!(await link.call("isCopied", undefined))) await delay(askAgainMs);
}
