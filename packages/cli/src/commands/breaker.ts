import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell, numberOf, objectsOf, table } from "../output/index.ts";

interface BreakerFlags extends NodeFlags {
  readonly json: boolean;
}

interface CloseFlags extends BreakerFlags {
  readonly rule?: string;
  readonly agent?: string;
  readonly part?: string;
}

const flags = { ...nodeFlags, ...jsonFlag } as const;

const list: Command<CliContext> = buildCommand<BreakerFlags, [], CliContext>({
  docs: { brief: "List the breakers that are open: of rules, and over parts of agents" },
  parameters: { flags },
  async func(given) {
    const answer = await clientOf(this, given).get("/api/v1/breakers");
    if (given.json) {
      print(this, answer);
      return;
    }
    const rows = [
      ...objectsOf(answer["rules"]).map(({ rule }) => [`rule ${cell(rule)}`, "open", "-"]),
      ...objectsOf(answer["parts"]).map(partRow),
    ];
    if (rows.length === 0) print(this, "no breaker is open\n");
    else print(this, table([["OVER", "STATE", "TRIES AT"], ...rows]));
    const missing = countOf(answer) - rows.length;
    if (missing > 0) this.process.stderr.write(`${missing} more are open\n`);
  },
});

function partRow({ agent, part, state, triesAt }: JsonObject): string[] {
  return [`agent ${cell(agent)} part ${cell(part)}`, cell(state), cell(triesAt)];
}

function countOf({ counts }: JsonObject): number {
  if (!isJsonObject(counts)) return 0;
  return (numberOf(counts["rules"]) ?? 0) + (numberOf(counts["parts"]) ?? 0);
}

const close: Command<CliContext> = buildCommand<CloseFlags, [], CliContext>({
  docs: { brief: "Close a breaker by hand: of a rule, or over a part of an agent" },
  parameters: {
    flags: {
      ...flags,
      rule: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "The rule",
        placeholder: "NAME",
      },
      agent: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "The agent",
        placeholder: "ID",
      },
      part: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Which part of the agent (default app)",
        placeholder: "PART",
      },
    },
  },
  async func({ rule, agent, part, ...given }) {
    const { path, over } = targetOf({ rule, agent, part });
    const answer = await clientOf(this, given).post(path, {});
    const text = answer["wasOpen"] === true ? "is closed" : "was not open";
    print(this, given.json ? answer : `the breaker of ${over} ${text}\n`);
  },
});

/** Which breaker is meant. @throws MyelinError INVALID_ARGUMENT */
function targetOf({
  rule,
  agent,
  part,
}: { readonly [Name in "rule" | "agent" | "part"]: string | undefined }): {
  readonly path: string;
  readonly over: string;
} {
  if ((rule === undefined) === (agent === undefined) || (rule !== undefined && part !== undefined))
    throw new MyelinError("INVALID_ARGUMENT", "it is not said which breaker to close", {
      hint: "Give either --rule NAME, or --agent ID and --part PART; `myelin breaker list` lists them.",
    });
  if (rule !== undefined)
    return {
      path: `/api/v1/rules/${encodeURIComponent(rule)}/breaker/close`,
      over: `rule ${rule}`,
    };
  const [id, name] = [agent ?? "", part ?? "app"];
  return {
    path: `/api/v1/agents/${encodeURIComponent(id)}/parts/${encodeURIComponent(name)}/breaker/close`,
    over: `part ${name} of agent ${id}`,
  };
}

/** `myelin breaker …` */
export const breakerRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "List the breakers that are open, and close them by hand" },
  routes: { list, close },
});
