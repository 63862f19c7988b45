import { buildCommand, type Command, type TypedFlagParameter } from "@stricli/core";
import { parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { NodeClient } from "../client/index.ts";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell, objectsOf, printable, table } from "../output/index.ts";

/** What may be asked for, each as the API has it. */
interface Filters {
  readonly actor?: string;
  readonly act?: string;
  readonly subject?: string;
  readonly outcome?: "done" | "failed" | "refused";
  readonly since?: string;
  readonly until?: string;
}

interface AuditFlags extends NodeFlags, Filters {
  readonly json: boolean;
  readonly limit: number;
}

const mostAtOnce = 1000;

/** `myelin audit`: who did what, newest first. */
export const auditCommand: Command<CliContext> = buildCommand<AuditFlags, [], CliContext>({
  docs: { brief: "Show who did what on a node, and who was refused; newest first" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      actor: text("Only by this actor: local, token, token:NAME, node, anyone", "ACTOR"),
      act: text("Only this act, such as rules.apply", "ACT"),
      subject: text("Only of this rule, agent, instruction or token", "NAME"),
      outcome: {
        kind: "enum",
        values: ["done", "failed", "refused"],
        optional: true,
        brief: "Only with this outcome",
      },
      since: instant("Only from this time on"),
      until: instant("Only before this time"),
      limit: {
        kind: "parsed",
        parse: parseLimit,
        default: "20",
        brief: "How many",
        placeholder: "COUNT",
      },
    },
  },
  async func({ json, limit, actor, act, subject, outcome, since, until, ...given }) {
    const client = clientOf(this, given);
    const filters = { actor, act, subject, outcome, since, until };
    const entries = await read(client, filters, limit);
    if (json) print(this, entries);
    else if (entries.length === 0) print(this, "no entries\n");
    else
      print(
        this,
        table([
          ["TIME", "ACTOR", "ACT", "SUBJECT", "OUTCOME", "FROM", "DETAILS"],
          ...entries.map(row),
        ]),
      );
  },
});

/** Entries that match, page by page, until there are enough. */
async function read(
  client: NodeClient,
  filters: { readonly [Name in keyof Filters]: string | undefined },
  limit: number,
): Promise<JsonObject[]> {
  const entries: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const count = Math.min(limit - entries.length, mostAtOnce);
    const page = await client.get("/api/v1/audit", { ...filters, limit: String(count), cursor });
    entries.push(...objectsOf(page["entries"]));
    cursor = typeof page["cursor"] === "string" ? page["cursor"] : undefined;
  } while (cursor !== undefined && entries.length < limit);
  return entries;
}

/** Names in the audit come from who was refused as well: nothing of them may steer the terminal. */
function row(entry: JsonObject): string[] {
  const { time, actor, act, subject, outcome, code, address, details } = entry;
  const what = code === null ? cell(outcome) : `${cell(outcome)} ${cell(code)}`;
  const more = JSON.stringify(details) === "{}" ? "" : JSON.stringify(details);
  const cells = [cell(time), cell(actor), cell(act), cell(subject), what, cell(address), more];
  return cells.map(printable);
}

function text(brief: string, placeholder: string): TypedFlagParameter<string | undefined> {
  return { kind: "parsed", parse: String, optional: true, brief, placeholder };
}

function instant(brief: string): TypedFlagParameter<string | undefined> {
  return {
    kind: "parsed",
    parse: parseInstant,
    optional: true,
    brief: `${brief}: ISO 8601, or how long ago, such as 1h`,
    placeholder: "TIME",
  };
}

/** An instant as the API takes it, from itself or from how long ago it is on this machine's clock. */
function parseInstant(given: string): string {
  if (!/^\d+(\.\d+)?[a-z]/.test(given)) return given;
  return new Date(Date.now() - parseDuration(given) / 1000).toISOString();
}

function parseLimit(given: string): number {
  const limit = Number(given);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(given)} is no number of entries`, {
    hint: "Write a whole number from 1.",
  });
}
