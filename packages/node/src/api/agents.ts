import { MyelinError } from "@myelin/core/errors";
import { parseAgentId } from "@myelin/core/ids";
import { formatTime } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import { compileSelector, type RuleProblem } from "@myelin/core/rules";
import type { Dispatch } from "../dispatch/index.ts";
import type { AgentRuleState, LatestSample } from "../engine/index.ts";
import type { Agent, Registry } from "../registry/index.ts";
import type { PartSession, SessionStation } from "../session/index.ts";
import { queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, json } from "./router.ts";

/** What the engine and the twins know of an agent. */
export interface AgentInsight {
  latest(slot: number): readonly LatestSample[];
  ruleStates(slot: number): readonly AgentRuleState[];
  twin(agent: Agent): JsonObject;
}

export interface AgentsApiOptions {
  readonly registry: Pick<Registry, "all" | "forget" | "get">;
  readonly sessions: Pick<SessionStation, "of">;
  readonly dispatch: Dispatch;
  readonly insight: AgentInsight;
  readonly nowUs: () => number;
}

/** Agents that a selector matches; all without one. @throws MyelinError INVALID_ARGUMENT */
export function selectAgents(registry: Pick<Registry, "all">, where: string | undefined): Agent[] {
  if (where === undefined) return [...registry.all()];
  const selector = compileSelector(where);
  if (selector.ok)
    return [...registry.all()].filter((agent) => selector.matches(agent.attributes) === 1);
  throw selectorError(where, selector.problems);
}

/** The error for a selector that cannot be read. */
export function selectorError(where: string, [problem]: readonly RuleProblem[]): MyelinError {
  return new MyelinError(
    "INVALID_ARGUMENT",
    `the selector is not valid: ${problem?.message ?? where}`,
    problem?.hint === undefined ? {} : { hint: problem.hint },
  );
}

export class AgentsApi {
  readonly #options: AgentsApiOptions;

  constructor(options: AgentsApiOptions) {
    this.#options = options;
  }

  /** GET /agents?where=&limit=&cursor= : by id */
  readonly list: ApiHandler = ({ http }) => {
    requireKnown(http.query, ["where", "limit", "cursor"]);
    const limit = queryInteger(http.query, "limit", 1, 10_000, 1000);
    const after = http.query.get("cursor") ?? "";
    const agents = selectAgents(this.#options.registry, http.query.get("where") ?? undefined)
      .filter(({ id }) => id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = agents.slice(0, limit);
    const cursor = agents.length > limit ? page.at(-1)?.id : undefined;
    return json({
      agents: page.map((agent) => this.#summary(agent)),
      ...(cursor === undefined ? {} : { cursor }),
    });
  };

  /** GET /agents/:id */
  readonly get: ApiHandler = ({ parameters }) => {
    const agent = this.#known(parameters["id"] ?? "");
    const { insight, dispatch } = this.#options;
    const metrics: Record<string, JsonObject> = Object.create(null);
    const { slot } = agent;
    if (slot !== undefined) {
      for (const { metric, value, timeUs } of insight.latest(slot)) {
        metrics[metric] = { value: jsonNumber(value), time: formatTime(timeUs) };
      }
    }
    return json({
      ...this.#summary(agent),
      firstSeen: formatTime(agent.firstSeenUs),
      metrics,
      twin: insight.twin(agent),
      rules: slot === undefined ? [] : insight.ruleStates(slot).map(ruleStateDocument),
      outstanding: dispatch.outstandingOf(agent.id),
      openBreakers: dispatch.openBreakersOf(agent.id),
    });
  };

  /** DELETE /agents/:id */
  readonly forget: ApiHandler = async ({ parameters }) => {
    const agent = this.#known(parameters["id"] ?? "");
    await this.#options.registry.forget(agent.id);
    return json({ id: agent.id, forgotten: true });
  };

  #known(id: string): Agent {
    const agent = this.#options.registry.get(parseAgentId(id));
    if (agent !== undefined) return agent;
    throw new MyelinError("NOT_FOUND", `no agent ${JSON.stringify(id)} is known`, {
      hint: "List the agents with `myelin agents`.",
    });
  }

  #summary(agent: Agent): JsonObject {
    const nowUs = this.#options.nowUs();
    const sessions = this.#options.sessions.of(agent);
    const parts = [...agent.parts.values()].map((part) => {
      const session = sessions.get(part.name);
      return {
        name: part.name,
        state: stateOf(session, nowUs),
        hold: part.hold,
        incarnation: part.incarnation,
        actions: [...part.actions.keys()],
        sdk: `${part.sdkName}/${part.sdkVersion}`,
        lastSeen: formatTime(session?.lastHeardUs ?? part.lastSeenUs),
        rttUs:
          session?.clockOffset.hasExchange === true ? Math.round(session.clockOffset.rttUs) : null,
        droppedSamples: session?.droppedSamples ?? 0,
        droppedEvents: session?.droppedEvents ?? 0,
        throttled: session?.throttled ?? 0,
      };
    });
    const isLive = [...sessions.values()].some((session) => session.isLive);
    return {
      id: agent.id,
      type: agent.attributes.type,
      tier: agent.attributes.tier,
      labels: { ...agent.attributes.labels },
      capabilities: agent.attributes.capabilities,
      state: isLive ? "live" : agent.slot === undefined ? "gone" : "away",
      lastSeen: formatTime(agent.lastSeenUs),
      parts,
    };
  }
}

function stateOf(session: PartSession | undefined, nowUs: number): string {
  if (session === undefined) return "gone";
  if (!session.isLive) return "away";
  if (session.part.hold !== "running") return session.part.hold;
  return session.answers(nowUs) ? "live" : "hung";
}

/** A rule's state for an agent, with its instants as people read them. */
function ruleStateDocument(state: AgentRuleState): JsonObject {
  const { sinceUs, cooldownUntilUs } = state;
  return {
    rule: state.rule,
    state: state.state,
    isMatching: state.isMatching,
    ...(sinceUs === undefined ? {} : { since: formatTime(sinceUs) }),
    ...(state.attempt === undefined ? {} : { attempt: state.attempt }),
    ...(cooldownUntilUs === undefined || !Number.isFinite(cooldownUntilUs)
      ? {}
      : { cooldownUntil: formatTime(cooldownUntilUs) }),
  };
}

/** JSON knows no infinities and no NaN: they are written as text. */
function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
