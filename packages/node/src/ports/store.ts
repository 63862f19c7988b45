import type { ErrorCode } from "@myelin/core/errors";
import type { EpisodeKey } from "@myelin/core/ids";
import type { InstructionDocument, InstructionStatus } from "@myelin/core/instruction";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { RuleSource } from "@myelin/core/rules";
import type { AuditEntry, AuditQuery, KeptAuditEntry, TokenRecord } from "./access-records.ts";

/** One program of an agent, as it was last seen. */
export interface PartRecord {
  readonly name: string;
  readonly incarnation: string;
  readonly timeLine: string;
  readonly actions: readonly { readonly name: string; readonly isIdempotent: boolean }[];
  readonly sdkName: string;
  readonly sdkVersion: string;
  readonly lastSeenUs: number;
}

/** An agent of the registry, live or away. */
export interface AgentRecord {
  readonly id: string;
  readonly type: string;
  readonly tier: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly parts: readonly PartRecord[];
  readonly firstSeenUs: number;
  readonly lastSeenUs: number;
}

/** One version of a rule. Versions are kept for ever; deleting a rule is a version too. */
export interface RuleRecord {
  readonly name: string;
  readonly version: number;
  readonly meaningVersion: number;
  readonly source: RuleSource;
  readonly createdAtUs: number;
  readonly actor: string;
  readonly isDeleted: boolean;
  /** The version whose content this one took up again, where it came by a rollback. */
  readonly rolledBackTo?: number;
}

/** Whether the node's rules are enforced, or all decide as in shadow mode; and by whose doing. */
export interface EnforcementRecord {
  readonly isOn: boolean;
  readonly changedAtUs: number;
  readonly actor: string;
  /** Why, in the words of who did it. */
  readonly reason?: string;
}

/** An instruction that was accepted by hand for one agent. */
export interface InstructionRecord {
  readonly id: string;
  /** Shared by the instructions of one call. */
  readonly batch: string;
  readonly agent: string;
  readonly part?: string;
  readonly action: string;
  readonly args: JsonObject;
  readonly priority: number;
  /** Shared by the instructions of one call; no other batch may bear it while it is kept. */
  readonly idempotencyKey?: string;
  readonly actor: string;
  readonly createdAtUs: number;
  readonly deadlineUs: number;
  readonly timeoutUs: number;
  readonly status: InstructionStatus;
  /** The incarnation of the part it may have been sent to; written before it is sent. */
  readonly incarnation?: string;
  readonly endedAtUs?: number;
  readonly result?: JsonValue;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** False for those whose caller did not ask for the disk. The store treats both alike. */
  readonly isDurable: boolean;
  /** True when an earlier incarnation than this one was given it, and may have done it; absent otherwise. */
  readonly isOutlived?: true;
}

/** What changed of one accepted instruction; what is absent stays. */
export interface InstructionChange {
  readonly id: string;
  readonly status?: InstructionStatus;
  readonly part?: string;
  readonly incarnation?: string;
  readonly isOutlived?: true;
  readonly endedAtUs?: number;
  readonly result?: JsonValue;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** A rule that is pending for an agent. */
export interface PendingRecord {
  readonly meaningVersion: number;
  /** Of the part whose input made it pending. */
  readonly timeLine: string;
  /** Event time in microseconds. */
  readonly sinceUs: number;
}

/** The latest episode of a rule for an agent of which an instruction was sent or has ended, and what is pending. */
export interface EpisodeRecord {
  readonly agent: string;
  readonly rule: string;
  readonly meaningVersion: number;
  readonly timeLine: string;
  readonly startedAtUs: number;
  /** Of its latest instruction; 0 where there was none, and the record tells of what is pending alone. */
  readonly attempt: number;
  /** Who that one was sent to. */
  readonly recipient?: { readonly part: string; readonly incarnation: string };
  /** How it ended; absent while it has not. */
  readonly end?: { readonly succeeded: boolean; readonly endedAtUs: number };
  /** True when the episode has ended. */
  readonly isOver: boolean;
  /** Absent while nothing is. */
  readonly pending?: PendingRecord;
  /** By the names of the agent's clocks: the newest instant that the node had applied, on that clock. */
  readonly appliedUntilUs: Readonly<Record<string, number>>;
}

/** An ended instruction with its account. */
export interface LedgerEntry {
  readonly document: InstructionDocument;
  /** Microseconds of it spent in this node; null where unknown. */
  readonly nodeUs: number | null;
  /** The episode that caused it; absent for those sent by hand. */
  readonly episode?: EpisodeKey;
}

/** Which entries of the ledger are asked for; all conditions must hold. */
export interface LedgerQuery {
  readonly agent?: string;
  readonly rule?: string;
  readonly status?: InstructionStatus;
  /** Ended at or after this (created, for those without an end). */
  readonly sinceUs?: number;
  /** Ended before this (created, for those without an end). */
  readonly untilUs?: number;
  /** Where an earlier answer ended; of a query with the same conditions and direction. */
  readonly cursor?: string;
  /** 1 to 1,000. */
  readonly limit: number;
  /** The order is that of appending: newest first, or oldest first. */
  readonly newestFirst: boolean;
}

/** A page of the ledger. */
export interface LedgerPage {
  readonly entries: readonly LedgerEntry[];
  /**
   * Continues after the last entry. Newest first it is absent at the end; oldest first it is always
   * there once an entry was seen, so that a reader can follow what is appended later.
   */
  readonly cursor?: string;
}

/** What a store remembers of a node's earlier life. */
export interface StoredState {
  readonly agents: readonly AgentRecord[];
  /** The newest version of each rule, deleted ones included. */
  readonly rules: readonly RuleRecord[];
  /** Those not ended, in the order of acceptance. */
  readonly openInstructions: readonly InstructionRecord[];
  /** Every token, also those revoked or expired, in the order of their making. */
  readonly tokens: readonly TokenRecord[];
  /** In no order. */
  readonly episodes: readonly EpisodeRecord[];
  /** Undefined while nobody has ever switched it: rules are enforced. */
  readonly enforcement?: EnforcementRecord;
}

/** How a store fares. */
export interface StoreHealth {
  /** False from a failed write of state to the next that succeeds. */
  readonly isWritable: boolean;
  /** The last failure of the disk, kept while the store is not writable. */
  readonly lastError?: { readonly code: ErrorCode; readonly message: string };
  /** Operations of state that were not answered yet. */
  readonly pendingWrites: number;
  /** Ledger entries in memory that are not on disk yet. */
  readonly pendingLedgerEntries: number;
  /** Ledger entries lost because the disk did not take them while the buffer was full. */
  readonly droppedLedgerEntries: number;
  /** Commits of state, and operations in them; their ratio is the mean size of a group. */
  readonly commits: number;
  readonly committedOperations: number;
  /** Microseconds of commits of state: the sum, and the longest. */
  readonly commitTotalUs: number;
  readonly commitMaxUs: number;
}

/**
 * What a node keeps: registry, rules, accepted instructions (the state), and the ledger.
 *
 * Operations on the state take effect in the order of the calls. A write that resolved survives a
 * crash of process and machine. One that rejected has left nothing behind: with STORAGE_FULL (no
 * space), STORAGE_UNAVAILABLE (any other failure of the disk), RESOURCE_EXHAUSTED (a bound that the
 * message names) or CONFLICT (after `close`). After a failure every later write tries anew.
 * Records that were handed over must not be changed.
 */
export interface Store {
  /** What was kept. */
  load(): Promise<StoredState>;

  /** Adds or replaces agents, all or none. @throws MyelinError RESOURCE_EXHAUSTED beyond the registry's bound */
  saveAgents(records: readonly AgentRecord[]): Promise<void>;
  /** Forgets an agent with its episodes; resolves to false when it was not known. Its instructions stay. */
  forgetAgent(id: string): Promise<boolean>;

  /** Keeps the episode of each agent and rule in place of the earlier one, and forgets those of others; all or none. */
  saveEpisodes(
    records: readonly EpisodeRecord[],
    forgotten: readonly Pick<EpisodeRecord, "agent" | "rule">[],
  ): Promise<void>;

  /** Adds versions of rules, all or none. @throws MyelinError ALREADY_EXISTS when a version is kept already */
  saveRules(records: readonly RuleRecord[]): Promise<void>;
  /** Keeps whether rules are enforced, in place of what was kept. */
  saveEnforcement(record: EnforcementRecord): Promise<void>;
  /** Every version of a rule, oldest first; empty when there never was one. */
  ruleVersions(name: string): Promise<readonly RuleRecord[]>;

  /**
   * Accepts instructions, all or none; resolves when they are on disk.
   * @throws MyelinError ALREADY_EXISTS when an id is kept already, or an idempotency key by another batch
   */
  acceptInstructions(records: readonly InstructionRecord[]): Promise<void>;
  /** Notes what became of accepted instructions, all or none; ids that are not kept are passed over. */
  updateInstructions(changes: readonly InstructionChange[]): Promise<void>;
  /** The instructions accepted with an idempotency key, in the order of acceptance. */
  instructionsByKey(idempotencyKey: string): Promise<readonly InstructionRecord[]>;
  instructionById(id: string): Promise<InstructionRecord | undefined>;

  /** Adds or replaces tokens, all or none. */
  saveTokens(records: readonly TokenRecord[]): Promise<void>;
  /** Forgets tokens; ids that are not kept are passed over. */
  deleteTokens(ids: readonly string[]): Promise<void>;

  /** Appends to the audit, all or none; what lies beyond `auditRetention` is dropped in time, nothing else ever. */
  appendAudit(entries: readonly AuditEntry[]): Promise<void>;
  /** Entries of the audit, newest first. @throws MyelinError INVALID_ARGUMENT for a limit out of range */
  queryAudit(query: AuditQuery): Promise<readonly KeptAuditEntry[]>;

  /**
   * Appends to the ledger, behind: nothing waits for it. Resolves to true when the entries are
   * written (they survive the process from then on), to false when they had to be dropped; never
   * rejects. An entry with the id of an earlier one takes its place.
   */
  appendLedger(entries: readonly LedgerEntry[]): Promise<boolean>;
  /**
   * A page of the ledger. Sees all that `appendLedger` was called with before, where the disk takes it.
   * @throws MyelinError INVALID_ARGUMENT for a cursor that is none, or a limit out of range
   */
  queryLedger(query: LedgerQuery): Promise<LedgerPage>;
  ledgerById(id: string): Promise<LedgerEntry | undefined>;

  health(): StoreHealth;
  /** Writes what is pending, and lets go of the disk. Later calls reject with CONFLICT. */
  close(): Promise<void>;
}
