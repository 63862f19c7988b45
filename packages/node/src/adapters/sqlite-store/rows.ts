import type { ErrorCode } from "@myelin/core/errors";
import { parseTime } from "@myelin/core/instruction";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import type { AuditEntry, KeptAuditEntry, TokenRecord } from "../../ports/access-records.ts";
import type {
  AgentRecord,
  EpisodeRecord,
  InstructionChange,
  InstructionRecord,
  LedgerEntry,
  RuleRecord,
} from "../../ports/store.ts";
import type {
  AuditRow,
  EpisodeRow,
  InstructionChangeRow,
  InstructionRow,
  KeptAuditRow,
  LedgerRow,
  RuleRow,
  TextRow,
} from "./protocol.ts";

// What is parsed here was written by the functions beside it, and is of the type it had then.

export function rowOfAgent(record: AgentRecord): TextRow {
  return { id: record.id, text: JSON.stringify(record) };
}

export function agentOf(text: string): AgentRecord {
  return JSON.parse(text) as AgentRecord;
}

export function rowOfRule(record: RuleRecord): RuleRow {
  return { id: record.name, version: record.version, text: JSON.stringify(record) };
}

export function ruleOf(text: string): RuleRecord {
  return JSON.parse(text) as RuleRecord;
}

export function rowOfEpisode(record: EpisodeRecord): EpisodeRow {
  return { agent: record.agent, rule: record.rule, text: JSON.stringify(record) };
}

export function episodeOf(text: string): EpisodeRecord {
  return JSON.parse(text) as EpisodeRecord;
}

export function rowOfToken(record: TokenRecord): TextRow {
  return { id: record.id, text: JSON.stringify(record) };
}

export function tokenOf(text: string): TokenRecord {
  return JSON.parse(text) as TokenRecord;
}

export function rowOfAudit(entry: AuditEntry): AuditRow {
  return { ...entry, details: JSON.stringify(entry.details) };
}

export function auditOf({ details, ...rest }: KeptAuditRow): KeptAuditEntry {
  return { ...rest, details: JSON.parse(details) as JsonObject };
}

/** Rows of the instructions of one call, which often share one `args`. */
export function rowsOfInstructions(records: readonly InstructionRecord[]): InstructionRow[] {
  let args: JsonObject | undefined;
  let argsText = "";
  return records.map((record) => {
    if (record.args !== args) argsText = JSON.stringify(record.args);
    args = record.args;
    const { result, error, ...rest } = record;
    return { ...rest, args: argsText, ...outcomeTexts(result, error) };
  });
}

export function instructionOf({ args, result, error, ...rest }: InstructionRow): InstructionRecord {
  return {
    ...rest,
    args: JSON.parse(args) as JsonObject,
    ...(result === undefined ? {} : { result: JSON.parse(result) as JsonValue }),
    ...(error === undefined
      ? {}
      : { error: JSON.parse(error) as { code: ErrorCode; message: string } }),
  };
}

export function rowOfChange({ result, error, ...rest }: InstructionChange): InstructionChangeRow {
  return { ...rest, ...outcomeTexts(result, error) };
}

function outcomeTexts(
  result: JsonValue | undefined,
  error: InstructionRecord["error"],
): { readonly result?: string; readonly error?: string } {
  return {
    ...(result === undefined ? {} : { result: JSON.stringify(result) }),
    ...(error === undefined ? {} : { error: JSON.stringify(error) }),
  };
}

export function rowOfEntry(entry: LedgerEntry): LedgerRow {
  const { id, agent, rule, status, createdAt, endedAt } = entry.document;
  const createdAtUs = parseTime(createdAt);
  const endedAtUs = endedAt === null ? createdAtUs : parseTime(endedAt);
  return { id, agent, rule, status, createdAtUs, endedAtUs, text: JSON.stringify(entry) };
}

export function entryOf(text: string): LedgerEntry {
  return JSON.parse(text) as LedgerEntry;
}
