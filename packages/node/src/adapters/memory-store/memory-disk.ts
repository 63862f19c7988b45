import { MyelinError } from "@myelin/core/errors";
import { type InstructionDocument, isEnded, parseTime } from "@myelin/core/instruction";
import {
  type AuditEntry,
  type AuditQuery,
  auditRetention,
  type KeptAuditEntry,
  type TokenRecord,
} from "../../ports/access-records.ts";
import type {
  AgentRecord,
  EpisodeRecord,
  EnforcementRecord,
  InstructionChange,
  InstructionRecord,
  LedgerEntry,
  LedgerPage,
  LedgerQuery,
  RuleRecord,
} from "../../ports/store.ts";

interface KeptEntry {
  readonly sequence: number;
  readonly endedAtUs: number;
  readonly entry: LedgerEntry;
}

/** What a disk in memory can be made to suffer. */
export interface MemoryDiskFaults {
  /** No space is left: writes fail with STORAGE_FULL. */
  isFull: boolean;
  /** Nothing can be written: writes fail with STORAGE_UNAVAILABLE. */
  isBroken: boolean;
  /** Ledger entries that may wait while it takes none; beyond, the oldest are dropped. */
  maxWaitingEntries: number;
  /** How long a group of writes takes to be safe, in microseconds; heeded by stores with a clock. */
  syncDelayUs: number;
  /** Called before each write of a group takes effect, so that a crash can come between any two of them. */
  onWrite: (() => void) | undefined;
}

/** What outlives a memory store. Give it to the next store to have that one find what was kept. */
export interface MemoryDisk extends MemoryDiskFaults {
  readonly agents: Map<string, AgentRecord>;
  /** By agent, then by rule. */
  readonly episodes: Map<string, Map<string, EpisodeRecord>>;
  readonly rules: Map<string, RuleRecord[]>;
  enforcement: EnforcementRecord | undefined;
  readonly instructions: Map<string, InstructionRecord>;
  /** Ids of the instructions that bear an idempotency key, in the order of acceptance. */
  readonly idsByKey: Map<string, string[]>;
  readonly tokens: Map<string, TokenRecord>;
  /** In the order of appending. */
  readonly audit: KeptAuditEntry[];
  audited: number;
  /** By id, in the order of appending. */
  readonly ledger: Map<string, KeptEntry>;
  appended: number;
}

/** An empty disk without faults. */
export function createMemoryDisk(): MemoryDisk {
  return {
    isFull: false,
    isBroken: false,
    maxWaitingEntries: Number.POSITIVE_INFINITY,
    syncDelayUs: 0,
    onWrite: undefined,
    agents: new Map(),
    episodes: new Map(),
    rules: new Map(),
    enforcement: undefined,
    instructions: new Map(),
    idsByKey: new Map(),
    tokens: new Map(),
    audit: [],
    audited: 0,
    ledger: new Map(),
    appended: 0,
  };
}

/** @throws MyelinError STORAGE_FULL | STORAGE_UNAVAILABLE as the disk's faults will have it */
export function requireWritable(disk: MemoryDisk): void {
  if (disk.isFull) throw new MyelinError("STORAGE_FULL", "the disk in memory is full");
  if (disk.isBroken) throw new MyelinError("STORAGE_UNAVAILABLE", "the disk in memory is broken");
}

/** @throws MyelinError RESOURCE_EXHAUSTED */
export function putAgents(
  disk: MemoryDisk,
  records: readonly AgentRecord[],
  maxAgents: number,
): void {
  const ids = new Set(records.map((record) => record.id));
  const added = [...ids].filter((id) => !disk.agents.has(id)).length;
  if (added > 0 && disk.agents.size + added > maxAgents) {
    throw new MyelinError("RESOURCE_EXHAUSTED", `the registry holds its ${maxAgents} agents`, {
      hint: "Forget agents that are gone for good, or raise maxAgents.",
    });
  }
  for (const record of records) disk.agents.set(record.id, record);
}

/** Keeps episodes in place of earlier ones, and forgets others. */
export function putEpisodes(
  { episodes }: MemoryDisk,
  records: readonly EpisodeRecord[],
  forgotten: readonly Pick<EpisodeRecord, "agent" | "rule">[],
): void {
  for (const record of records) {
    const kept = episodes.get(record.agent) ?? new Map<string, EpisodeRecord>();
    episodes.set(record.agent, kept.set(record.rule, record));
  }
  for (const { agent, rule } of forgotten) {
    const kept = episodes.get(agent);
    if (kept?.delete(rule) === true && kept.size === 0) episodes.delete(agent);
  }
}

/** @throws MyelinError ALREADY_EXISTS */
export function putRules(disk: MemoryDisk, records: readonly RuleRecord[]): void {
  const seen = new Set<string>();
  for (const { name, version } of records) {
    const isKept = disk.rules.get(name)?.some((kept) => kept.version === version) ?? false;
    const key = `${name}@${version}`;
    if (isKept || seen.has(key)) {
      throw new MyelinError("ALREADY_EXISTS", `version ${version} of rule ${name} exists`);
    }
    seen.add(key);
  }
  for (const record of records) {
    const versions = [...(disk.rules.get(record.name) ?? []), record];
    disk.rules.set(
      record.name,
      versions.sort((one, other) => one.version - other.version),
    );
  }
}

/** @throws MyelinError ALREADY_EXISTS | RESOURCE_EXHAUSTED */
export function putInstructions(
  disk: MemoryDisk,
  records: readonly InstructionRecord[],
  maxInstructions: number,
): void {
  const ids = new Set<string>();
  const batches = new Map<string, string>();
  for (const { id, batch, idempotencyKey } of records) {
    if (disk.instructions.has(id) || ids.has(id)) {
      throw new MyelinError("ALREADY_EXISTS", `instruction ${id} exists`);
    }
    ids.add(id);
    if (idempotencyKey === undefined) continue;
    const [first] = instructionsOfKey(disk, idempotencyKey);
    if ((first?.batch ?? batches.get(idempotencyKey) ?? batch) !== batch) {
      throw new MyelinError(
        "ALREADY_EXISTS",
        `idempotency key ${idempotencyKey} is another call's`,
      );
    }
    batches.set(idempotencyKey, batch);
  }
  makeRoom(disk, disk.instructions.size + records.length - maxInstructions, maxInstructions);
  for (const record of records) {
    disk.instructions.set(record.id, record);
    if (record.idempotencyKey === undefined) continue;
    const bearers = disk.idsByKey.get(record.idempotencyKey);
    if (bearers === undefined) disk.idsByKey.set(record.idempotencyKey, [record.id]);
    else bearers.push(record.id);
  }
}

/** The instructions accepted with an idempotency key, in the order of acceptance. */
export function instructionsOfKey(disk: MemoryDisk, idempotencyKey: string): InstructionRecord[] {
  const ids = disk.idsByKey.get(idempotencyKey) ?? [];
  return ids.flatMap((id) => disk.instructions.get(id) ?? []);
}

function dropInstruction(disk: MemoryDisk, { id, idempotencyKey }: InstructionRecord): void {
  disk.instructions.delete(id);
  if (idempotencyKey !== undefined && instructionsOfKey(disk, idempotencyKey).length === 0) {
    disk.idsByKey.delete(idempotencyKey);
  }
}

/** Drops the oldest ended instructions to make room. @throws MyelinError RESOURCE_EXHAUSTED */
function makeRoom(disk: MemoryDisk, excess: number, maxInstructions: number): void {
  if (excess <= 0) return;
  const ended = [...disk.instructions.values()].filter(({ status }) => isEnded(status));
  if (ended.length < excess) {
    throw new MyelinError("RESOURCE_EXHAUSTED", `${maxInstructions} instructions are kept`, {
      hint: "Wait for open instructions to end, or raise maxInstructions.",
    });
  }
  for (const record of ended.slice(0, excess)) dropInstruction(disk, record);
}

/** Notes changes; ids that are not kept are passed over. */
export function changeInstructions(disk: MemoryDisk, changes: readonly InstructionChange[]): void {
  for (const change of changes) {
    const kept = disk.instructions.get(change.id);
    if (kept !== undefined) disk.instructions.set(change.id, { ...kept, ...change });
  }
}

/** Drops instructions that ended before `beforeUs`. */
export function pruneInstructions(disk: MemoryDisk, beforeUs: number): void {
  for (const record of [...disk.instructions.values()]) {
    const { status, endedAtUs } = record;
    if (isEnded(status) && endedAtUs !== undefined && endedAtUs < beforeUs)
      dropInstruction(disk, record);
  }
}

/** Appends to the ledger, and drops the oldest beyond its bound. */
export function putEntries(
  disk: MemoryDisk,
  entries: readonly LedgerEntry[],
  maxEntries: number,
): void {
  for (const entry of entries) {
    const { id } = entry.document;
    disk.ledger.delete(id);
    disk.appended += 1;
    disk.ledger.set(id, { sequence: disk.appended, endedAtUs: timeOf(entry.document), entry });
  }
  for (const id of disk.ledger.keys()) {
    if (disk.ledger.size <= maxEntries) break;
    disk.ledger.delete(id);
  }
}

/** When an entry ended, or was created, in microseconds. */
function timeOf(document: InstructionDocument): number {
  return parseTime(document.endedAt ?? document.createdAt);
}

/** @throws MyelinError INVALID_ARGUMENT */
export function findEntries(disk: MemoryDisk, query: LedgerQuery): LedgerPage {
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > 1000) {
    throw new MyelinError("INVALID_ARGUMENT", "limit must be a whole number from 1 to 1000");
  }
  if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) {
    throw new MyelinError("INVALID_ARGUMENT", "the cursor is not one of this ledger's");
  }
  const from = query.cursor === undefined ? undefined : Number(query.cursor);
  const matches = [...disk.ledger.values()].filter((kept) => isMatch(kept, query));
  const ordered = query.newestFirst ? matches.reverse() : matches;
  const rest = ordered.filter(
    ({ sequence }) => from === undefined || (query.newestFirst ? sequence < from : sequence > from),
  );
  const page = rest.slice(0, query.limit);
  const last = page.at(-1);
  const isAtEnd = query.newestFirst && rest.length === page.length;
  const cursor = last === undefined ? query.cursor : String(last.sequence);
  return {
    entries: page.map(({ entry }) => entry),
    ...(isAtEnd || cursor === undefined ? {} : { cursor }),
  };
}

function isMatch({ entry: { document }, endedAtUs }: KeptEntry, query: LedgerQuery): boolean {
  return (
    (query.agent === undefined || document.agent === query.agent) &&
    (query.rule === undefined || document.rule === query.rule) &&
    (query.status === undefined || document.status === query.status) &&
    (query.sinceUs === undefined || endedAtUs >= query.sinceUs) &&
    (query.untilUs === undefined || endedAtUs < query.untilUs)
  );
}

/** Appends to the audit, and drops what is past its retention. */
export function putAudit(disk: MemoryDisk, entries: readonly AuditEntry[]): void {
  for (const entry of entries) disk.audit.push({ ...entry, sequence: ++disk.audited });
  const oldestUs = (disk.audit.at(-1)?.timeUs ?? 0) - auditRetention.maxAgeUs;
  const leastSequence = disk.audited - auditRetention.maxEntries;
  let past = 0;
  for (const { sequence, timeUs } of disk.audit) {
    if (sequence > leastSequence && timeUs >= oldestUs) break;
    past++;
  }
  disk.audit.splice(0, past);
}

/** @throws MyelinError INVALID_ARGUMENT */
export function findAudit(disk: MemoryDisk, query: AuditQuery): KeptAuditEntry[] {
  const { actor, act, subject, outcome, sinceUs, untilUs, before, limit } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new MyelinError("INVALID_ARGUMENT", "limit must be a whole number from 1 to 1000");
  }
  const matches = disk.audit.filter(
    (entry) =>
      (before === undefined || entry.sequence < before) &&
      (actor === undefined || entry.actor === actor) &&
      (act === undefined || entry.act === act) &&
      (subject === undefined || entry.subject === subject) &&
      (outcome === undefined || entry.outcome === outcome) &&
      (sinceUs === undefined || entry.timeUs >= sinceUs) &&
      (untilUs === undefined || entry.timeUs < untilUs),
  );
  return matches.reverse().slice(0, limit);
}
