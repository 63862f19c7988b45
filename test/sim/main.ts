// Simulates fleets and their node, from seeds; see docs/testing.md.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { searchPlanted } from "./command/planted.ts";
import { reductionOf } from "./command/reduction.ts";
import { runSeed, runSeeds } from "./command/seeds.ts";
import { seedsBetween } from "./sweep/sweep.ts";

const usage = `usage: npm run sim -- [--seeds A..B]            run these seeds; 1..1000 without any
       npm run sim -- --seed N [--trace] [--shrink]    run one seed; print all that happens; make a failing run smaller
       npm run sim -- --planted [NAME]                 plant faults into node and SDK, and search the seeds that find them

  --agents N       how many agents there are, instead of what the seed says
  --for SECONDS    how long things go wrong
  --faults LIST    which faults strike: kinds (cut) or single ones (cut#3), with commas between; none for none
  --threads N      how many threads run seeds; as many as there are cores without it

A failing seed is printed with the command that replays it; the first one is made smaller, too.
Exit code 0: all was well. 1: a rule was broken, or a planted fault was not found. 2: wrong arguments.
`;

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`);
  process.exit(2);
}

const options = {
  seed: { type: "string" },
  seeds: { type: "string" },
  trace: { type: "boolean", default: false },
  shrink: { type: "boolean", default: false },
  planted: { type: "boolean", default: false },
  agents: { type: "string" },
  for: { type: "string" },
  faults: { type: "string" },
  threads: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

const { values, positionals } = (() => {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
})();

const [plantedName, ...more] = positionals;
if (more.length > 0 || (plantedName !== undefined && !values.planted))
  refuse(`what is ${JSON.stringify(positionals.at(-1))}?`);
const reduction = reductionOf(values);
if (typeof reduction === "string") refuse(reduction);
const threads = Number(values.threads ?? availableParallelism());
if (!Number.isInteger(threads) || threads < 1) refuse("--threads takes a whole number from 1");
const range = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(values.seed ?? values.seeds ?? "1..1000");
const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
const isOne = values.seed !== undefined;
if (range === null || last < first || (isOne && first !== last))
  refuse("--seed takes a number, --seeds two such as 1..50");

if (values.help) process.stdout.write(usage);
else if (values.planted) process.exitCode = await searchPlanted(plantedName, { threads });
else if (isOne) process.exitCode = await runSeed(first, { ...values, reduction });
else process.exitCode = await runSeeds(seedsBetween(first, last), { threads, reduction });
