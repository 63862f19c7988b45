/**
 * What a second lane costs: the processor time of a sample in a node of two lanes against one of one lane, in
 * turns. The load takes a core of its own, so that what two lanes can do together is seen only where there are
 * at least three.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LoadProcess, loadRules } from "../load/load.ts";
import { cpuSeconds, held, machine, median, type Report, startProcess } from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const agents = 100;
const metrics = 20;
const instants = 5;
const ruleCount = 20;
const fireEvery = 10_000;
const warmUpSeconds = 6;
const seconds = 6;
const rounds = 3;

interface Round {
  /** Microseconds of processor for a thousand samples. */
  readonly cpuUs: number;
  readonly samplesPerSecond: number;
  readonly missed: number;
}

/** Runs the benchmark. */
export async function lanesBench(): Promise<Report> {
  const ones: Round[] = [];
  const twos: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    ones.push(await measure(1));
    twos.push(await measure(2));
  }
  const ratios = twos.map(({ cpuUs }, round) => cpuUs / (ones[round]?.cpuUs ?? Number.NaN));
  const of = (found: readonly Round[], name: keyof Round): number =>
    median(found.map((each) => each[name]));
  return {
    bench: "lanes",
    machine: machine(),
    figures: [
      { name: "processor for 1,000 samples, one lane", value: of(ones, "cpuUs"), unit: "us" },
      held({
        name: "processor for 1,000 samples, two lanes",
        value: of(twos, "cpuUs"),
        unit: "us",
        ratio: median(ratios),
        target: 1.15,
      }),
      {
        name: "samples a second, one lane",
        value: of(ones, "samplesPerSecond") / 1e6,
        unit: "M/s",
      },
      {
        name: "samples a second, two lanes",
        value: of(twos, "samplesPerSecond") / 1e6,
        unit: "M/s",
      },
      held({
        name: "samples without an instruction",
        value: [...ones, ...twos].reduce((sum, { missed }) => sum + missed, 0),
        unit: "",
        target: 0,
      }),
    ],
  };
}

async function measure(lanes: number): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const node = await startProcess(mainPath, [
    ...["up", "--port", "0", "--data", join(directory, "data"), "--log-level", "warn"],
    ...["--lanes", String(lanes)],
  ]);
  try {
    const http = node.announced["http"] ?? "";
    const rules = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    await using load = await LoadProcess.start({
      url: node.announced["url"] ?? "",
      name: "lanes",
      agents,
      framesPerSecond: 0,
      metrics,
      instants,
      fireEvery,
      rules: ruleCount,
    });
    await load.run(warmUpSeconds);
    const pid = node.process.pid ?? 0;
    const [cpuBefore, beganAtMs] = [cpuSeconds(pid), performance.now()];
    const seen = await load.run(seconds);
    const tookSeconds = (performance.now() - beganAtMs) / 1e3;
    const cpu = cpuSeconds(pid) - cpuBefore;
    const samples = seen.frames * metrics * instants;
    return {
      cpuUs: (cpu / samples) * 1e9,
      samplesPerSecond: samples / tookSeconds,
      missed: seen.fired - seen.received,
    };
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
