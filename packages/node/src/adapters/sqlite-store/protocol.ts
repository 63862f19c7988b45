// What the store and its worker threads say to each other. Each message to a worker is a list of
// calls; each message back is the outcomes of some calls, in the order of the calls.
import type { MessagePort } from "node:worker_threads";
import type { ErrorDocument } from "@myelin/core/errors";
import type { AuditEntry, AuditQuery } from "../../ports/access-records.ts";
import type { InstructionChange, InstructionRecord, LedgerQuery } from "../../ports/store.ts";

/** One call of a worker's function. */
export interface Call {
  readonly name: string;
  readonly argument: unknown;
}

/** What became of a call. */
export type Outcome = { readonly value: unknown } | { readonly error: ErrorDocument };

/** What commits have cost since the start. */
export interface CommitFigures {
  readonly commits: number;
  readonly committedOperations: number;
  readonly commitTotalUs: number;
  readonly commitMaxUs: number;
}

/** Further callers of a worker, whose calls and answers go over this port. */
export interface Joining {
  readonly port: MessagePort;
}

/** A worker's message. */
export interface Answer {
  readonly outcomes: readonly Outcome[];
  readonly figures: CommitFigures;
  /** How long each commit took that the outcomes waited for. */
  readonly commitsUs: readonly number[];
}

/** What a worker thread is for, given when it starts. */
export type WorkerRole =
  | { readonly name: "state" }
  | { readonly name: "ledger"; readonly settings: LedgerSettings };

/** A record with its name in front; the record is JSON, so that threads exchange text. */
export interface TextRow {
  readonly id: string;
  readonly text: string;
}

/** A version of a rule. */
export interface RuleRow extends TextRow {
  readonly version: number;
}

/** The episode of a rule for an agent; without a text it is to be forgotten. */
export interface EpisodeRow {
  readonly agent: string;
  readonly rule: string;
  readonly text?: string;
}

/** Everything that was kept, as the state worker reads it. */
export interface StateTexts {
  readonly agents: readonly string[];
  readonly rules: readonly string[];
  readonly openInstructions: readonly InstructionRow[];
  readonly tokens: readonly string[];
  readonly episodes: readonly string[];
  readonly settings: readonly TextRow[];
}

/** An entry of the audit whose details are JSON text. */
export type AuditRow = Omit<AuditEntry, "details"> & { readonly details: string };

/** A kept entry of the audit whose details are JSON text. */
export type KeptAuditRow = AuditRow & { readonly sequence: number };

/** An instruction whose args, result and error are JSON text; `error` is `{code, message}`. */
export type InstructionRow = Omit<InstructionRecord, "args" | "result" | "error"> & {
  readonly args: string;
  readonly result?: string;
  readonly error?: string;
};

/** A change whose result and error are JSON text. */
export type InstructionChangeRow = Omit<InstructionChange, "result" | "error"> & {
  readonly result?: string;
  readonly error?: string;
};

/** What the state worker needs to open its file. */
export interface StateSettings {
  readonly directory: string;
  readonly maxAgents: number;
  readonly maxInstructions: number;
  readonly instructionRetentionUs: number;
}

/** What the workers do to copy their files while they go on. */
export interface CopyCalls {
  /** Begins to copy: the state to a file, the ledger into a folder. */
  beginCopy(path: string): void;
  /** True when the copy is made, once. */
  isCopied(_: undefined): boolean;
}

/** What the state worker does. All but open, close and copying may share a commit. */
export interface StateCalls extends CopyCalls {
  open(settings: StateSettings): void;
  load(_: undefined): StateTexts;
  saveAgents(rows: readonly TextRow[]): void;
  forgetAgent(id: string): boolean;
  saveEpisodes(rows: readonly EpisodeRow[]): void;
  saveRules(rows: readonly RuleRow[]): void;
  ruleVersions(name: string): string[];
  saveSetting(row: TextRow): void;
  acceptInstructions(rows: readonly InstructionRow[]): void;
  updateInstructions(rows: readonly InstructionChangeRow[]): void;
  instructionsByKey(idempotencyKey: string): InstructionRow[];
  instructionById(id: string): InstructionRow | undefined;
  saveTokens(rows: readonly TextRow[]): void;
  deleteTokens(ids: readonly string[]): void;
  appendAudit(rows: readonly AuditRow[]): void;
  queryAudit(query: AuditQuery): KeptAuditRow[];
  close(_: undefined): void;
}

/** Where the ledger is, and how much of it is kept. */
export interface LedgerSettings {
  readonly directory: string;
  readonly retentionDays: number;
  readonly maxBytes: number;
}

/** An entry: what it is searched by, and the whole as JSON. */
export interface LedgerRow {
  readonly id: string;
  readonly agent: string;
  readonly rule: string | null;
  readonly status: string;
  readonly createdAtUs: number;
  readonly endedAtUs: number;
  readonly text: string;
}

/** A page of the ledger with its entries as JSON. */
export interface LedgerTexts {
  readonly entries: readonly string[];
  readonly cursor?: string;
}

/** What the ledger worker does. */
export interface LedgerCalls extends CopyCalls {
  append(rows: readonly LedgerRow[]): void;
  query(query: LedgerQuery): LedgerTexts;
  find(id: string): string | undefined;
  close(_: undefined): void;
}
