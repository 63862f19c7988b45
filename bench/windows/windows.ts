/**
 * Windows over a crash: 10,000 agents report what 20 rules read over three windows each. Measured are how old a sample is,
 * at the most, when it is in the journal of windows; then, some times over, what is missing from windows after `kill -9`,
 * and how soon the node serves again with all of them. With the command as built, packed and installed.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, connect } from "@myelin/agent";
import { LoadProcess } from "../load/load.ts";
import {
  type BenchProcess,
  cpuShare,
  type Figure,
  held,
  installPacked,
  machine,
  median,
  passed,
  type Report,
  startProcess,
} from "../report/index.ts";

const agents = 10_000;
const metrics = 3;
const framesPerSecond = 1;
const rules = 20;
const rounds = 3;
const fillSeconds = 30;
const measureSeconds = 10;
const witness = "witness";
const functions = ["avg_over_time", "max_over_time", "count_over_time"] as const;

/** Rules over three windows, none of which ever fires, and one that tells what the witness's window holds. */
function windowRules(): string {
  const windows = functions.map((name, at) => `${name}(m${at}, "30s")`);
  const never = Array.from({ length: rules }, (_, at) => ({
    name: `window-${at}`,
    expr: windows.map((window) => `${window} > ${1e9 + at}`).join(" || "),
    action: "measure",
  }));
  const tells = {
    name: "tells",
    where: `agent.id == "${witness}"`,
    expr: "ask > 0",
    action: "measure",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of rules
    args: { last: '${last_over_time(number, "60s")}' },
  };
  return JSON.stringify({ rules: [...never, tells] });
}

interface Round {
  /** How old a sample is when it is in the journal, p99 and most, milliseconds. */
  readonly appendP99Ms: number;
  readonly cpu: number;
  readonly lostMs: number;
  readonly restartMs: number;
  readonly lateP999Us: number;
}

/** Runs the benchmark. */
export async function windowsBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  try {
    const mainPath = await installPacked(directory);
    const done: Round[] = [];
    for (let round = 0; round < rounds; round += 1)
      done.push(await oneRound(mainPath, join(directory, `data-${round}`)));
    return { bench: "windows", machine: machine(), figures: figuresOf(done) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function figuresOf(done: readonly Round[]): Figure[] {
  const most = (of: (round: Round) => number): number => Math.max(...done.map(of));
  return [
    { name: "agents", value: agents, unit: "" },
    {
      name: "node's share of a core",
      value: median(done.map(({ cpu }) => cpu)) * 100,
      unit: "%",
    },
    held({
      name: "oldest sample when it is in the journal, p99, worst of three",
      value: most(({ appendP99Ms }) => appendP99Ms),
      unit: "ms",
      target: 100,
    }),
    held({
      name: "missing from windows after kill -9, worst of three",
      value: most(({ lostMs }) => lostMs),
      unit: "ms",
      target: 100,
    }),
    held({
      name: "from the start to serving with all windows, median",
      value: median(done.map(({ restartMs }) => restartMs)),
      unit: "ms",
      target: 1000,
    }),
    {
      name: "from the start to serving with all windows, worst of three",
      value: most(({ restartMs }) => restartMs),
      unit: "ms",
    },
    { name: "generator late, p99.9", value: most(({ lateP999Us }) => lateP999Us), unit: "us" },
  ];
}

async function oneRound(mainPath: string, data: string): Promise<Round> {
  const up = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const node = await startProcess(mainPath, up);
  const shape = { name: "fleet", instants: 1, fireEvery: Number.MAX_SAFE_INTEGER, rules: 0 };
  const { http = "", url = "" } = node.announced;
  await fetch(new URL("/api/v1/rules", http), { method: "POST", body: windowRules() });
  await using load = await LoadProcess.start({ url, agents, metrics, framesPerSecond, ...shape });
  const told = new Witness(await connect({ url, id: witness }));
  const { lateP999Us } = await load.run(fillSeconds);
  // Under load to the end: of a run that does not end there are no figures.
  load.run(2 * measureSeconds).catch(() => undefined);
  const before = await appends(http);
  const cpu = await cpuShare(node.process.pid ?? 0, measureSeconds);
  const appendP99Ms = percentileMs(before, await appends(http), 0.99);
  const loadEnded = load[Symbol.asyncDispose]();
  const killedAtMs = await kill(node);
  await loadEnded;
  await told.stop();
  const startedAtMs = performance.now();
  const again = await startProcess(mainPath, up);
  const restartMs = performance.now() - startedAtMs;
  try {
    const last = await lastKnown(again.announced["url"] ?? "");
    return { appendP99Ms, cpu, restartMs, lateP999Us, lostMs: told.sinceMs(last, killedAtMs) };
  } finally {
    await again.stop();
  }
}

async function kill({ process: child }: BenchProcess): Promise<number> {
  const exited = once(child, "exit");
  const killedAtMs = performance.now();
  child.kill("SIGKILL");
  await exited;
  return killedAtMs;
}

/** An agent that reports a number that rises by one each time. */
class Witness {
  readonly #agent: Agent;
  readonly #reportedAtMs: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#timer = setInterval(() => {
      agent.report({ number: this.#reportedAtMs.length });
      this.#reportedAtMs.push(performance.now());
    }, 1);
  }

  /** From when what came after a number was reported until an instant. */
  sinceMs(number: number, untilMs: number): number {
    const lostFromMs = this.#reportedAtMs[number + 1] ?? untilMs;
    return Math.max(0, untilMs - lostFromMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#agent.close();
  }
}

/** The last of the witness's numbers that windows hold; asked by one that has nothing to send again. */
async function lastKnown(url: string): Promise<number> {
  await using agent = await connect({ url, id: witness });
  const { promise, resolve } = Promise.withResolvers<number>();
  agent.on("measure", ({ args }) => resolve(Number(args["last"])));
  agent.report({ ask: 1 });
  const none = passed(5).then(() => {
    throw new Error("the rule that tells what a window holds did not fire");
  });
  return await Promise.race([promise, none]);
}

/** How old samples were when they were appended, as the node has it of its whole life: by upper bound, how many at most so old. */
type Appends = ReadonlyMap<number, number>;

async function appends(http: string): Promise<Appends> {
  const text = await (await fetch(new URL("/metrics", http))).text();
  const buckets = text.matchAll(
    /^myelin_windows_append_duration_seconds_bucket\{le="(\S+)"\} (\d+)$/gm,
  );
  return new Map(
    [...buckets].map(([, bound, count]) => [
      bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound) * 1e3,
      Number(count),
    ]),
  );
}

/** A percentile of what came between two readings, as Prometheus estimates it: within its bucket by its share. */
function percentileMs(before: Appends, after: Appends, share: number): number {
  const between = [...after].map(
    ([boundMs, count]) => [boundMs, count - (before.get(boundMs) ?? 0)] as const,
  );
  const rank = share * (between.at(-1)?.[1] ?? 0);
  const at = between.findIndex(([, count]) => count >= rank);
  const [fromMs = 0, below = 0] = between[at - 1] ?? [];
  const [toMs = Number.NaN, count = Number.NaN] = between[at] ?? [];
  return fromMs + ((toMs - fromMs) * (rank - below)) / (count - below);
}
