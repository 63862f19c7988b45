import { buildCommand, type Command } from "@stricli/core";
import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell, objectsOf, table } from "../output/index.ts";

interface AgentsFlags extends NodeFlags {
  readonly json: boolean;
  readonly where?: string;
}

/** `myelin agents`: the agents a node knows. */
export const agentsCommand: Command<CliContext> = buildCommand<AgentsFlags, [], CliContext>({
  docs: { brief: "List the agents that a node knows" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      where: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: 'Selector in CEL, such as agent.type == "worker"',
      },
    },
  },
  async func(flags) {
    const client = clientOf(this, flags);
    const agents: JsonValue[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.get("/api/v1/agents", { where: flags.where, cursor });
      if (Array.isArray(page["agents"])) agents.push(...page["agents"]);
      cursor = typeof page["cursor"] === "string" ? page["cursor"] : undefined;
    } while (cursor !== undefined);
    if (flags.json) print(this, agents);
    else if (agents.length === 0) print(this, "no agents\n");
    else
      print(
        this,
        table([
          ["AGENT", "TYPE", "STATE", "PARTS", "LABELS", "LAST SEEN"],
          ...agents.filter(isJsonObject).map(row),
        ]),
      );
  },
});

interface AgentFlags extends NodeFlags {
  readonly json: boolean;
  readonly forget: boolean;
}

/** `myelin agent ID`: one agent, with its twin. */
export const agentCommand: Command<CliContext> = buildCommand<AgentFlags, [string], CliContext>({
  docs: { brief: "Show one agent, or forget it" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      forget: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Forget the agent; it must be gone",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "Id of the agent", placeholder: "ID" }],
    },
  },
  async func(flags, id) {
    const client = clientOf(this, flags);
    const path = `/api/v1/agents/${encodeURIComponent(id)}`;
    if (flags.forget) {
      const answer = await client.delete(path);
      print(this, flags.json ? answer : `${id} is forgotten\n`);
      return;
    }
    const agent = await client.get(path);
    print(this, flags.json ? agent : describe(agent));
  },
});

function row(agent: JsonObject): string[] {
  const parts = objectsOf(agent["parts"]).map(
    (part) => `${cell(part["name"])}:${cell(part["state"])}`,
  );
  return [
    cell(agent["id"]),
    cell(agent["type"]),
    cell(agent["state"]),
    parts.join(" "),
    pairs(agent["labels"]),
    cell(agent["lastSeen"]),
  ];
}

function describe(agent: JsonObject): string {
  const metrics = isJsonObject(agent["metrics"]) ? Object.entries(agent["metrics"]) : [];
  const rules = objectsOf(agent["rules"]);
  const broken = Array.isArray(agent["openBreakers"]) ? agent["openBreakers"] : [];
  const sections = [
    table([
      ["agent", cell(agent["id"])],
      ["type", cell(agent["type"])],
      ["tier", cell(agent["tier"])],
      ["state", cell(agent["state"])],
      ["labels", pairs(agent["labels"])],
      ["first seen", cell(agent["firstSeen"])],
      ["last seen", cell(agent["lastSeen"])],
    ]),
    table([
      ["PART", "STATE", "BREAKER", "ACTIONS", "SDK", "INCARNATION"],
      ...objectsOf(agent["parts"]).map((part) => [
        cell(part["name"]),
        cell(part["state"]),
        broken.includes(part["name"] ?? null) ? "OPEN" : "closed",
        Array.isArray(part["actions"]) ? part["actions"].join(" ") : "",
        cell(part["sdk"]),
        cell(part["incarnation"]),
      ]),
    ]),
  ];
  if (metrics.length > 0)
    sections.push(
      table([
        ["METRIC", "VALUE", "TIME"],
        ...metrics.map(([name, sample]) => [
          name,
          isJsonObject(sample) ? cell(sample["value"]) : "",
          isJsonObject(sample) ? cell(sample["time"]) : "",
        ]),
      ]),
    );
  if (rules.length > 0)
    sections.push(
      table([["RULE", "STATE"], ...rules.map((rule) => [cell(rule["rule"]), cell(rule["state"])])]),
    );
  if (isJsonObject(agent["twin"]) && Object.keys(agent["twin"]).length > 0)
    sections.push(`twin ${JSON.stringify(agent["twin"], null, 2)}\n`);
  return sections.join("\n");
}

function pairs(value: JsonValue | undefined): string {
  return isJsonObject(value)
    ? Object.entries(value)
        .map(([name, label]) => `${name}=${cell(label)}`)
        .join(" ")
    : "";
}
