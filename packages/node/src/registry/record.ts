import { FewMap } from "../few/index.ts";
import {
  type PartName,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parsePartName,
} from "@myelin/core/ids";
import type { AgentRecord, PartRecord } from "../ports/store.ts";
import { type Agent, type DeclaredAttributes, type Part, uniteAttributes } from "./agent.ts";

/** An agent as it is kept on disk. */
export function recordOf(agent: Agent): AgentRecord {
  const { id, attributes, firstSeenUs, lastSeenUs } = agent;
  return {
    id,
    type: attributes.type,
    tier: attributes.tier,
    labels: attributes.labels,
    capabilities: attributes.capabilities,
    firstSeenUs,
    lastSeenUs,
    parts: [...agent.parts.values()].map((part) => ({
      name: part.name,
      incarnation: part.incarnation,
      timeLine: part.timeLine,
      actions: [...part.actions].map(([name, { isIdempotent }]) => ({ name, isIdempotent })),
      sdkName: part.sdkName,
      sdkVersion: part.sdkVersion,
      lastSeenUs: part.lastSeenUs,
    })),
  };
}

/** An agent as it was kept. @throws MyelinError INVALID_ARGUMENT when it is none */
export function agentOfRecord(record: AgentRecord): Agent {
  const { type, tier, labels, capabilities, firstSeenUs, lastSeenUs } = record;
  const declared = { type, tier, labels, capabilities, isRestored: true };
  const parts = new FewMap<PartName, Part>();
  for (const stored of record.parts) {
    const part = partOfRecord(stored, parts.size + 1, declared);
    parts.set(part.name, part);
  }
  const id = parseAgentId(record.id);
  const attributes = uniteAttributes(id, parts.values());
  return { id, slot: undefined, attributes, parts, firstSeenUs, lastSeenUs };
}

function partOfRecord(stored: PartRecord, index: number, declared: DeclaredAttributes): Part {
  return {
    name: parsePartName(stored.name),
    index,
    incarnation: parseIncarnation(stored.incarnation),
    timeLine: stored.timeLine,
    actions: new Map(
      stored.actions.map(({ name, isIdempotent }) => [parseActionName(name), { isIdempotent }]),
    ),
    sdkName: stored.sdkName,
    sdkVersion: stored.sdkVersion,
    lastSeenUs: stored.lastSeenUs,
    actionsFollow: false,
    hold: "running",
    steps: 0,
    declared,
  };
}
