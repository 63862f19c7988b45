/**
 * Random pairs of rules and stream, by command: `node test/oracle/main.ts --runs 10000 --seed 7 --features windows`.
 * Features are those the engine executes, unless they are given.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runDifferential } from "./differential/compare.ts";
import { executedFeatures, type Feature, featuresNamed } from "./differential/features.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string" },
    features: { type: "string" },
  },
});
const features: readonly Feature[] =
  values.features === undefined ? executedFeatures : featuresNamed(values.features.split(","));
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
const runs = Number(values.runs);
const startedMs = performance.now();
runDifferential({ features, runs, seed });
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
process.stdout.write(
  `${runs} pairs with ${features.join(", ") || "latest values"}, seed ${seed}: the same (${seconds} s)\n`,
);
