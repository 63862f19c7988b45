import { formatTime, type InstructionDocument } from "@myelin/core/instruction";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { MyelinError } from "@myelin/core/errors";
import type { AgentRuleState, RuleStatus } from "../engine/index.ts";
import type { LatencyFigures, Ledger } from "../ledger/index.ts";
import type { Agent } from "../registry/index.ts";
import type { RuleEntry } from "../rules/index.ts";
import type { OverloadFigures } from "../scheduler/index.ts";
import type { SessionStation } from "../session/index.ts";
import type { Watch } from "../watch/index.ts";
import type { AgentsApiOptions } from "./agents.ts";
import { queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, json } from "./router.ts";
import type { RulesApiOptions } from "./rules.ts";

/** What the node's process is busy with, over the last second. */
export interface Load {
  readonly samplesPerSecond: number;
  readonly framesPerSecond: number;
  /** Bytes of frames received. */
  readonly bytesPerSecond: number;
  /** Instructions ended. */
  readonly instructionsPerSecond: number;
  /** Share of one core that the process used; more than 1 with its threads. */
  readonly cpu: number;
  /** Share of the time in which the loop was busy, 0 to 1. */
  readonly eventLoop: number;
  readonly memoryBytes: number;
}

/** The load of a node that nobody measures. */
export const idleLoad: Load = {
  samplesPerSecond: 0,
  framesPerSecond: 0,
  bytesPerSecond: 0,
  instructionsPerSecond: 0,
  cpu: 0,
  eventLoop: 0,
  memoryBytes: 0,
};

export interface TopApiOptions
  extends Pick<AgentsApiOptions, "registry" | "dispatch" | "nowUs">,
    Pick<RulesApiOptions, "book"> {
  readonly sessions: Pick<SessionStation, "of" | "sessionCount" | "connectionCount">;
  readonly status: (entry: RuleEntry) => RuleStatus | undefined;
  readonly insight: TopInsight;
  readonly ledger: Ledger;
  readonly watch: Watch;
  readonly load: () => Load;
  readonly overload: () => OverloadFigures;
  readonly describeNode: () => unknown;
  /** Calls back in a later turn of the loop. */
  readonly defer: (callback: () => void) => void;
}

/** What the engine knows of one agent. */
export interface TopInsight {
  ruleStates(slot: number): readonly AgentRuleState[];
  /** Latest value of a metric; NaN when unknown. */
  value(slot: number, metric: string): number;
}

/** How an agent is, the worst of its parts first in this order. */
export const agentStates = ["hung", "away", "live", "gone"] as const;
type AgentState = (typeof agentStates)[number];

interface Row {
  readonly agent: Agent;
  readonly state: AgentState;
  readonly cpu: number;
  readonly silenceUs: number;
}

const sorts: Readonly<Record<string, (a: Row, b: Row) => number>> = {
  state: (a, b) =>
    agentStates.indexOf(a.state) - agentStates.indexOf(b.state) || byCpu(a, b) || byId(a, b),
  cpu: (a, b) => byCpu(a, b) || byId(a, b),
  age: (a, b) => b.silenceUs - a.silenceUs || byId(a, b),
  id: (a, b) => byId(a, b),
};

function byId(a: Row, b: Row): number {
  return a.agent.id < b.agent.id ? -1 : 1;
}

/** Highest first, unknown last. */
function byCpu(a: Row, b: Row): number {
  const [one, other] = [a.cpu, b.cpu].map((cpu) => (Number.isNaN(cpu) ? -1 : cpu));
  return (other ?? -1) - (one ?? -1);
}

/** Agents, or rules, looked at in one turn of the loop. */
const looksPerTurn = { agents: 256, rules: 8 };

export class TopApi {
  readonly #options: TopApiOptions;

  constructor(options: TopApiOptions) {
    this.#options = options;
  }

  /** GET /top?agents=&rules=&instructions=&sort= : what there is to see of the node now */
  readonly get: ApiHandler = async ({ http: { query } }) => {
    requireKnown(query, ["agents", "rules", "instructions", "sort"]);
    const agents = queryInteger(query, "agents", 0, 1000, 50);
    const rules = queryInteger(query, "rules", 0, 1000, 20);
    const instructions = queryInteger(query, "instructions", 0, 64, 20);
    const compare = sortOf(query.get("sort") ?? "state");
    const { ledger, nowUs, describeNode, overload, watch } = this.#options;
    const figures = ledger.figures();
    return json({
      time: formatTime(nowUs()),
      node: shortDescription(describeNode()),
      load: this.#load(),
      overload: overload(),
      latencyUs: { total: quantiles(figures.totalUs), node: quantiles(figures.nodeUs) },
      counts: figures.counts,
      agents: await this.#agents(agents, compare),
      rules: await this.#rules(rules),
      instructions: watch.latestEnded.take(instructions) satisfies readonly InstructionDocument[],
    });
  };

  #load(): JsonObject {
    const { load, sessions, dispatch, watch } = this.#options;
    return {
      ...load(),
      sessions: sessions.sessionCount,
      connections: sessions.connectionCount,
      openInstructions: dispatch.openCount,
      watchers: watch.watcherCount,
    };
  }

  async #agents(count: number, compare: (a: Row, b: Row) => number): Promise<unknown> {
    const counts: Record<AgentState, number> = { live: 0, hung: 0, away: 0, gone: 0 };
    const rows: Row[] = [];
    const nowUs = this.#options.nowUs();
    await this.#each(this.#options.registry.all(), looksPerTurn.agents, (agent) => {
      const row = this.#row(agent, nowUs);
      counts[row.state] += 1;
      if (row.state !== "gone") rows.push(row);
    });
    const shown = rows.sort(compare).slice(0, count);
    return { ...counts, shown: shown.map((row) => this.#document(row)) };
  }

  #row(agent: Agent, nowUs: number): Row {
    const { slot } = agent;
    let [silenceUs, isLive, isHung] = [0, false, false];
    for (const session of this.#options.sessions.of(agent).values()) {
      const isRunning = session.part.hold === "running";
      if (isRunning) silenceUs = Math.max(silenceUs, session.silenceUs(nowUs));
      if (!session.isLive) continue;
      isLive = true;
      if (isRunning && !session.answers(nowUs)) isHung = true;
    }
    const present = isLive ? (isHung ? "hung" : "live") : "away";
    return {
      agent,
      silenceUs,
      state: slot === undefined ? "gone" : present,
      cpu: slot === undefined ? Number.NaN : this.#options.insight.value(slot, "cpu_usage"),
    };
  }

  #document({ agent, state, cpu, silenceUs }: Row): JsonObject {
    const { slot } = agent;
    const { insight, dispatch } = this.#options;
    const states = slot === undefined ? [] : insight.ruleStates(slot);
    return {
      id: agent.id,
      type: agent.attributes.type,
      state,
      parts: [...agent.parts.keys()],
      cpu: Number.isFinite(cpu) ? cpu : null,
      heartbeatAgeSeconds: Math.round(silenceUs / 1000) / 1000,
      firing: states.filter((rule) => rule.state === "firing").map(({ rule }) => rule),
      outstanding: dispatch.outstandingOf(agent.id),
    };
  }

  /** Rules that do something first: those that fire on most agents, then by name. */
  async #rules(count: number): Promise<unknown> {
    const rows: { readonly name: string; readonly status: RuleStatus; readonly mode: string }[] =
      [];
    await this.#each(this.#options.book.list(), looksPerTurn.rules, (entry) => {
      const status = this.#options.status(entry);
      const { name, mode } = entry.plan;
      if (status !== undefined) rows.push({ name, mode, status });
    });
    rows.sort(
      (a, b) =>
        b.status.firing - a.status.firing ||
        b.status.pending - a.status.pending ||
        b.status.firings - a.status.firings ||
        (a.name < b.name ? -1 : 1),
    );
    return rows.slice(0, count).map(({ name, mode, status }) => ({
      name,
      mode,
      firing: status.firing,
      pending: status.pending,
      matching: status.matching,
      firings: status.firings,
      isBreakerOpen: status.isBreakerOpen,
    }));
  }

  /** Looks at each, `perTurn` of them in one turn of the loop. */
  async #each<Item>(
    items: Iterable<Item>,
    perTurn: number,
    look: (item: Item) => void,
  ): Promise<void> {
    let count = 0;
    for (const item of items) {
      if (count > 0 && count % perTurn === 0)
        await new Promise<void>((resolve) => this.#options.defer(resolve));
      look(item);
      count += 1;
    }
  }
}

const described = ["id", "tier", "version", "uptimeSeconds", "state", "enforcement"];

/** What the view shows of the node's description. */
function shortDescription(description: unknown): JsonObject {
  const entries = isJsonObject(description) ? Object.entries(description) : [];
  return Object.fromEntries(entries.filter(([name]) => described.includes(name)));
}

export function quantiles({ count, p50, p99 }: LatencyFigures): JsonObject {
  return { count, p50, p99 };
}

function sortOf(name: string): (a: Row, b: Row) => number {
  const compare = Object.hasOwn(sorts, name) ? sorts[name] : undefined;
  if (compare !== undefined) return compare;
  throw new MyelinError("INVALID_ARGUMENT", `agents are not sorted by ${JSON.stringify(name)}`, {
    hint: `Sort by ${Object.keys(sorts).join(", ")}.`,
  });
}
