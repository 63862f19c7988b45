// Simulates a small fleet and its node, from seeds: `npm run sim -- --seeds A..B`, or one seed with
// all that happens in it: `npm run sim -- --seed N --trace`. Exits 1 when a seed shows a breach.
import { parseArgs } from "node:util";
import { simulate, type Verdict } from "./simulate.ts";

const usage = "usage: npm run sim -- --seeds A..B | --seed N [--trace]\n";

function seedsOf(seed: string | undefined, seeds: string | undefined): number[] | undefined {
  const range = /^(\d+)\.\.(\d+)$/.exec(
    seeds ?? (seed === undefined ? "1..200" : `${seed}..${seed}`),
  );
  if (range === null) return undefined;
  const [from, to] = [Number(range[1]), Number(range[2])];
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function report({ seed, breaches, digest, ends }: Verdict, isTraced: boolean): void {
  for (const breach of breaches) process.stdout.write(`seed ${seed} ${breach}\n`);
  if (breaches.length > 0)
    process.stdout.write(`replay it with: npm run sim -- --seed ${seed} --trace\n`);
  if (!isTraced) return;
  const counts = [...ends].map(([status, count]) => `${count} ${status}`).join(", ");
  process.stdout.write(`seed ${seed}: ${counts}\ndigest ${digest}\n`);
}

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});
const seeds = seedsOf(values.seed, values.seeds);
if (seeds === undefined) {
  process.stderr.write(usage);
  process.exit(2);
}
const startedAt = performance.now();
const failed: number[] = [];
for (const seed of seeds) {
  const verdict = await simulate(seed, { isTraced: values.trace });
  if (values.trace) process.stdout.write(`${verdict.trace.join("\n")}\n`);
  report(verdict, values.trace);
  if (verdict.breaches.length > 0) failed.push(seed);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
process.stdout.write(
  `${seeds.length} seeds in ${seconds} s, ${failed.length} with breaches${failed.length > 0 ? `: ${failed.join(" ")}` : ""}\n`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
