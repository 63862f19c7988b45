/**
 * What it costs to keep what rules read of the past: 20 rules of which three read windows, by default 10,000 agents with 300
 * samples in each window. How long a start takes until all of it is back in force (reading the log, and taking up every
 * agent's past), how much is written, and how long one turn of the writing is at the most.
 *
 *     node bench/micro/history.ts [--agents N] [--samples N]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../packages/node/src/adapters/system-clock/index.ts";
import { FileLog } from "../../packages/node/src/adapters/file-log/index.ts";
import { Engine } from "../../packages/node/src/engine/index.ts";
import { HistoryJournal } from "../../packages/node/src/history/index.ts";
import { parseAgentId } from "@myelin/core/ids";
import { parseRuleFile } from "@myelin/core/rules";

const { values: options } = parseArgs({
  options: {
    agents: { type: "string", default: "10000" },
    samples: { type: "string", default: "300" },
  },
});
const agents = Number(options.agents);
const samples = Number(options.samples);
const startUs = Date.now() * 1e3 - samples * 100_000;
const clock = systemClock();

const windows = [
  `avg_over_time(m0, "1h") > 2`,
  `max_over_time(m1, "1h") > 2`,
  `quantile_over_time(0.9, m2, "1h") > 2`,
];
const rules = Array.from({ length: 20 }, (_, number) => ({
  name: `r${number}`,
  expr: windows[number] ?? `m${number} > 2`,
  action: "stop",
}));

/** A node's part that knows the past: engine and journal. */
class Node {
  readonly engine = new Engine({
    maxAgents: agents,
    maxMetrics: 100,
    futureToleranceUs: 60e6,
    hooks: { onFiring: () => undefined },
  });
  readonly journal: HistoryJournal;

  constructor(directory: string) {
    this.journal = new HistoryJournal({
      clock,
      engine: this.engine,
      log: new FileLog({ directory }),
      leastBytes: 16 << 20,
      windowUs: 30e6,
      partTime: () => ({ samplesUs: 1, eventsUs: 0 }),
      decisionsKept: () => Promise.resolve(),
      onLost: (message) => console.log(message),
      onStoreError: (error) => {
        throw error;
      },
    });
  }

  applyRules(): void {
    const { rules: plans } = parseRuleFile(JSON.stringify({ rules }));
    this.engine.setRules(
      plans.map((plan) => ({ plan, version: 1, meaningVersion: 1 })),
      startUs,
    );
  }

  join(): void {
    for (let number = 0; number < agents; number += 1) {
      const id = idOf(number);
      const slot = this.engine.join(
        { id, type: "worker", tier: "edge", labels: {}, capabilities: [] },
        startUs,
      );
      this.engine.startTimeLine(slot, 1, `app/life/line/0`);
    }
  }
}

function idOf(number: number): string {
  return `agent-${number}`;
}

/** Samples of 20 metrics, each agent one of each at a time. */
function send({ engine }: Node, rounds: number, from: number): void {
  const metrics = Int32Array.from({ length: 20 }, (_, number) => engine.metric(`m${number}`));
  const values = new Float64Array(20).fill(0.5);
  const timesUs = new Float64Array(20);
  for (let round = from; round < from + rounds; round += 1) {
    timesUs.fill(startUs + round * 100_000);
    for (let slot = 0; slot < agents; slot += 1)
      engine.apply(slot, 1, 20, metrics, values, timesUs, startUs + round * 100_000);
  }
}

const directory = await mkdtemp(join(tmpdir(), "myelin-history-"));
try {
  const former = new Node(directory);
  await former.journal.restore();
  former.applyRules();
  former.join();
  send(former, samples - 10, 0);
  former.journal.start();
  await clockFor(3_000);
  let longestMs = 0;
  let longestCpuMs = 0;
  for (let round = samples - 10; round < samples; round += 1) {
    send(former, 1, round);
    const begunMs = performance.now();
    let lastMs = begunMs;
    let lastCpuMs = threadCpuMs();
    while (lastMs - begunMs < 100) {
      await clockFor(0);
      const cpuMs = threadCpuMs();
      longestCpuMs = Math.max(longestCpuMs, cpuMs - lastCpuMs);
      lastCpuMs = cpuMs;
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    }
  }
  await former.journal.stop();
  const megabytes = former.journal.counters.appendedBytes / 1e6;
  console.log(
    `written: ${megabytes.toFixed(1)} MB; longest turn ${longestMs.toFixed(1)} ms, ${longestCpuMs.toFixed(2)} ms of this thread's processor time`,
  );

  const before = performance.now();
  const cpuBefore = process.threadCpuUsage();
  const next = new Node(directory);
  await next.journal.restore();
  next.applyRules();
  const readMs = performance.now() - before;
  next.join();
  for (let number = 0; number < agents; number += 1)
    next.journal.takeUp(parseAgentId(idOf(number)), number, () => undefined);
  const totalMs = performance.now() - before;
  const cpu = process.threadCpuUsage(cpuBefore);
  const cpuMs = (cpu.user + cpu.system) / 1e3;
  send(next, 1, samples);
  console.log(
    `${agents} agents back in force after ${totalMs.toFixed(0)} ms (${cpuMs.toFixed(0)} ms of this thread's processor time), of which ${readMs.toFixed(0)} ms reading; ${next.journal.counters.takenUp} taken up`,
  );
  await next.journal.stop();
} finally {
  await rm(directory, { recursive: true });
}

/** That of the process is asked first, for the kernel then brings the thread's up to now. */
function threadCpuMs(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

function clockFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
