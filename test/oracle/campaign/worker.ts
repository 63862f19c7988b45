/** A thread that runs shards of a campaign, one after another. */
import { parentPort } from "node:worker_threads";
import fc from "fast-check";
import { checkDifferential } from "../differential/compare.ts";
import type { Shard, ShardResult } from "./campaign.ts";

parentPort?.on("message", ({ features, runs, seed }: Shard) => {
  const occurrences = new Map<string, number>();
  const details = checkDifferential({ features, runs, seed, occurrences });
  const result: ShardResult = {
    seed,
    occurrences,
    ...(details.failed
      ? { failure: `${fc.defaultReportMessage(details) ?? ""}\n${String(details.errorInstance)}` }
      : {}),
  };
  parentPort?.postMessage(result);
});
