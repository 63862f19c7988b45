// Attacks a node with mutated, random and truncated frames: `npm run fuzz -- --iterations N --seed S`.
// `--seed S --at K` replays one input with what came before it in its round, and prints it.
// `--grow` keeps in test/fuzz/corpus what reaches code that nothing before has reached.
// `--rules` sends no frames: it tries texts of rules. `--sockets` goes over real WebSockets and a Unix socket instead of memory. Exits 1 when something broke.
import { parseArgs } from "node:util";
import { type EncodingName, parseEncodingName } from "@myelin/core/wire";
import { campaign, type Find, maxGrowthBytes, replay } from "./campaign.ts";
import { type Input, inputAt } from "./input.ts";
import { keep } from "./kept.ts";
import { grow } from "./grow.ts";
import { attackRules } from "./rules.ts";
import { attackSockets } from "./sockets.ts";

const usage =
  "usage: npm run fuzz -- [--iterations N] [--seed S] [--encoding proto|msgpack|json] [--sockets | --grow | --rules] | [--rules] --seed S --at K\n";

function print(at: number, { encoding, bytes, isFirst, made }: Input): void {
  const where = isFirst ? "before the hello" : "in a session";
  process.stdout.write(`input ${at} in ${encoding}, ${where}: ${made}\n`);
  process.stdout.write(`${bytes.length} bytes: ${bytes.toString("hex")}\n`);
  if (encoding === "json") process.stdout.write(`${bytes.toString().slice(0, 4000)}\n`);
}

function printFind(seed: number, encoding: EncodingName | undefined, find: Find): void {
  process.stdout.write(`broken at input ${find.at}\n`);
  print(find.at, find.input);
  process.stdout.write(`${find.error instanceof Error ? find.error.stack : String(find.error)}\n`);
  const also = encoding === undefined ? "" : ` --encoding ${encoding}`;
  process.stdout.write(`replay it with: npm run fuzz -- --seed ${seed} --at ${find.at}${also}\n`);
}

function wholeOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number\n${usage}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    iterations: { type: "string", default: "10000000" },
    seed: { type: "string", default: "1" },
    at: { type: "string" },
    encoding: { type: "string" },
    sockets: { type: "boolean", default: false },
    grow: { type: "boolean", default: false },
    rules: { type: "boolean", default: false },
  },
});
const seed = wholeOf("seed", values.seed);
const iterations = wholeOf("iterations", values.iterations);
const encoding = values.encoding === undefined ? undefined : parseEncodingName(values.encoding);
const chosen = { seed, ...(encoding === undefined ? {} : { encoding }) };

/** Texts of rules instead of frames: one of them, or many. */
function runRules(): boolean {
  const at = values.at === undefined ? undefined : wholeOf("at", values.at);
  const startedAt = performance.now();
  const { find, refused, planned, slowestMs, growthBytes } = attackRules(
    seed,
    at === undefined ? iterations : 1,
    at,
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(
    `${refused} texts were refused, ${planned} had a plan (${seconds} s); the slowest took ${slowestMs.toFixed(1)} ms; memory grew by ${(growthBytes / 2 ** 20).toFixed(1)} MiB at most\n`,
  );
  if (find === undefined) return growthBytes <= maxGrowthBytes;
  const { text, error } = find;
  process.stdout.write(`broken at text ${find.at}, ${text.kind} made as ${text.made}\n`);
  process.stdout.write(`${JSON.stringify(text.text).slice(0, 4000)}\n`);
  process.stdout.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stdout.write(`replay it with: npm run fuzz -- --rules --seed ${seed} --at ${find.at}\n`);
  return false;
}

async function run(): Promise<boolean> {
  if (values.rules) return runRules();
  if (values.at !== undefined) {
    const at = wholeOf("at", values.at);
    print(at, inputAt(seed, at, encoding));
    const find = await replay({ ...chosen, at });
    if (find === undefined) process.stdout.write("nothing broke\n");
    else printFind(seed, encoding, find);
    return find === undefined;
  }
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1);
  if (values.sockets) {
    await attackSockets({ seed, iterations });
    process.stdout.write(`${iterations} inputs over sockets in ${seconds()} s, nothing broke\n`);
    return true;
  }
  if (values.grow) {
    const onKept = (name: string, place: string): void =>
      void process.stdout.write(`kept ${name}, the first in ${place}\n`);
    const { kept, functions } = await grow({ seed, iterations, onKept });
    process.stdout.write(
      `${iterations} inputs in ${seconds()} s: ${kept} kept, ${functions} functions reached\n`,
    );
    return true;
  }
  const onRound = (done: number): void => {
    if (done % 500_000 === 0) process.stdout.write(`${done} inputs, ${seconds()} s\n`);
  };
  const { inputs, find, counters, growthBytes } = await campaign({
    ...chosen,
    iterations,
    onRound,
  });
  const { expelled, refused, survived } = counters;
  process.stdout.write(
    `${inputs} inputs in ${seconds()} s: ${expelled} cost a session, ${refused} were refused, ${survived} were taken; memory grew by ${(growthBytes / 2 ** 20).toFixed(1)} MiB at most\n`,
  );
  if (find !== undefined) {
    printFind(seed, encoding, find);
    process.stdout.write(`kept as test/fuzz/corpus/${keep(find.input)}\n`);
  }
  return find === undefined && growthBytes <= maxGrowthBytes;
}

process.exitCode = (await run()) ? 0 : 1;
