import { MyelinError } from "@myelin/core/errors";
import {
  type ActionName,
  type AgentId,
  type Incarnation,
  type PartName,
  parseActionName,
  parseAgentId,
  parseIncarnation,
  parsePartName,
} from "@myelin/core/ids";
import type { Hello } from "@myelin/core/wire";
import type { ActionInfo, DeclaredAttributes } from "./agent.ts";

/** What a hello says of a part, checked and bounded. */
export interface Declaration {
  readonly agent: AgentId;
  readonly part: PartName;
  readonly incarnation: Incarnation;
  readonly timeLine: string;
  readonly actions: ReadonlyMap<ActionName, ActionInfo>;
  readonly actionsFollow: boolean;
  readonly sdkName: string;
  readonly sdkVersion: string;
  readonly attributes: DeclaredAttributes;
}

const maxLabels = 64;
const maxCapabilities = 64;
const maxActions = 256;
const maxTextLength = 256;
const printable = /^[\x20-\x7e]*$/;

/** Reads what a hello declares. @throws MyelinError INVALID_ARGUMENT */
export function declarationOf(hello: Hello): Declaration {
  return {
    agent: parseAgentId(hello.agentId),
    part: parsePartName(hello.part),
    incarnation: parseIncarnation(hello.incarnation),
    timeLine: parseTimeLine(hello.timeLine),
    actions: actionsOf(hello),
    actionsFollow: hello.actionsFollow,
    sdkName: bounded("the SDK's name", hello.sdk?.name ?? ""),
    sdkVersion: bounded("the SDK's version", hello.sdk?.version ?? ""),
    attributes: attributesOf(hello),
  };
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseTimeLine(text: string): string {
  if (printable.test(text)) return bounded("the name of a time line", text);
  throw new MyelinError("INVALID_ARGUMENT", "the name of a time line is not printable ASCII");
}

function bounded(what: string, text: string): string {
  if (text.length <= maxTextLength) return text;
  throw new MyelinError("INVALID_ARGUMENT", `${what} is longer than ${maxTextLength} characters`);
}

function requireFewer(count: number, most: number, what: string): void {
  if (count > most) throw new MyelinError("INVALID_ARGUMENT", `more than ${most} ${what}`);
}

function attributesOf(hello: Hello): DeclaredAttributes {
  const entries = Object.entries(hello.labels);
  requireFewer(entries.length, maxLabels, "labels");
  requireFewer(hello.capabilities.length, maxCapabilities, "capabilities");
  // Without a prototype a label may have any name.
  const labels: Record<string, string> = Object.create(null);
  for (const [name, value] of entries)
    labels[bounded("a label's name", name)] = bounded("a label's value", value);
  return {
    type: bounded("the agent's type", hello.agentType),
    tier: bounded("the agent's tier", hello.tier),
    labels,
    capabilities: hello.capabilities.map((capability) => bounded("a capability", capability)),
  };
}

function actionsOf(hello: Hello): ReadonlyMap<ActionName, ActionInfo> {
  requireFewer(hello.actions.length, maxActions, "actions");
  return new Map(
    hello.actions.map(({ name, isIdempotent }) => [parseActionName(name), { isIdempotent }]),
  );
}
