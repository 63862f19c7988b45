import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  maxJsonLevels,
  pathToWrongNumber,
} from "@myelin/core/json";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { parsePair } from "../parameters.ts";
import { cell, numberOf, objectsOf, readableUs, table } from "../output/index.ts";

interface SendFlags extends NodeFlags {
  readonly json: boolean;
  readonly to?: string;
  readonly where?: string;
  readonly args?: string;
  readonly arg?: readonly string[];
  readonly priority?: number;
  readonly deadline?: string;
  readonly timeout?: string;
  readonly wait?: string;
  readonly idempotencyKey?: string;
  readonly durability: "disk" | "memory";
}

/** `myelin send ACTION`: an instruction by hand, confirmed agent by agent. */
export const sendCommand: Command<CliContext> = buildCommand<SendFlags, [string], CliContext>({
  docs: { brief: "Send an instruction to an agent, or to all that match a selector" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      to: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Id of the agent",
        placeholder: "ID",
      },
      where: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: 'Selector in CEL, such as agent.labels.zone == "a"',
        placeholder: "CEL",
      },
      args: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Arguments as a JSON object",
        placeholder: "JSON",
      },
      arg: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: true,
        brief: "One argument; the value as JSON, else as text",
        placeholder: "NAME=VALUE",
      },
      priority: {
        kind: "parsed",
        parse: Number,
        optional: true,
        brief: "Business weight, 1 to 10 (default 5)",
      },
      deadline: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Not to be begun later than this after now (default 30s)",
      },
      timeout: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "How long it may run (default 60s)",
      },
      wait: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "How long to wait for outcomes (default 10s)",
      },
      idempotencyKey: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "The same key is the same instruction, performed once",
        placeholder: "KEY",
      },
      durability: {
        kind: "enum",
        values: ["disk", "memory"],
        default: "disk",
        brief: "memory: go out even if the disk is full",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "What to do, such as restart", placeholder: "ACTION" }],
    },
  },
  async func(flags, action) {
    requireTarget(flags);
    const answer = await clientOf(this, flags).post("/api/v1/instructions", {
      action,
      args: argumentsOf(flags),
      durability: flags.durability,
      ...optional({
        to: flags.to,
        where: flags.where,
        priority: flags.priority,
        deadline: flags.deadline,
        timeout: flags.timeout,
        wait: flags.wait,
        idempotencyKey: flags.idempotencyKey,
      }),
    });
    const instructions = objectsOf(answer["instructions"]);
    print(
      this,
      flags.json
        ? answer
        : table([["AGENT", "PART", "STATUS", "TIME", "OUTCOME"], ...instructions.map(row)]),
    );
    if (instructions.some(({ status }) => status !== "executed"))
      this.process.exitCode = exitCodes.failure;
  },
});

function argumentsOf({ args, arg }: SendFlags): JsonObject {
  let whole: JsonValue = {};
  if (args !== undefined) {
    try {
      whole = JSON.parse(args) as JsonValue;
    } catch (cause) {
      throw new MyelinError("INVALID_ARGUMENT", "--args is not JSON", {
        hint: `Write it like --args '{"grace":"5s"}'.`,
        cause,
      });
    }
    if (!isJsonObject(whole))
      throw new MyelinError("INVALID_ARGUMENT", "--args is not a JSON object");
  }
  const all = {
    ...whole,
    ...Object.fromEntries(
      (arg ?? []).map(parsePair).map(([name, value]) => [name, valueOf(value)]),
    ),
  };
  const path = pathToWrongNumber(all, maxJsonLevels);
  if (path === undefined) return all;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    `the argument ${path.join(".")} is a number beyond the range of a double`,
  );
}

function requireTarget({ to, where }: SendFlags): void {
  if ((to === undefined) !== (where === undefined)) return;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    to === undefined ? "nobody is named to send it to" : "both an agent and a selector are named",
    { hint: "Give either --to ID for one agent, or --where CEL for all that match it." },
  );
}

function valueOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function optional(fields: Readonly<Record<string, string | number | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined,
    ),
  );
}

function row(instruction: JsonObject): string[] {
  const error = instruction["error"];
  const outcome = isJsonObject(error)
    ? `${cell(error["code"])}: ${cell(error["message"])}`
    : instruction["result"] === undefined
      ? ""
      : JSON.stringify(instruction["result"]);
  const totalUs = numberOf(instruction["totalUs"]);
  return [
    cell(instruction["agent"]),
    cell(instruction["part"]),
    cell(instruction["status"]),
    readableUs(totalUs),
    outcome,
  ];
}
