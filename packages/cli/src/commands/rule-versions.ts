import { buildCommand, type Command, type TypedFlagParameter } from "@stricli/core";
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

interface Flags extends NodeFlags {
  readonly json: boolean;
}

interface RollbackFlags extends Flags {
  readonly to?: number;
  readonly ifMatch?: string;
}

const flags = { ...nodeFlags, ...jsonFlag } as const;
const rule = { parse: String, brief: "Name of the rule", placeholder: "NAME" } as const;
const onlyRule = { kind: "tuple", parameters: [rule] } as const;

/** The flag by which a change is made only if the rules are as its caller has seen them. */
export const ifMatchFlag: TypedFlagParameter<string | undefined, CliContext> = {
  kind: "parsed",
  parse: String,
  optional: true,
  brief: "Only if the rules' ETag is still this (`myelin rules list --etag`)",
  placeholder: "ETAG",
};

/** The headers of that flag. */
export function ifMatch(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { "if-match": etag };
}

/** Where a rule is in the API. */
export function pathOf(name: string): string {
  return `/api/v1/rules/${encodeURIComponent(name)}`;
}

function parseVersion(text: string): number {
  const version = Number(text);
  if (Number.isInteger(version) && version >= 1) return version;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no version of a rule`, {
    hint: "Versions are whole numbers from 1; `myelin rules versions NAME` lists them.",
  });
}

export const versions: Command<CliContext> = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "List every version of a rule, newest first" },
  parameters: { flags, positional: onlyRule },
  async func(given, name) {
    const answer = await clientOf(this, given).get(`${pathOf(name)}/versions`);
    if (given.json) {
      print(this, answer["versions"]);
      return;
    }
    const rows = objectsOf(answer["versions"]).toReversed().map(versionRow);
    print(this, table([["VERSION", "MEANING", "CREATED", "BY", "WHAT"], ...rows]));
  },
});

function versionRow(version: JsonObject): string[] {
  const what =
    version["isDeleted"] === true
      ? "deleted"
      : version["rolledBackTo"] === undefined
        ? "applied"
        : `rolled back to ${cell(version["rolledBackTo"])}`;
  const { version: number, meaningVersion, createdAt, actor } = version;
  return [...[number, meaningVersion, createdAt, actor].map(cell), what];
}

export const diff: Command<CliContext> = buildCommand<
  Flags,
  [string, (number | undefined)?, (number | undefined)?],
  CliContext
>({
  docs: { brief: "Show what changed between two versions of a rule; the latest two unless given" },
  parameters: {
    flags,
    positional: {
      kind: "tuple",
      parameters: [
        rule,
        { parse: parseVersion, brief: "Earlier version", placeholder: "FROM", optional: true },
        { parse: parseVersion, brief: "Later version", placeholder: "TO", optional: true },
      ],
    },
  },
  async func(given, name, from, to) {
    const answer = await clientOf(this, given).get(`${pathOf(name)}/diff`, {
      from: from?.toString(),
      to: to?.toString(),
    });
    print(this, given.json ? answer : diffText(answer));
  },
});

/** A comparison as people know it: what went with `-`, what came with `+`, the rest as it is. */
function diffText(difference: JsonObject): string {
  const name = cell(difference["name"]);
  const [from, to] = [difference["from"], difference["to"]].map((side) =>
    isJsonObject(side) ? side : undefined,
  );
  const changed = new Set(objectsOf(difference["changes"]).map(({ field }) => cell(field)));
  const [before, after] = [fieldsOf(from), fieldsOf(to)];
  const lines = [`--- ${titleOf(name, from)}`, `+++ ${titleOf(name, to)}`];
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!changed.has(field)) lines.push(...yamlLines(" ", field, after));
    else lines.push(...yamlLines("-", field, before), ...yamlLines("+", field, after));
  }
  if (changed.size === 0) lines.push("nothing differs");
  else if (!isInForce(to)) lines.push("the rule was deleted");
  else if (!isInForce(from)) lines.push("the rule came into force");
  else if (difference["isMeaningChanged"] === true)
    lines.push("the meaning changed: the rule's state starts afresh");
  else lines.push("the meaning is the same: the rule keeps its state");
  return `${lines.join("\n")}\n`;
}

function titleOf(name: string, side: JsonObject | undefined): string {
  if (side === undefined) return `rule ${name} before its first version`;
  const deleted = side["isDeleted"] === true ? ", deleted" : "";
  const { version, createdAt, actor } = side;
  return `rule ${name} version ${cell(version)} (${cell(createdAt)} by ${cell(actor)}${deleted})`;
}

function isInForce(side: JsonObject | undefined): side is JsonObject {
  return side !== undefined && side["isDeleted"] !== true;
}

/** The fields of a version; a deletion has none. */
function fieldsOf(side: JsonObject | undefined): JsonObject {
  const source = side?.["source"];
  return isJsonObject(source) && isInForce(side) ? source : {};
}

function yamlLines(sign: string, field: string, fields: JsonObject): string[] {
  if (!Object.hasOwn(fields, field)) return [];
  const text = stringify({ [field]: fields[field] }, { lineWidth: 0 }).trimEnd();
  return text.split("\n").map((line) => `${sign}${line}`);
}

export const rollback: Command<CliContext> = buildCommand<RollbackFlags, [string], CliContext>({
  docs: { brief: "Take up an earlier version of a rule again, as a new version" },
  parameters: {
    flags: {
      ...flags,
      to: {
        kind: "parsed",
        parse: parseVersion,
        optional: true,
        brief: "The version to go back to; the one before the latest unless given",
        placeholder: "VERSION",
      },
      ifMatch: ifMatchFlag,
    },
    positional: onlyRule,
  },
  async func(given, name) {
    const body = given.to === undefined ? {} : { to: given.to };
    const client = clientOf(this, given);
    const answer = await client.post(`${pathOf(name)}/rollback`, body, ifMatch(given.ifMatch));
    if (given.json) {
      print(this, answer);
      return;
    }
    const [version, target] = [cell(answer["version"]), cell(answer["rolledBackTo"])];
    print(
      this,
      answer["change"] === "unchanged"
        ? `rule ${name} unchanged: version ${version} is as version ${target}\n`
        : `rule ${name} rolled back to version ${target} (version ${version})\n`,
    );
  },
});
