import { isDeepStrictEqual } from "node:util";
import { buildCommand, buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import { parseDocument, stringify } from "yaml";
import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { invalidRules, parseRuleFile } from "@myelin/core/rules";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import type { NodeClient } from "../client/index.ts";
import { cell, objectsOf, table } from "../output/index.ts";
import { packNames, packOf } from "../packs/index.ts";
import { check, ruleFiles, schema, textOf } from "./rules-check.ts";
import { backtestRules } from "./rules-backtest.ts";
import { packsCommand } from "./rules-packs.ts";
import { testRules } from "./rules-test.ts";
import { diff, ifMatch, ifMatchFlag, pathOf, rollback, versions } from "./rule-versions.ts";

interface RulesFlags extends NodeFlags {
  readonly json: boolean;
}

interface ChangeFlags extends RulesFlags {
  readonly ifMatch?: string;
}

interface ApplyFlags extends ChangeFlags {
  readonly replace: boolean;
  readonly pack?: readonly string[];
}

interface ListFlags extends RulesFlags {
  readonly etag: boolean;
}

const flags = { ...nodeFlags, ...jsonFlag } as const;
const name = {
  kind: "tuple",
  parameters: [{ parse: String, brief: "Name of the rule", placeholder: "NAME" }],
} as const;

const apply: Command<CliContext> = buildCommand<ApplyFlags, string[], CliContext>({
  docs: { brief: "Apply rule files; each is applied wholly or not at all" },
  parameters: {
    flags: {
      ...flags,
      replace: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "The file is the whole set: rules that it does not name are deleted",
      },
      pack: {
        kind: "parsed",
        parse: String,
        proposeCompletions: () => packNames,
        variadic: true,
        optional: true,
        brief: "Apply this pack of rules; may be repeated (`myelin rules packs`)",
        placeholder: "NAME",
      },
      ifMatch: ifMatchFlag,
    },
    positional: { ...ruleFiles, minimum: 0 },
  },
  async func(given, ...files) {
    const client = clientOf(this, given);
    const chosen = (given.pack ?? []).map(packOf);
    const texts = [...chosen.map(({ rules }) => rules), ...files.map((file) => () => textOf(file))];
    if (texts.length === 0)
      throw new MyelinError("INVALID_ARGUMENT", "there is nothing to apply", {
        hint: "Name a rule file, or a pack with --pack.",
      });
    if (texts.length > 1 && (given.replace || given.ifMatch !== undefined))
      throw new MyelinError("INVALID_ARGUMENT", "--replace and --if-match take one file", {
        hint: "Put the rules into one file, or apply the files one after another.",
      });
    for (const read of texts) {
      const answer = await applyText(client, await read(), given);
      if (given.json) {
        print(this, answer);
        continue;
      }
      for (const change of objectsOf(answer["changes"]))
        print(
          this,
          `rule ${cell(change["name"])} ${cell(change["change"])} (version ${cell(change["version"])})\n`,
        );
      for (const { rule, message } of objectsOf(answer["warnings"]))
        this.process.stderr.write(`warning: rule ${cell(rule)}: ${cell(message)}\n`);
    }
  },
});

/**
 * Applies a file. It is sent as compact JSON, which a node reads in a fraction of the time. Faults that the node finds
 * are told with their places in the file; where a node of another version finds others than this command, the text
 * itself is sent for them.
 */
async function applyText(
  client: NodeClient,
  text: string,
  { replace, ifMatch: etag }: ApplyFlags,
): Promise<JsonObject> {
  const send = async (body: string): Promise<JsonObject> =>
    replace
      ? await client.put("/api/v1/rules", body, ifMatch(etag))
      : await client.post("/api/v1/rules", body, ifMatch(etag));
  const json = jsonOf(text);
  if (json === undefined) return await send(text);
  try {
    return withoutPlaces(await send(json));
  } catch (thrown) {
    const refused = MyelinError.from(thrown);
    if (refused.code !== "RULE_INVALID") throw thrown;
    const faults = parseRuleFile(text).problems.filter(({ severity }) => severity === "error");
    const told = objectsOf(refused.details["problems"]);
    if (isDeepStrictEqual(faults.map(subjectOf), told.map(subjectOf))) throw invalidRules(faults);
    return await send(text);
  }
}

/** What is told of a text that nobody wrote, without the places in it. */
function withoutPlaces(answer: JsonObject): JsonObject {
  const warnings = objectsOf(answer["warnings"]).map(
    ({ line: _line, column: _column, length: _length, ...warning }) => warning,
  );
  return { ...answer, warnings };
}

/** What a fault is about, wherever it stands. */
function subjectOf(fault: { readonly rule?: unknown; readonly field?: unknown }): unknown[] {
  return [fault.rule, fault.field];
}

/** The file as compact JSON; undefined where YAML finds anything to say about it. */
function jsonOf(text: string): string | undefined {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0 || document.warnings.length > 0) return undefined;
  try {
    const value: unknown = document.toJS();
    return isJsonObject(value) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}

const list: Command<CliContext> = buildCommand<ListFlags, [], CliContext>({
  docs: { brief: "List the rules in force" },
  parameters: {
    flags: {
      ...flags,
      etag: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the ETag of all rules as they are, and nothing else",
      },
    },
  },
  async func(given) {
    const { rules, etag } = await clientOf(this, given).get("/api/v1/rules");
    if (given.etag) print(this, `${cell(etag)}\n`);
    else if (given.json) print(this, rules);
    else if (objectsOf(rules).length === 0) print(this, "no rules\n");
    else
      print(
        this,
        table([
          ["RULE", "VERSION", "MODE", "ACTION", "PENDING", "FIRING", "BREAKER"],
          ...objectsOf(rules).map(row),
        ]),
      );
  },
});

const show: Command<CliContext> = buildCommand<RulesFlags, [string], CliContext>({
  docs: { brief: "Show a rule, its state and its versions" },
  parameters: { flags, positional: name },
  async func(given, rule) {
    const document = await clientOf(this, given).get(pathOf(rule));
    print(this, given.json ? document : stringify(document));
  },
});

const remove: Command<CliContext> = buildCommand<ChangeFlags, [string], CliContext>({
  docs: { brief: "Delete a rule; its versions are kept" },
  parameters: { flags: { ...flags, ifMatch: ifMatchFlag }, positional: name },
  async func(given, rule) {
    const answer = await clientOf(this, given).delete(pathOf(rule), ifMatch(given.ifMatch));
    print(this, given.json ? answer : `rule ${rule} deleted\n`);
  },
});

/** `myelin rules …` */
export const rulesRoutes: RouteMap<CliContext> = buildRouteMap({
  docs: { brief: "Check, test, backtest, apply, list, show, compare, roll back and delete rules" },
  routes: {
    check,
    test: testRules,
    backtest: backtestRules,
    packs: packsCommand,
    apply,
    list,
    show,
    versions,
    diff,
    rollback,
    delete: remove,
    schema,
  },
});

function row(rule: JsonObject): string[] {
  const status = isJsonObject(rule["status"]) ? rule["status"] : {};
  return [
    rule["name"],
    rule["version"],
    rule["mode"],
    rule["action"],
    status["pending"],
    status["firing"],
    status["isBreakerOpen"] === true ? "OPEN" : "closed",
  ].map(cell);
}
