/**
 * Random pairs of rules and stream, by command: `node test/oracle/main.ts --runs 10000 --seed 7 --features windows`.
 * Features are those the engine executes, unless they are given. With `--planted [NAME]` it plants faults into the
 * engine, and searches for the pairs that show them.
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign/campaign.ts";
import { executedFeatures, type Feature, featuresNamed } from "./differential/features.ts";
import { searchPlanted } from "./planted/search.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string" },
    features: { type: "string" },
    threads: { type: "string" },
    planted: { type: "boolean", default: false },
  },
});

async function runPairs(): Promise<number> {
  const features: readonly Feature[] =
    values.features === undefined ? executedFeatures : featuresNamed(values.features.split(","));
  const seed = values.seed === undefined ? Date.now() & 0x3fffffff : Number(values.seed);
  const runs = Number(values.runs);
  const threads = Number(values.threads ?? availableParallelism());
  const startedMs = performance.now();
  const { failures, occurrences } = await runCampaign({ features, runs, seed, threads });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  for (const { failure } of failures) process.stderr.write(`${failure}\n`);
  if (failures.length > 0) return 1;
  const what = features.join(", ") || "latest values";
  process.stdout.write(`${runs} pairs with ${what}, seed ${seed}: the same (${seconds} s)\n`);
  for (const [name, count] of [...occurrences].toSorted(([, a], [, b]) => b - a))
    process.stdout.write(`  ${name} in ${count}\n`);
  return 0;
}

process.exitCode = values.planted ? await searchPlanted(positionals[0]) : await runPairs();
