import { type AgentId, parseAgentId, parseRuleName, type RuleName } from "@myelin/core/ids";
import type { InstructionEpisode } from "../instruction/index.ts";
import type { EpisodeRecord } from "../ports/store.ts";

/** What is known of an agent and rule: its latest episode that has acted, and what is pending. */
export interface Row {
  readonly agent: AgentId;
  readonly rule: RuleName;
  meaningVersion: number;
  timeLine: string;
  startedAtUs: number;
  /** 0 while no episode has acted. */
  attempt: number;
  recipient: EpisodeRecord["recipient"] | undefined;
  end: EpisodeRecord["end"] | undefined;
  isOver: boolean;
  pending: EpisodeRecord["pending"] | undefined;
  appliedUntilUs: EpisodeRecord["appliedUntilUs"];
  /** True until the agent is back after the node's start. */
  isWaiting: boolean;
  isForgotten: boolean;
  /** When a row that is over may be forgotten. */
  keptUntilUs: number;
}

export function emptyRow(agent: AgentId, rule: RuleName): Row {
  return {
    agent,
    rule,
    meaningVersion: 0,
    timeLine: "",
    startedAtUs: 0,
    attempt: 0,
    recipient: undefined,
    end: undefined,
    isOver: true,
    pending: undefined,
    appliedUntilUs: {},
    isWaiting: false,
    isForgotten: false,
    keptUntilUs: Number.POSITIVE_INFINITY,
  };
}

/** The row of an agent that is not back. */
export function rowOf({ agent, rule, ...record }: EpisodeRecord): Row {
  const row = emptyRow(parseAgentId(agent), parseRuleName(rule));
  return Object.assign(row, record, { isWaiting: true });
}

export function recordOf(row: Row): EpisodeRecord {
  const { agent, rule, meaningVersion, timeLine, startedAtUs, attempt } = row;
  const { recipient, end, isOver, pending, appliedUntilUs } = row;
  return {
    agent,
    rule,
    meaningVersion,
    timeLine,
    startedAtUs,
    attempt,
    ...(recipient === undefined ? {} : { recipient }),
    ...(end === undefined ? {} : { end }),
    isOver,
    ...(pending === undefined ? {} : { pending }),
    appliedUntilUs,
  };
}

/** True when the row tells of nothing but what is pending. */
export function hasNotActed(row: Row): boolean {
  return row.attempt === 0;
}

/** True for an instruction that is not earlier than what the row tells of. */
export function isNews(row: Row, { startedAtUs, attempt }: InstructionEpisode): boolean {
  if (startedAtUs !== row.startedAtUs) return startedAtUs > row.startedAtUs;
  return attempt >= row.attempt;
}
