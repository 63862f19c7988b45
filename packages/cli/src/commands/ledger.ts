import { buildCommand, type Command } from "@stricli/core";
import { stageNames } from "@myelin/core/instruction";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { cell, numberOf, objectsOf, readableUs, table } from "../output/index.ts";

interface LedgerFlags extends NodeFlags {
  readonly json: boolean;
  readonly agent?: string;
  readonly rule?: string;
  readonly status?: string;
  readonly limit?: string;
  readonly figures: boolean;
}

/** `myelin ledger`: what became of instructions, stage by stage. */
export const ledgerCommand: Command<CliContext> = buildCommand<LedgerFlags, [], CliContext>({
  docs: { brief: "Show the latest instructions with their stages, or the latency figures" },
  parameters: {
    flags: {
      ...nodeFlags,
      ...jsonFlag,
      agent: { kind: "parsed", parse: String, optional: true, brief: "Only of this agent" },
      rule: { kind: "parsed", parse: String, optional: true, brief: "Only of this rule" },
      status: { kind: "parsed", parse: String, optional: true, brief: "Only with this status" },
      limit: { kind: "parsed", parse: String, optional: true, brief: "How many (default 20)" },
      figures: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Show latency figures for the fleet and each rule instead",
      },
    },
  },
  async func(flags) {
    const client = clientOf(this, flags);
    if (flags.figures) {
      const figures = await client.get("/api/v1/ledger");
      print(this, flags.json ? figures : figuresTable(figures));
      return;
    }
    const { instructions } = await client.get("/api/v1/instructions", {
      agent: flags.agent,
      rule: flags.rule,
      status: flags.status,
      limit: flags.limit ?? "20",
    });
    if (flags.json) print(this, instructions);
    else
      print(
        this,
        table([
          [
            "CREATED",
            "AGENT",
            "PART",
            "ACTION",
            "BY",
            "STATUS",
            ...stageNames.map((stage) => stage.toUpperCase()),
            "TOTAL",
            "ID",
          ],
          ...objectsOf(instructions).map(row),
        ]),
      );
  },
});

function row(instruction: JsonObject): string[] {
  const stages = isJsonObject(instruction["stagesUs"]) ? instruction["stagesUs"] : {};
  return [
    ...["createdAt", "agent", "part", "action", "actor", "status"].map((field) =>
      cell(instruction[field]),
    ),
    ...stageNames.map((stage) => readableUs(numberOf(stages[stage]))),
    readableUs(numberOf(instruction["totalUs"])),
    cell(instruction["id"]),
  ];
}

function figuresTable(document: JsonObject): string {
  const rules = isJsonObject(document["rules"]) ? Object.entries(document["rules"]) : [];
  const rows = [["all", document["fleet"]] as const, ...rules].map(([name, account]) => {
    const figures = isJsonObject(account) ? account : {};
    const total = isJsonObject(figures["totalUs"]) ? figures["totalUs"] : {};
    const node = isJsonObject(figures["nodeUs"]) ? figures["nodeUs"] : {};
    const slaRate = numberOf(figures["slaRate"]);
    return [
      name,
      cell(total["count"] ?? 0),
      ...["p50", "p90", "p99", "p999", "max"].map((quantile) =>
        readableUs(numberOf(total[quantile])),
      ),
      readableUs(numberOf(node["p50"])),
      readableUs(numberOf(node["p99"])),
      readableUs(numberOf(figures["jitterUs"])),
      slaRate === null ? "-" : `${(slaRate * 100).toFixed(2)} %`,
    ];
  });
  return table([
    [
      "RULE",
      "EXECUTED",
      "P50",
      "P90",
      "P99",
      "P99.9",
      "MAX",
      "NODE P50",
      "NODE P99",
      "JITTER",
      "IN SLA",
    ],
    ...rows,
  ]);
}
