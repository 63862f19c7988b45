// Kills a node with instructions in flight: `npm run faults -- --kills 200 [--seed S] [--agents N]`.
// Exits 1 when a promise was broken.
import { parseArgs } from "node:util";
import { killCampaign } from "./kill/campaign.ts";
import { textOf } from "./kill/report.ts";

const usage = "usage: npm run faults -- [--kills N] [--seed S] [--agents N]\n";

function wholeOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number\n${usage}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    agents: { type: "string", default: "10000" },
  },
});
const startedAtMs = performance.now();
const report = await killCampaign({
  kills: wholeOf("kills", values.kills),
  seed: wholeOf("seed", values.seed),
  registered: wholeOf("agents", values.agents),
  onKill: (done, restartMs) => {
    if (done % 10 === 0)
      process.stdout.write(`${done} kills, the last restart took ${restartMs.toFixed(0)} ms\n`);
  },
});
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
process.stdout.write(`${textOf(report)}; ${seconds} s\n`);
for (const breach of report.breaches) process.stdout.write(`broken: ${breach}\n`);
process.exitCode = report.breaches.length > 0 ? 1 : 0;
