import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import type { InstructionDocument } from "@myelin/core/instruction";
import { isJsonObject, type JsonValue } from "@myelin/core/json";
import { createLog, type NodeOptions, type RunningNode, startNode } from "@myelin/node";
import { NodeClient } from "../client/index.ts";
import { numberOf } from "../output/index.ts";
import { packOf } from "../packs/index.ts";
import { demoWorkers, Fleet } from "./fleet.ts";
import { demoRules } from "./rules.ts";
import type { DemoSummary, Timeline } from "./timeline.ts";

/** How the demo is run. */
export interface DemoOptions {
  /** Seconds to run; until `signal` when undefined. */
  readonly seconds: number | undefined;
  /** Port of the node; a free one is taken when it is not given and 7400 is taken. */
  readonly port: number | undefined;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
  readonly clockMs: () => number;
}

/**
 * Runs a node and a fleet of real processes of which four go wrong, and tells how rules deal with them.
 * @throws MyelinError as `startNode`
 */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const { timeline, signal, clockMs } = options;
  const startedAtMs = clockMs();
  const dataDirectory = await mkdtemp(join(tmpdir(), "myelin-demo-"));
  const fleet = new Fleet();
  let node: RunningNode | undefined;
  try {
    node = await startDemoNode(options.port, dataDirectory);
    const client = new NodeClient({ url: node.httpUrl, token: undefined });
    await client.post("/api/v1/rules", demoRules);
    await client.post("/api/v1/rules", packOf("llm").rules());
    const ended: InstructionDocument[] = [];
    const silence = node.onInstructionEnded((document) => {
      ended.push(document);
      timeline.instruction(document);
    });
    timeline.note(`a node serves at ${node.httpUrl}; rules are in force`);
    for (const worker of demoWorkers) {
      timeline.note(
        `${worker.id} ${worker.type === "llm" ? "works with a language model" : "hashes files"}${worker.misbehaves === undefined ? "" : `, and will ${worker.misbehaves} after ${worker.afterSeconds} s`}`,
      );
    }
    fleet.start(node.url, demoWorkers);
    await untilOver(options.seconds, signal);
    await fleet.stop();
    silence();
    const summary = summarize(
      ended,
      await client.get("/api/v1/ledger"),
      (clockMs() - startedAtMs) / 1000,
    );
    timeline.summary(summary);
    return summary;
  } finally {
    await fleet.stop();
    await node?.close(1000);
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function startDemoNode(
  port: number | undefined,
  dataDirectory: string,
): Promise<RunningNode> {
  const options: NodeOptions = {
    dataDirectory,
    id: "demo",
    log: await createLog({ level: "error", isReadable: true }),
  };
  if (port !== undefined) return await startNode({ ...options, port });
  try {
    return await startNode(options);
  } catch (error) {
    if (MyelinError.from(error).code !== "ADDRESS_IN_USE") throw error;
    return await startNode({ ...options, port: 0 });
  }
}

async function untilOver(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1000);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function summarize(
  ended: readonly InstructionDocument[],
  ledger: JsonValue,
  seconds: number,
): DemoSummary {
  const counts: Record<string, number> = {};
  for (const { status } of ended) counts[status] = (counts[status] ?? 0) + 1;
  const caught: Record<string, string[]> = {};
  for (const { id, misbehaves } of demoWorkers) {
    if (misbehaves === undefined) continue;
    const rules = ended
      .filter((document) => document.agent === id && document.status === "executed")
      .map(({ rule }) => rule ?? "by hand");
    caught[id] = [...new Set(rules)];
  }
  const fleet = isJsonObject(ledger) && isJsonObject(ledger["fleet"]) ? ledger["fleet"] : {};
  const total = isJsonObject(fleet["totalUs"]) ? fleet["totalUs"] : {};
  const node = isJsonObject(fleet["nodeUs"]) ? fleet["nodeUs"] : {};
  return {
    seconds: Math.round(seconds * 10) / 10,
    counts,
    caught,
    isComplete: Object.values(caught).every((rules) => rules.length > 0),
    latencyUs: {
      p50: numberOf(total["p50"]),
      p90: numberOf(total["p90"]),
      p99: numberOf(total["p99"]),
      p999: numberOf(total["p999"]),
      max: numberOf(total["max"]),
      nodeP50: numberOf(node["p50"]),
      nodeP99: numberOf(node["p99"]),
      nodeMax: numberOf(node["max"]),
    },
  };
}
