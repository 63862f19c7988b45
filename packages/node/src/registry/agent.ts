import type { Few } from "../few/index.ts";
import type { ActionName, AgentId, Incarnation, PartName } from "@myelin/core/ids";
import type { AgentAttributes } from "@myelin/core/rules";

/** How a part is held by another part of its agent. */
export type Hold = "running" | "paused" | "throttled";

/** What a part declared about one of the actions it handles. */
export interface ActionInfo {
  readonly isIdempotent: boolean;
}

/** One of the programs that together are an agent, as the registry knows it. */
export interface Part {
  readonly name: PartName;
  /** Index of the part's time line in the engine. */
  readonly index: number;
  incarnation: Incarnation;
  timeLine: string;
  actions: ReadonlyMap<ActionName, ActionInfo>;
  /** True until the part has told its actions: what it handles is not known yet. */
  actionsFollow: boolean;
  sdkName: string;
  sdkVersion: string;
  /** Node's clock when the part was last heard. */
  lastSeenUs: number;
  hold: Hold;
  /** Steps of its clock that were seen since the node knows it. */
  steps: number;
  /** What the part itself declared; the agent's attributes are the union over its parts. */
  declared: DeclaredAttributes;
}

/** The attributes that one part declares in its hello. */
export interface DeclaredAttributes {
  readonly type: string;
  readonly tier: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  /** True for the agent's attributes of an earlier run of the node, which stand in until the part declares its own. */
  readonly isRestored?: boolean;
}

/** For each rate of an agent the instant, on the node's clock, at which what it has sent is earned. */
export interface Spending {
  framesUs: number;
  samplesUs: number;
  eventsUs: number;
  bytesUs: number;
}

/** An agent the node knows, present or away. */
export interface Agent {
  readonly id: AgentId;
  /** Index of the agent's state in the engine; undefined while no part of it has a session. */
  slot: number | undefined;
  attributes: AgentAttributes;
  readonly parts: Few<PartName, Part>;
  readonly firstSeenUs: number;
  lastSeenUs: number;
  /** Of its rates; undefined until it has a session. */
  spending?: Spending;
}

/** The time line index of what the node itself observes about an agent. */
export const nodePartIndex = 0;

/**
 * Unites what the parts declared: labels and capabilities add up, and where parts differ `app` speaks last
 * and `supervisor` first. What was restored is overridden by all that is declared.
 */
export function uniteAttributes(
  id: AgentId,
  parts: Iterable<Pick<Part, "name" | "declared">>,
): AgentAttributes {
  const ordered = [...parts].sort((a, b) => rank(a) - rank(b));
  const [only] = ordered;
  if (only !== undefined && ordered.length === 1 && isUnited(only.declared)) {
    const { type, tier, labels, capabilities } = only.declared;
    return { id, type, tier, labels, capabilities };
  }
  let type = "";
  let tier = "";
  const labels: Record<string, string> = Object.create(null);
  const capabilities = new Set<string>();
  for (const { declared } of ordered) {
    if (declared.type !== "") type = declared.type;
    if (declared.tier !== "") tier = declared.tier;
    for (const [name, value] of Object.entries(declared.labels)) labels[name] = value;
    for (const capability of declared.capabilities) capabilities.add(capability);
  }
  return { id, type, tier, labels, capabilities: [...capabilities] };
}

/** True for what can be an agent's as it is: its labels have no prototype, no capability is there twice. */
function isUnited({ labels, capabilities }: DeclaredAttributes): boolean {
  return (
    Object.getPrototypeOf(labels) === null && new Set(capabilities).size === capabilities.length
  );
}

function rank({ name, declared }: Pick<Part, "name" | "declared">): number {
  if (declared.isRestored === true) return -1;
  if (name === "app") return 2;
  return name === "supervisor" ? 0 : 1;
}

/** Names the clock of a part between two steps that the part told of; the same in every run of the node. */
export function clockName(part: Pick<Part, "name" | "incarnation" | "timeLine">): string {
  // Joined, a text is in one piece: a template would keep its pieces for as long as the agent is there.
  return [part.name, part.incarnation, part.timeLine].join("/");
}

/** Name of a part's time line, unlike that of any other incarnation or step. */
export function lineName(part: Pick<Part, "name" | "incarnation" | "timeLine" | "steps">): string {
  return [clockName(part), part.steps].join("/");
}

/** The name of the clock that the instants of a time line are read from. */
export function clockNameOf(timeLine: string): string {
  return timeLine.slice(0, Math.max(0, timeLine.lastIndexOf("/")));
}
