import { readFile } from "node:fs/promises";
import process from "node:process";
import { text } from "node:stream/consumers";
import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import { stringify } from "yaml";
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
import { cell, objectsOf, table } from "../output/index.ts";

interface RulesFlags extends NodeFlags {
  readonly json: boolean;
}

const flags = { ...nodeFlags, ...jsonFlag } as const;
const name = {
  kind: "tuple",
  parameters: [{ parse: String, brief: "Name of the rule", placeholder: "NAME" }],
} as const;

const apply: Command<CliContext> = buildCommand<RulesFlags, string[], CliContext>({
  docs: { brief: "Apply rule files; each is applied wholly or not at all" },
  parameters: {
    flags,
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        parse: String,
        brief: "Rule file in YAML or JSON; - for standard input",
        placeholder: "FILE",
      },
    },
  },
  async func(given, ...files) {
    const client = clientOf(this, given);
    for (const file of files) {
      const answer = await client.post("/api/v1/rules", await textOf(file));
      if (given.json) {
        print(this, answer);
        continue;
      }
      for (const change of objectsOf(answer["changes"]))
        print(
          this,
          `rule ${cell(change["name"])} ${cell(change["change"])} (version ${cell(change["version"])})\n`,
        );
      for (const warning of objectsOf(answer["warnings"]))
        this.process.stderr.write(`warning: ${cell(warning["message"])}\n`);
    }
  },
});

const list: Command<CliContext> = buildCommand<RulesFlags, [], CliContext>({
  docs: { brief: "List the rules in force" },
  parameters: { flags },
  async func(given) {
    const { rules } = await clientOf(this, given).get("/api/v1/rules");
    if (given.json) print(this, rules);
    else
      print(
        this,
        table([
          ["RULE", "VERSION", "MODE", "ACTION", "PENDING", "FIRING"],
          ...objectsOf(rules).map(row),
        ]),
      );
  },
});

const show: Command<CliContext> = buildCommand<RulesFlags, [string], CliContext>({
  docs: { brief: "Show a rule, its state and its versions" },
  parameters: { flags, positional: name },
  async func(given, rule) {
    const document = await clientOf(this, given).get(`/api/v1/rules/${encodeURIComponent(rule)}`);
    print(this, given.json ? document : stringify(document));
  },
});

const remove: Command<CliContext> = buildCommand<RulesFlags, [string], CliContext>({
  docs: { brief: "Delete a rule; its versions are kept" },
  parameters: { flags, positional: name },
  async func(given, rule) {
    const answer = await clientOf(this, given).delete(`/api/v1/rules/${encodeURIComponent(rule)}`);
    print(this, given.json ? answer : `rule ${rule} deleted\n`);
  },
});

/** `myelin rules …` */
export const rulesRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Apply, list, show and delete rules" },
  routes: { apply, list, show, delete: remove },
});

async function textOf(file: string): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    const what = file === "-" ? "standard input" : `the file ${file}`;
    throw new MyelinError("INVALID_ARGUMENT", `${what} cannot be read`, {
      hint: "Name a rule file that is there and may be read, or - for standard input.",
      cause,
    });
  }
}

function row(rule: JsonObject): string[] {
  const status = isJsonObject(rule["status"]) ? rule["status"] : {};
  return [
    rule["name"],
    rule["version"],
    rule["mode"],
    rule["action"],
    status["pending"],
    status["firing"],
  ].map(cell);
}
