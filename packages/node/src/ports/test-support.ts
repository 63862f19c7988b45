import type { InstructionStatus } from "@myelin/core/instruction";
import type {
  AgentRecord,
  EpisodeRecord,
  InstructionRecord,
  LedgerEntry,
  RuleRecord,
} from "./store.ts";

/** Whole microseconds of now, so that nothing is old enough to be pruned. */
export const nowUs: number = Date.now() * 1000;

export function agentRecord(id: string, changes: Partial<AgentRecord> = {}): AgentRecord {
  return {
    id,
    type: "worker",
    tier: "edge",
    labels: { zone: "a" },
    capabilities: ["hash"],
    parts: [
      {
        name: "app",
        incarnation: "i1",
        timeLine: "i1.0",
        actions: [{ name: "restart", isIdempotent: true }],
        sdkName: "@myelin/agent",
        sdkVersion: "0.1.0",
        lastSeenUs: nowUs,
      },
    ],
    firstSeenUs: nowUs - 5e6,
    lastSeenUs: nowUs,
    ...changes,
  };
}

export function ruleRecord(
  name: string,
  version: number,
  changes: Partial<RuleRecord> = {},
): RuleRecord {
  return {
    name,
    version,
    meaningVersion: 1,
    source: { name, expr: "cpu_usage > 0.9", for: "10s", action: "restart", args: { grace: 1 } },
    createdAtUs: nowUs,
    actor: "token:ops",
    isDeleted: false,
    ...changes,
  };
}

export function episodeRecord(
  agent: string,
  rule: string,
  changes: Partial<EpisodeRecord> = {},
): EpisodeRecord {
  return {
    agent,
    rule,
    meaningVersion: 2,
    timeLine: "app/i1/i1.0/0",
    startedAtUs: nowUs,
    attempt: 1,
    end: { succeeded: true, endedAtUs: nowUs + 0.5 },
    isOver: false,
    appliedUntilUs: { "app/i1/i1.0": nowUs - 7 },
    ...changes,
  };
}

export function instructionRecord(
  id: string,
  changes: Partial<InstructionRecord> = {},
): InstructionRecord {
  return {
    id,
    batch: "b1",
    agent: "w1",
    action: "restart",
    args: { reason: "täglich", delays: [1, 2.5, null], isForced: false },
    priority: 5,
    actor: "token:ops",
    createdAtUs: nowUs,
    deadlineUs: nowUs + 10e6,
    timeoutUs: 5e6,
    status: "accepted",
    isDurable: true,
    ...changes,
  };
}

export interface EntryChanges {
  readonly agent?: string;
  readonly rule?: string | null;
  readonly status?: InstructionStatus;
  readonly endedAtUs?: number;
}

export function ledgerEntry(id: string, changes: EntryChanges = {}): LedgerEntry {
  const endedAtUs = changes.endedAtUs ?? nowUs;
  const isoTime = (timeUs: number): string => new Date(timeUs / 1000).toISOString();
  return {
    document: {
      id,
      agent: changes.agent ?? "w1",
      part: "app",
      rule: changes.rule === undefined ? "hot" : changes.rule,
      ruleVersion: 3,
      action: "restart",
      args: {},
      priority: 5,
      status: changes.status ?? "executed",
      createdAt: isoTime(endedAtUs - 2e3),
      deadline: isoTime(endedAtUs + 1e6),
      endedAt: isoTime(endedAtUs),
      attempt: 1,
      actor: "rule:hot",
      result: { pid: 17 },
      stagesUs: { collect: 10.5, ingest: 3, compute: 1, rule: 1, dispatch: 12, execute: null },
      totalUs: 2000,
      withinSla: true,
    },
    nodeUs: 17.5,
  };
}
