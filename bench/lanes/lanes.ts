/**
 * What a second lane costs: the processor time of a sample in a node of two lanes against one of one lane, in
 * turns. Held to the target is a load at a pace, at which every thread has a core when it needs one. As fast as the
 * node reads, a load takes a core of its own: on two cores three busy threads then take turns, and what two lanes
 * can do together is seen only where there are at least three.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LoadProcess, loadRules } from "../load/load.ts";
import {
  type BenchProcess,
  held,
  machine,
  median,
  type Report,
  spentDuring,
  startProcess,
} from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const agents = 100;
const metrics = 20;
const instants = 5;
const ruleCount = 20;
const fireEvery = 10_000;
/** Of each agent, at a pace. */
const framesPerSecond = 200;
const warmUpSeconds = 4;
const seconds = 5;
const rounds = 3;

interface Measured {
  /** Microseconds of processor for a thousand samples. */
  readonly cpuUs: number;
  readonly samplesPerSecond: number;
  readonly missed: number;
}

interface Round {
  readonly paced: Measured;
  /** At half the pace, as each of two lanes has it. */
  readonly halved: Measured;
  readonly full: Measured;
}

/** Runs the benchmark. */
export async function lanesBench(): Promise<Report> {
  const ones: Round[] = [];
  const twos: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    ones.push(await measure(1));
    twos.push(await measure(2));
  }
  const of = (found: readonly Round[], load: keyof Round, name: keyof Measured): number =>
    median(found.map((each) => each[load][name]));
  const ratioOf = (load: keyof Round): number =>
    median(twos.map((two, at) => two[load].cpuUs / (ones[at]?.[load].cpuUs ?? Number.NaN)));
  const missed = [...ones, ...twos].reduce(
    (sum, { paced, halved, full }) => sum + paced.missed + halved.missed + full.missed,
    0,
  );
  const perThousand = "processor for 1,000 samples";
  return {
    bench: "lanes",
    machine: machine(),
    figures: [
      { name: `${perThousand}, one lane`, value: of(ones, "paced", "cpuUs"), unit: "us" },
      held({
        name: `${perThousand}, two lanes`,
        value: of(twos, "paced", "cpuUs"),
        unit: "us",
        ratio: ratioOf("paced"),
        target: 1.15,
      }),
      {
        name: `${perThousand}, one lane at half the pace`,
        value: of(ones, "halved", "cpuUs"),
        unit: "us",
        ratio: median(ones.map(({ halved, paced }) => halved.cpuUs / paced.cpuUs)),
      },
      { name: `${perThousand}, full, one lane`, value: of(ones, "full", "cpuUs"), unit: "us" },
      {
        name: `${perThousand}, full, two lanes`,
        value: of(twos, "full", "cpuUs"),
        unit: "us",
        ratio: ratioOf("full"),
      },
      {
        name: "samples a second, full, one lane",
        value: of(ones, "full", "samplesPerSecond") / 1e6,
        unit: "M/s",
      },
      {
        name: "samples a second, full, two lanes",
        value: of(twos, "full", "samplesPerSecond") / 1e6,
        unit: "M/s",
      },
      held({ name: "samples without an instruction", value: missed, unit: "", target: 0 }),
    ],
  };
}

async function measure(lanes: number): Promise<Round> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const node = await startProcess(mainPath, [
    ...["up", "--port", "0", "--data", join(directory, "data"), "--log-level", "error"],
    ...["--lanes", String(lanes)],
  ]);
  try {
    const http = node.announced["http"] ?? "";
    const rules = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    const full = await underLoad(node, "full", 0);
    const paced = await underLoad(node, "paced", framesPerSecond);
    const halved = await underLoad(node, "halved", framesPerSecond / 2);
    return { full, paced, halved };
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function underLoad(node: BenchProcess, name: string, pace: number): Promise<Measured> {
  const shape = { agents, metrics, instants, fireEvery, rules: ruleCount };
  const url = node.announced["url"] ?? "";
  await using load = await LoadProcess.start({ url, name, framesPerSecond: pace, ...shape });
  await load.run(warmUpSeconds);
  const pid = node.process.pid ?? 0;
  const spent = await spentDuring(pid, async () => await load.run(seconds));
  const { result: seen, cpu, took } = spent;
  const samples = seen.frames * metrics * instants;
  return {
    cpuUs: (cpu / samples) * 1e9,
    samplesPerSecond: samples / took,
    missed: seen.fired - seen.received,
  };
}
