import { MyelinError } from "@myelin/core/errors";
import { parseAgentId, parsePartName, type RuleName } from "@myelin/core/ids";
import { formatTime } from "@myelin/core/instruction";
import type { AgentsApiOptions } from "./agents.ts";
import { queryInteger, requireKnown } from "./fields.ts";
import { type ApiHandler, json } from "./router.ts";

export interface BreakersApiOptions extends Pick<AgentsApiOptions, "dispatch" | "registry"> {
  /** The rules whose breakers are open. */
  readonly openRuleBreakers: () => readonly RuleName[];
}

export class BreakersApi {
  readonly #options: BreakersApiOptions;

  constructor(options: BreakersApiOptions) {
    this.#options = options;
  }

  /** GET /breakers?limit= : those that are open, of rules and of parts of agents */
  readonly list: ApiHandler = ({ http }) => {
    requireKnown(http.query, ["limit"]);
    const limit = queryInteger(http.query, "limit", 1, 10_000, 1000);
    const { dispatch, openRuleBreakers } = this.#options;
    const parts = dispatch.openBreakers();
    const rules = openRuleBreakers();
    return json({
      counts: { rules: rules.length, parts: parts.length },
      rules: rules.slice(0, limit).map((rule) => ({ rule })),
      parts: parts.slice(0, limit).map(({ agent, part, triesAtUs }) => ({
        agent,
        part,
        state: triesAtUs === undefined ? "trying" : "open",
        triesAt: triesAtUs === undefined ? null : formatTime(triesAtUs),
      })),
    });
  };

  /** POST /agents/:id/parts/:part/breaker/close */
  readonly closeOfPart: ApiHandler = ({ parameters, note }) => {
    const { id = "", part = "" } = parameters;
    note.details = { part };
    const agent = this.#options.registry.get(parseAgentId(id));
    if (agent === undefined) {
      throw new MyelinError("NOT_FOUND", `no agent ${JSON.stringify(id)} is known`, {
        hint: "List the agents with `myelin agents`.",
      });
    }
    const name = parsePartName(part);
    if (!agent.parts.has(name)) {
      throw new MyelinError("NOT_FOUND", `agent ${agent.id} has no part ${JSON.stringify(part)}`, {
        hint: `Its parts are ${[...agent.parts.keys()].join(", ")}.`,
      });
    }
    const wasOpen = this.#options.dispatch.closeBreaker(agent.id, name);
    return json({ agent: agent.id, part: name, wasOpen });
  };
}
