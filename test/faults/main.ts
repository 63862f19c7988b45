// Kills a node with instructions in flight: `npm run faults -- --kills 200 [--seed S] [--agents N]`, or
// damages the files of data directories: `npm run faults -- --damages 1000 [--seed S]`.
// Exits 1 when a promise was broken.
import { parseArgs } from "node:util";
import { temporaryDirectory } from "../e2e/support/index.ts";
import { killCampaign } from "./kill/campaign.ts";
import { textOf } from "./kill/report.ts";
import { damageAll, damageBackups, type DamageReport } from "./storage/campaign.ts";
import { makeHistory } from "./storage/history.ts";

const usage = "usage: npm run faults -- [--kills N] [--agents N] | --damages N, and [--seed S]\n";

function wholeOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number\n${usage}`);
  process.exit(2);
}

async function kill(kills: number, seed: number, registered: number): Promise<readonly string[]> {
  const report = await killCampaign({
    kills,
    seed,
    registered,
    onKill: (done, restartMs) => {
      if (done % 10 === 0)
        process.stdout.write(`${done} kills, the last restart took ${restartMs.toFixed(0)} ms\n`);
    },
  });
  process.stdout.write(`${textOf(report)}\n`);
  return report.breaches;
}

async function damage(count: number, seed: number): Promise<readonly string[]> {
  await using folder = await temporaryDirectory();
  const history = await makeHistory(folder.path);
  const found: string[] = [];
  const note = (what: string, { ends, breaches }: DamageReport): void => {
    process.stdout.write(`${what}: ${JSON.stringify(ends)}\n`);
    found.push(...breaches);
  };
  for (const file of ["state.db", "state.db-wal", "ledger"] as const) {
    for (const kind of ["cut", "changed"] as const)
      note(`${file} ${kind}`, await damageAll(history, { file, damage: kind, seed, count }));
  }
  note("backup", await damageBackups(history, folder.path, { seed, count }));
  return found;
}

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    damages: { type: "string" },
    seed: { type: "string", default: "1" },
    agents: { type: "string", default: "10000" },
  },
});
const startedAtMs = performance.now();
const seed = wholeOf("seed", values.seed);
const breaches =
  values.damages === undefined
    ? await kill(wholeOf("kills", values.kills), seed, wholeOf("agents", values.agents))
    : await damage(wholeOf("damages", values.damages), seed);
process.stdout.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0)} s\n`);
for (const breach of breaches) process.stdout.write(`broken: ${breach}\n`);
process.exitCode = breaches.length > 0 ? 1 : 0;
