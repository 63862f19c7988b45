import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import type { JsonObject } from "@myelin/core/json";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell, objectsOf, table } from "../output/index.ts";

type Role = "agent" | "operator" | "reader";

interface TokenFlags extends NodeFlags {
  readonly json: boolean;
}

interface CreateFlags extends TokenFlags {
  readonly role: Role;
  readonly agents?: string;
  readonly expires?: string;
  readonly name?: string;
}

const path = "/api/v1/tokens";
const flags = { ...nodeFlags, ...jsonFlag } as const;

const create: Command<CliContext> = buildCommand<CreateFlags, [], CliContext>({
  docs: {
    brief: "Create a token; its secret is printed this once",
    fullDescription:
      "Creates a token of a role: agent (may be the agents that --agents names, and no more), reader (may read), operator (may do everything). Standard output is the secret alone, which the node does not keep; what else there is to say goes to standard error.",
  },
  parameters: {
    flags: {
      ...flags,
      role: {
        kind: "enum",
        values: ["agent", "operator", "reader"],
        brief: "What its bearer may do",
      },
      agents: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Ids that its bearer may have, * for any characters: w-*,robot-7; with --role agent",
        placeholder: "PATTERN",
      },
      expires: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "How long it is valid, such as 90d; for ever unless given",
        placeholder: "DURATION",
      },
      name: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "What records call it; its id unless given",
      },
    },
  },
  async func({ role, agents, expires, name, ...given }) {
    const answer = await clientOf(this, given).post(path, {
      role,
      ...(agents === undefined ? {} : { agents }),
      ...(expires === undefined ? {} : { expires }),
      ...(name === undefined ? {} : { name }),
    });
    if (given.json) {
      print(this, answer);
      return;
    }
    print(this, `${cell(answer["token"])}\n`);
    this.process.stderr.write(
      `token ${sentence(answer)}; the secret is not kept and not shown again\n`,
    );
  },
});

/** What a token is, after the word "token". */
function sentence({ name, role, agents, expiresAt }: JsonObject): string {
  const whom = typeof agents === "string" ? ` for ${agents}` : "";
  const end = typeof expiresAt === "string" ? `until ${expiresAt}` : "without end";
  return `${cell(name)} of the role ${cell(role)}${whom}, valid ${end}`;
}

const list: Command<CliContext> = buildCommand<TokenFlags, [], CliContext>({
  docs: { brief: "List the tokens, also those that have ended" },
  parameters: { flags },
  async func(given) {
    const { tokens } = await clientOf(this, given).get(path);
    const rows = objectsOf(tokens).map(row);
    if (given.json) print(this, tokens);
    else if (rows.length === 0) print(this, "no tokens\n");
    else
      print(
        this,
        table([
          ["NAME", "ID", "ROLE", "AGENTS", "STATE", "EXPIRES", "LAST USED", "CREATED BY"],
          ...rows,
        ]),
      );
  },
});

function row(token: JsonObject): string[] {
  const fields = ["name", "id", "role", "agents", "state", "expiresAt", "lastUsedAt", "createdBy"];
  return fields.map((field) => cell(token[field]));
}

const revoke: Command<CliContext> = buildCommand<TokenFlags, [string], CliContext>({
  docs: { brief: "Revoke a token; what it had admitted ends at once" },
  parameters: {
    flags,
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "Name or id of the token", placeholder: "NAME" }],
    },
  },
  async func(given, name) {
    const answer = await clientOf(this, given).delete(`${path}/${encodeURIComponent(name)}`);
    print(
      this,
      given.json
        ? answer
        : `token ${cell(answer["name"])} is revoked since ${cell(answer["revokedAt"])}, by ${cell(answer["revokedBy"])}\n`,
    );
  },
});

/** `myelin token …` */
export const tokenRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Create, list and revoke tokens" },
  routes: { create, list, revoke },
});
