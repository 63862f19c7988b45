/** Runs seeds and prints what they showed. */
import type { Reduction } from "../scenario.ts";
import { simulate, type Verdict } from "../simulate.ts";
import { shrink } from "../sweep/shrink.ts";
import { sweep } from "../sweep/sweep.ts";
import { replayOf } from "./reduction.ts";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printBreaches({ seed, breaches }: Verdict, reduction: Reduction): void {
  for (const breach of breaches) print(`seed ${seed} ${breach}`);
  print(`replay it with: ${replayOf(seed, reduction)}`);
}

/** Makes a failing run smaller, and says how. */
async function printShrunk(whole: Verdict, from: Reduction): Promise<void> {
  const run = (reduction: Reduction): Promise<Verdict> => simulate(whole.seed, { reduction });
  const { verdict, reduction, runs } = await shrink(whole, run, from);
  const { seed, agents, struck, breaches } = verdict;
  print(
    `seed ${seed} made smaller in ${runs} runs: ${agents} agents, ${struck.length} faults${struck.length === 0 ? "" : ` (${struck.join(", ")})`}`,
  );
  print(`seed ${seed} ${breaches[0] ?? ""}`);
  print(`replay it with: ${replayOf(seed, { ...reduction, agents })}`);
}

/** Runs one seed; gives the exit code. */
export async function runSeed(
  seed: number,
  wish: { readonly trace: boolean; readonly shrink: boolean; readonly reduction: Reduction },
): Promise<number> {
  const { reduction } = wish;
  const verdict = await simulate(seed, { isTraced: wish.trace, reduction });
  if (wish.trace) print(verdict.trace.join("\n"));
  const counts = [...verdict.ends].map(([status, count]) => `${count} ${status}`).join(", ");
  print(`seed ${seed}: ${verdict.agents} agents, ${verdict.struck.length} faults; ${counts}`);
  print(`digest ${verdict.digest}`);
  if (verdict.broken.length === 0) return 0;
  printBreaches(verdict, reduction);
  if (wish.shrink) await printShrunk(verdict, reduction);
  return 1;
}

/** Runs many seeds; gives the exit code. */
export async function runSeeds(
  seeds: readonly number[],
  { threads, reduction }: { readonly threads: number; readonly reduction: Reduction },
): Promise<number> {
  const startedAt = performance.now();
  const failed: Verdict[] = [];
  let count = 0;
  let longest: Verdict | undefined;
  await sweep(
    seeds.map((seed) => ({ seed, reduction })),
    {
      threads,
      onVerdict: (verdict) => {
        count += 1;
        if (!(verdict.settledAfterUs <= (longest?.settledAfterUs ?? -1))) longest = verdict;
        if (process.stderr.isTTY)
          process.stderr.write(`\r${count} of ${seeds.length} seeds, ${failed.length} failed `);
        if (verdict.broken.length === 0) return true;
        failed.push(verdict);
        printBreaches(verdict, reduction);
        return true;
      },
    },
  );
  if (process.stderr.isTTY) process.stderr.write("\r");
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const [first] = failed;
  if (first !== undefined) await printShrunk(first, reduction);
  if (longest !== undefined)
    print(
      `seed ${longest.seed} took longest to be well again: ${longest.settledAfterUs / 1e6} s after the faults`,
    );
  const names = failed.length > 0 ? `: ${failed.map(({ seed }) => seed).join(" ")}` : "";
  print(`${count} seeds in ${seconds} s, ${failed.length} with breaches${names}`);
  return failed.length > 0 ? 1 : 0;
}
