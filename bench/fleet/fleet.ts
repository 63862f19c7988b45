/**
 * A fleet at work: 1,000 agents, each with 50 frames a second of 10 metrics, 20 rules, of 100 frames
 * one fires. Measured inside the node, and from the moment a sample was meant to leave; beside it, right before, the
 * same load on a bare server.
 * With `--flood` one agent floods as fast as it can, and what the others see is compared with and without.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Flood } from "../flood/flood-process.ts";
import {
  bareLoad,
  type LoadFigures,
  LoadProcess,
  loadRules,
  maxLateUs,
  nodeTimes,
  takenSamples,
} from "../load/load.ts";
import {
  held,
  machine,
  median,
  type Report,
  type Spent,
  spentDuring,
  startProcess,
} from "../report/index.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const agents = 1000;
const framesPerSecond = 50;
const metrics = 10;
const ruleCount = 20;
const warmUpSeconds = 5;
const seconds = 20;
const bareSeconds = 5;
/** Beside a flood: slices without and with it, and what the fleet's p99 may rise by. */
const slices = 3;
const sliceSeconds = 8;
const mostTimes = 2;

/** Runs the benchmark; with `isFlooded` the one of a fleet beside an agent that floods. */
export async function fleetBench(isFlooded = false): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const shape = {
    name: "fleet",
    agents: isFlooded ? agents - 1 : agents,
    framesPerSecond,
    metrics,
    instants: 1,
    fireEvery: 100,
    rules: ruleCount,
  };
  const bare = isFlooded ? undefined : await bareLoad(shape, bareSeconds, bareSeconds);
  const node = await startProcess(mainPath, arguments_);
  try {
    const http = node.announced["http"] ?? "";
    const url = node.announced["url"] ?? "";
    const rules = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    await using load = await LoadProcess.start({ url, ...shape });
    const warmUp = await load.run(warmUpSeconds);
    const pid = node.process.pid ?? 0;
    if (bare === undefined) return await besideFlood(load, url, pid);
    return await alone(load, http, pid, warmUp.frames, bare);
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the fleet sees, and what is seen inside the node. */
async function alone(
  load: LoadProcess,
  http: string,
  pid: number,
  framesBefore: number,
  bare: Spent<LoadFigures>,
): Promise<Report> {
  const { seen, cpuShare } = await slice(load, pid, seconds);
  const nodeUs = await nodeTimes(http);
  const bareShare = bare.cpu / bare.took;
  const lost = (framesBefore + seen.frames) * metrics - (await takenSamples(http));
  const [p50 = Number.NaN, p99 = Number.NaN, p999 = Number.NaN] = seen.latencyUs;
  return {
    bench: "fleet",
    machine: machine(),
    figures: [
      { name: "samples", value: (seen.frames * metrics) / seconds / 1e6, unit: "M/s" },
      { name: "instructions", value: seen.received / seconds, unit: "/s" },
      { name: "inside the node p50", value: nodeUs.p50, unit: "us" },
      held({ name: "inside the node p99", value: nodeUs.p99, unit: "us", target: 1000 }),
      held({ name: "inside the node p99.9", value: nodeUs.p999, unit: "us", target: 5000 }),
      { name: "meant to leave to handler p50", value: p50, unit: "us" },
      { name: "meant to leave to handler p99", value: p99, unit: "us" },
      { name: "meant to leave to handler p99.9", value: p999, unit: "us" },
      held({
        name: "samples without an instruction",
        value: seen.fired - seen.received,
        unit: "",
        target: 0,
      }),
      held({ name: "samples lost", value: lost, unit: "", target: 0 }),
      { name: "bare server's share of a core", value: bareShare * 100, unit: "%" },
      held({ name: "node's share of a core", value: cpuShare * 100, unit: "%", target: 70 }),
      {
        name: "node's share against the bare server's",
        value: cpuShare * 100,
        unit: "%",
        ratio: cpuShare / bareShare,
      },
      { name: "generator late p99.9", value: seen.lateP999Us, unit: "us" },
    ],
    ...(seen.lateP999Us > maxLateUs ? { void: "the generator was late" } : {}),
  };
}

/** One slice of the fleet's work. */
interface Slice {
  readonly seen: LoadFigures;
  readonly cpuShare: number;
}

async function slice(load: LoadProcess, pid: number, forSeconds: number): Promise<Slice> {
  const { result, cpu, took } = await spentDuring(pid, async () => await load.run(forSeconds));
  return { seen: result, cpuShare: cpu / took };
}

/** What the fleet sees without and with one agent more that sends as fast as it can, in slices that alternate. */
async function besideFlood(load: LoadProcess, url: string, pid: number): Promise<Report> {
  await using flood = await Flood.start(url, 1);
  const quiet: Slice[] = [];
  const flooded: Slice[] = [];
  let floodMs = 0;
  let floodBytes = 0;
  for (let count = 0; count < slices; count++) {
    quiet.push(await slice(load, pid, sliceSeconds));
    const beganAtMs = performance.now();
    flood.begin();
    flooded.push(await slice(load, pid, sliceSeconds));
    floodMs += performance.now() - beganAtMs;
    floodBytes = await flood.end();
  }
  const latency = (some: readonly Slice[], at: number): number =>
    median(some.map(({ seen }) => seen.latencyUs[at] ?? Number.NaN));
  const share = (some: readonly Slice[]): number => median(some.map(({ cpuShare }) => cpuShare));
  const all = [...quiet, ...flooded];
  const unanswered = all.reduce((sum, { seen }) => sum + seen.fired - seen.received, 0);
  const lateUs = median(all.map(({ seen }) => seen.lateP999Us));
  const figures = ["p50", "p99", "p99.9"].flatMap((percentile, at) => {
    const [quietUs, floodedUs] = [latency(quiet, at), latency(flooded, at)];
    const target = percentile === "p99" ? { target: mostTimes } : {};
    const name = `meant to leave to handler ${percentile}`;
    return [
      { name, value: quietUs, unit: "us" },
      held({
        name: `${name}, flood on`,
        value: floodedUs,
        unit: "us",
        ratio: floodedUs / quietUs,
        ...target,
      }),
    ];
  });
  return {
    bench: "fleet",
    machine: machine(),
    figures: [
      ...figures,
      held({ name: "samples without an instruction", value: unanswered, unit: "", target: 0 }),
      { name: "node's share of a core", value: share(quiet) * 100, unit: "%" },
      { name: "node's share of a core, flood on", value: share(flooded) * 100, unit: "%" },
      { name: "taken of the flood", value: floodBytes / floodMs / 1e3, unit: "MB/s" },
      { name: "generator late p99.9", value: lateUs, unit: "us" },
    ],
    ...(lateUs > maxLateUs ? { void: "the generator was late" } : {}),
  };
}
