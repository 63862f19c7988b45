/**
 * A node at half of what it can do, for a while: samples, rules that fire, instructions by hand, agents that come
 * and go, reads and watchers. Whether memory and latency stay as they are, and nothing is left behind.
 */
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LoadFigures, LoadProcess, loadRules, maxLateUs } from "../load/load.ts";
import {
  type BenchProcess,
  cpuSeconds,
  type Figure,
  held,
  machine,
  passed,
  type Report,
  startProcess,
} from "../report/index.ts";
import { Crew, type CrewFigures } from "./crew.ts";
import type { Held } from "./probe.ts";
import { type Point, trendOf } from "./trend.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const probeUrl = new URL("./probe.ts", import.meta.url).href;
const agents = 500;
const metrics = 50;
const instants = 4;
const ruleCount = 20;
const fireEvery = 50;
/** The memory of decided instructions, the largest of what is bounded by number, is full after so many. */
const fillingInstructions = 70_000;
const fillingFireEvery = 4;
/** Of a core, which is what one lane can have. */
const half = 0.5;
/** Frames a second of an agent when nothing is known of the machine yet. */
const firstPace = 20;
const usualMinutes = 10;
/** Windows that a run is looked at in, and those at its beginning that no trend counts. */
const windows = 40;
const settlingWindows = 4;
const shortestWindowSeconds = 1;
/** A trend counts as flat until it is shown, with 95 %, to grow faster. */
const mostGrowthPercent = 10;
const resumeWindowSeconds = 1;
/** Timers come and go by themselves: this many more or less are none that were left behind. */
const looseTimers = 8;

interface Window {
  readonly atHours: number;
  readonly load: LoadFigures;
  readonly crew: CrewFigures;
  readonly residentBytes: number;
  /** Least heap in use that was seen: after a collection, about. */
  readonly heapBytes: number;
}

/** What a node without clients holds. */
interface AtRest {
  readonly files: number;
  readonly resources: Held["resources"];
}

/** Runs the benchmark. */
export async function soakBench(minutes: number = usualMinutes): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const arguments_ = ["up", "--port", "0", "--data", join(directory, "data")];
  const node = await startProcess(
    mainPath,
    [...arguments_, "--log-level", "error"],
    {
      MYELIN_SESSION_RESUME_WINDOW_US: `${resumeWindowSeconds}s`,
      // A generator that is starved for a while by others of the machine is late, and not gone.
      MYELIN_SESSION_DEAD_CONNECTION_US: "60s",
    },
    ["--import", probeUrl],
  );
  try {
    const body = JSON.stringify({ rules: loadRules(ruleCount, metrics) });
    await fetch(new URL("/api/v1/rules", node.announced["http"]), { method: "POST", body });
    const seconds = Math.max(shortestWindowSeconds, (minutes * 60) / windows);
    const pace = await halfPace(node, Math.max(2, seconds));
    await fill(node, pace, minutes);
    const before = await atRest(node);
    const cpuBefore = cpuSeconds(pidOf(node));
    const beganAtMs = performance.now();
    const seen = await soak(node, pace, seconds, Math.max(8, Math.round((minutes * 60) / seconds)));
    const share = (cpuSeconds(pidOf(node)) - cpuBefore) / ((performance.now() - beganAtMs) / 1e3);
    return reportOf({ seen, share, before, after: await atRest(node) });
  } finally {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function pidOf({ process: child }: BenchProcess): number {
  return child.pid ?? 0;
}

/** Frames a second of an agent at which the node takes half of a core; the run that tells also warms it up. */
async function halfPace(node: BenchProcess, seconds: number): Promise<number> {
  await using crew = await Crew.start(node.announced["url"] ?? "", node.announced["http"] ?? "");
  const crewOnly = await shareDuring(node, () => passed(seconds));
  await using load = await startLoad(node, firstPace);
  await load.run(seconds);
  const withLoad = await shareDuring(node, async () => void (await load.run(seconds)));
  await crew.figures();
  const perFrame = Math.max(withLoad - crewOnly, 0.01) / firstPace;
  return Math.max(1, (half - crewOnly) / perFrame);
}

async function shareDuring(node: BenchProcess, work: () => Promise<void>): Promise<number> {
  const [before, beganAtMs] = [cpuSeconds(pidOf(node)), performance.now()];
  await work();
  return (cpuSeconds(pidOf(node)) - before) / ((performance.now() - beganAtMs) / 1e3);
}

/** Fills what is bounded by number, so that its filling does not look like a leak; in a short run for as long only. */
async function fill(node: BenchProcess, pace: number, minutes: number): Promise<void> {
  await using load = await startLoad(node, pace, fillingFireEvery);
  const seconds = (fillingInstructions * fillingFireEvery) / (pace * agents);
  await load.run(Math.min(seconds, minutes * 60));
}

async function startLoad(
  node: BenchProcess,
  framesPerSecond: number,
  every: number = fireEvery,
): Promise<LoadProcess> {
  return await LoadProcess.start({
    url: node.announced["url"] ?? "",
    name: "soak",
    agents,
    framesPerSecond,
    metrics,
    instants,
    fireEvery: every,
    rules: ruleCount,
  });
}

async function soak(
  node: BenchProcess,
  pace: number,
  seconds: number,
  count: number,
): Promise<Window[]> {
  await using crew = await Crew.start(node.announced["url"] ?? "", node.announced["http"] ?? "");
  await using load = await startLoad(node, pace);
  const beganAtMs = performance.now();
  const seen: Window[] = [];
  for (let window = 0; window < count; window++) {
    const running = load.run(seconds);
    const looks: Held[] = [];
    for (let look = 0; look < Math.max(4, Math.floor(seconds)); look++) {
      await passed(seconds / Math.max(5, Math.floor(seconds) + 1));
      looks.push(await heldBy(node));
    }
    const figures = await running;
    seen.push({
      atHours: (performance.now() - beganAtMs) / 3.6e6,
      load: figures,
      crew: await crew.figures(),
      residentBytes: looks.reduce((sum, look) => sum + look.residentBytes, 0) / looks.length,
      heapBytes: Math.min(...looks.map(({ heapBytes }) => heapBytes)),
    });
  }
  return seen;
}

async function heldBy(node: BenchProcess): Promise<Held> {
  const answer = once(node.process, "message");
  node.process.send("look");
  return ((await answer) as [Held])[0];
}

/** What the node holds when all its clients have left and their sessions are over. */
async function atRest(node: BenchProcess): Promise<AtRest> {
  await passed(resumeWindowSeconds);
  const metricsUrl = new URL("/metrics", node.announced["http"]);
  let sessions = Number.NaN;
  while (sessions !== 0) {
    await passed(0.5);
    const answer = await fetch(metricsUrl, { headers: { connection: "close" } });
    sessions = Number(/^myelin_sessions (\d+)$/m.exec(await answer.text())?.[1]);
  }
  // The connection of the last question closes, and what is written behind is written.
  await passed(resumeWindowSeconds);
  const { resources } = await heldBy(node);
  return { files: (await readdir(`/proc/${pidOf(node)}/fd`)).length, resources };
}

interface Findings {
  readonly seen: readonly Window[];
  /** Of a core, over the whole run. */
  readonly share: number;
  readonly before: AtRest;
  readonly after: AtRest;
}

function reportOf({ seen, share, before, after }: Findings): Report {
  const elapsedHours = seen.at(-1)?.atHours ?? Number.NaN;
  const rate = (of: (window: Window) => number): number =>
    seen.reduce((sum, window) => sum + of(window), 0) / (elapsedHours * 3600);
  const total = (of: (crew: CrewFigures) => number): number =>
    seen.reduce((sum, { crew }) => sum + of(crew), 0);
  const late = seen.filter(({ load }) => load.lateP999Us > maxLateUs);
  const isVoid = late.length * 2 > seen.length;
  return {
    bench: "soak",
    machine: machine(),
    figures: [
      { name: "minutes", value: elapsedHours * 60, unit: "" },
      { name: "node's share of a core", value: share * 100, unit: "%" },
      {
        name: "samples",
        value: rate(({ load }) => load.frames * metrics * instants) / 1e6,
        unit: "M/s",
      },
      { name: "instructions by rules", value: rate(({ load }) => load.received), unit: "/s" },
      { name: "instructions by hand", value: rate(({ crew }) => crew.byHand), unit: "/s" },
      { name: "reads", value: rate(({ crew }) => crew.reads), unit: "/s" },
      { name: "reconnects", value: rate(({ crew }) => crew.reconnects), unit: "/s" },
      { name: "lines told to watchers", value: rate(({ crew }) => crew.watchEvents), unit: "/s" },
      ...trendFigures(seen),
      held({
        name: "samples without an instruction",
        value: seen.reduce((sum, { load }) => sum + load.fired - load.received, 0),
        unit: "",
        target: 0,
      }),
      { name: "by hand, not executed", value: total((crew) => crew.notExecuted), unit: "" },
      held({
        name: "calls that failed",
        value: total((crew) => crew.failedCalls),
        unit: "",
        target: 0,
      }),
      ...restFigures(before, after),
      { name: "windows in which the generator was late", value: late.length, unit: "" },
    ],
    ...(isVoid ? { void: "the generator was late in most of the windows" } : {}),
  };
}

/** What must not grow: each as its mean, and its growth with what is known of it. */
function trendFigures(seen: readonly Window[]): Figure[] {
  const settled = seen.slice(settlingWindows);
  const punctual = settled.filter(({ load }) => load.lateP999Us <= maxLateUs);
  const mebibytes = 2 ** 20;
  return [
    ...growthOf(
      "resident memory",
      "MiB",
      settled,
      ({ residentBytes }) => residentBytes / mebibytes,
    ),
    ...growthOf("heap", "MiB", settled, ({ heapBytes }) => heapBytes / mebibytes),
    ...growthOf("loop p50", "us", punctual, ({ load }) => load.latencyUs[0] ?? Number.NaN),
    ...growthOf("loop p99", "us", punctual, ({ load }) => load.latencyUs[1] ?? Number.NaN),
    ...growthOf("by hand p50", "us", settled, ({ crew }) => crew.byHandUs[0] ?? Number.NaN),
    ...growthOf("by hand p99", "us", settled, ({ crew }) => crew.byHandUs[1] ?? Number.NaN),
  ];
}

const fewestPoints = 4;

function growthOf(
  name: string,
  unit: string,
  seen: readonly Window[],
  of: (window: Window) => number,
): Figure[] {
  if (seen.length < fewestPoints) return [];
  const points: Point[] = seen.map((window) => ({ atHours: window.atHours, value: of(window) }));
  const { mean, perHour, withinPerHour } = trendOf(points);
  const percent = (change: number): number => (change / mean) * 100;
  return [
    { name: `${name}, mean`, value: mean, unit },
    { name: `${name}, growth an hour`, value: percent(perHour), unit: "%" },
    { name: `${name}, give or take (95 %)`, value: percent(withinPerHour), unit: "%" },
    held({
      name: `${name}, growth at the least`,
      value: percent(perHour - withinPerHour),
      unit: "%",
      target: mostGrowthPercent,
    }),
  ];
}

function restFigures(before: AtRest, after: AtRest): Figure[] {
  const isTimer = (kind: string): boolean => kind === "Timeout" || kind === "Immediate";
  const more = (ofTimers: boolean): number =>
    Object.entries(after.resources)
      .filter(([kind]) => isTimer(kind) === ofTimers)
      .reduce((sum, [kind, count]) => sum + Math.max(0, count - (before.resources[kind] ?? 0)), 0);
  return [
    { name: "files open at rest, before", value: before.files, unit: "" },
    held({ name: "files more, after", value: after.files - before.files, unit: "", target: 0 }),
    held({ name: "handles more, after", value: more(false), unit: "", target: 0 }),
    held({ name: "timers more, after", value: more(true), unit: "", target: looseTimers }),
  ];
}
