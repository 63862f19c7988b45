/**
 * How many samples a second the engine takes on one core where 20 rules read windows, quantiles, fleets and silences: 100
 * agents, 20 metrics, each agent 10 samples a second of each.
 *
 *     node bench/micro/windows.ts [--seconds N]
 */
import { parseArgs } from "node:util";
import { parseRuleFile } from "@myelin/core/rules";
import { Engine } from "../../packages/node/src/engine/index.ts";

const agentCount = 100;
const metricCount = 20;
const periodUs = 100_000;
const startUs = 1_760_000_000_000_000;

const conditions: readonly (readonly [name: string, condition: string])[] = [
  ["m > 0.99", "M > 0.99"],
  ['avg_over_time(m, "30s") > 0.99', 'avg_over_time(M, "30s") > 0.99'],
  ['stddev_over_time(m, "30s") > 0.99', 'stddev_over_time(M, "30s") > 0.99'],
  ['max_over_time(m, "30s") > 1', 'max_over_time(M, "30s") > 1'],
  ['rate(m, "30s") > 1e9', 'rate(M, "30s") > 1e9'],
  ['deriv(m, "30s") > 1e9', 'deriv(M, "30s") > 1e9'],
  ['quantile_over_time(0.99, m, "30s") > 1', 'quantile_over_time(0.99, M, "30s") > 1'],
  ['avg_over_time(m, "3m") > 0.99 (buckets)', 'avg_over_time(M, "3m") > 0.99'],
  ['quantile_over_time(0.99, m, "3m") > 1.1 (sketch)', 'quantile_over_time(0.99, M, "3m") > 1.1'],
  ["fleet_avg(m) > 0.99", "fleet_avg(M) > 0.99"],
  ['group_max(m, "zone") > 1', 'group_max(M, "zone") > 1'],
  ['absent(m, "5s")', 'absent(M, "5s")'],
];

/** Time that this thread has computed; what other processes take from the core does not count. */
function cpuMs(): number {
  return process.threadCpuUsage().user / 1_000;
}

function makeEngine(condition: string): Engine {
  const engine = new Engine({
    maxAgents: 1_000,
    maxMetrics: 1_000,
    futureToleranceUs: 60e6,
    hooks: { onFiring: () => undefined },
  });
  const rules = Array.from(
    { length: metricCount },
    (_, number) =>
      `  - { name: r${number}, expr: '${condition.replaceAll("M", `m${number}`)}', action: stop }`,
  );
  const parsed = parseRuleFile(`rules:\n${rules.join("\n")}\n`);
  if (parsed.rules.length !== metricCount) throw new Error("the bench's rules are not valid");
  engine.setRules(
    parsed.rules.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
    startUs,
  );
  for (let number = 0; number < agentCount; number += 1) {
    const labels = { zone: `z${number % 10}` };
    const id = `agent-${number}`;
    engine.join({ id, type: "worker", tier: "edge", labels, capabilities: [] }, startUs);
  }
  return engine;
}

/** Samples that the engine takes in a second of computing, once the windows are full. */
function measure(condition: string, seconds: number): number {
  const engine = makeEngine(condition);
  const metrics = Int32Array.from({ length: metricCount }, (_, number) =>
    engine.metric(`m${number}`),
  );
  const values = new Float64Array(metricCount);
  const timesUs = new Float64Array(metricCount);
  let nowUs = startUs;
  let seed = 1;
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      nowUs += periodUs;
      for (let slot = 0; slot < agentCount; slot += 1) {
        timesUs.fill(nowUs + slot);
        for (let metric = 0; metric < metricCount; metric += 1) {
          seed = (seed * 48_271) % 2_147_483_647;
          values[metric] = seed / 2_147_483_647;
        }
        engine.apply(slot, 1, metricCount, metrics, values, timesUs, nowUs);
      }
    }
  };
  run(2_000);
  const before = cpuMs();
  let rounds = 0;
  while (cpuMs() - before < seconds * 1_000) {
    run(20);
    rounds += 20;
  }
  return (rounds * agentCount * metricCount * 1_000) / (cpuMs() - before);
}

const { values: options } = parseArgs({ options: { seconds: { type: "string", default: "1" } } });
console.log(
  `${"20 rules, 100 agents: samples a second, one core".padEnd(52)}${"engine".padStart(10)}`,
);
for (const [name, condition] of conditions) {
  const rate = measure(condition, Number(options.seconds));
  console.log(`${name.padEnd(52)}${`${(rate / 1e6).toFixed(2)} M`.padStart(10)}`);
}
