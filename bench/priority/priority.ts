/**
 * What is important leaves in time though three times what can be delivered arrives, because the
 * weights of the score have moved; beside the same run with weights that stay.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { maxLateUs } from "../load/load.ts";
import { held, machine, median, type Report, startProcess } from "../report/index.ts";
import {
  arrivals,
  capacityPerSecond,
  type CrowdFigures,
  crowdRules,
  type Kind,
  kinds,
} from "./crowd.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const programPath = fileURLToPath(new URL("./crowd-program.ts", import.meta.url));
const warmUpSeconds = 8;
/** Rounds in which the generator was in time, and how many are tried for them. */
const roundsToKeep = 5;
const mostRounds = 15;
const roundSeconds = 2;
const importantP99Us = 10_000;
/** One instruction at a time, and a short queue behind it. */
const narrow = { MYELIN_SESSION_MAX_OUTSTANDING: "1", MYELIN_LIMITS_MAX_WAITING: "64" };
/** Executions after which the weights move: never in this run. */
const fixed = { MYELIN_LIMITS_WEIGHTS_EVERY: "1000000000" };

type Counts = Readonly<Record<string, number>>;

interface NodeOverload {
  readonly shed: Counts;
  readonly delayed: number;
  readonly expired: number;
  readonly weights: Counts;
}

interface Run {
  /** Rounds that count: those in which the generator was in time; all, when too few were. */
  readonly rounds: readonly Round[];
  readonly isVoid: boolean;
  /** The business weight of the score at the end. */
  readonly businessWeight: number;
}

interface Round {
  readonly seen: CrowdFigures;
  /** What became of its instructions: by status, and by the reason for which they were held up or shed. */
  readonly counts: Counts;
}

/** Runs the crowd against a node of its own. */
async function run(environment: Readonly<Record<string, string>>): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const node = await startProcess(mainPath, arguments_, { ...narrow, ...environment });
  let crowd: ChildProcess | undefined;
  try {
    const http = node.announced["http"] ?? "";
    const rules = JSON.stringify({ rules: crowdRules() });
    const applied = await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules });
    if (!applied.ok) throw new Error(await applied.text());
    crowd = fork(programPath, [node.announced["url"] ?? ""]);
    await told(crowd);
    await order(crowd, warmUpSeconds);
    const all: Round[] = [];
    const kept: Round[] = [];
    while (kept.length < roundsToKeep && all.length < mostRounds) {
      const round = await roundOf(crowd, http);
      all.push(round);
      if (round.seen.lateP999Us <= maxLateUs) kept.push(round);
    }
    const isVoid = kept.length < roundsToKeep;
    return { rounds: isVoid ? all : kept, isVoid, businessWeight: await businessWeightOf(http) };
  } finally {
    crowd?.kill("SIGKILL");
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function order(crowd: ChildProcess, forSeconds: number): Promise<CrowdFigures> {
  const answer = told(crowd);
  crowd.send({ seconds: forSeconds });
  return (await answer) as CrowdFigures;
}

async function told(crowd: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(crowd, "exit", { signal }).then(([code]) => {
    throw new Error(`the crowd ended with ${String(code)}`);
  });
  ended.catch(() => undefined);
  const [message] = (await Promise.race([once(crowd, "message", { signal }), ended])) as [unknown];
  settled.abort();
  return message;
}

async function roundOf(crowd: ChildProcess, http: string): Promise<Round> {
  const before = await countsOf(http);
  const seen = await order(crowd, roundSeconds);
  const after = await countsOf(http);
  const counts = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return { seen, counts: Object.fromEntries(counts) as Counts };
}

/** What the node has counted since its start. */
async function countsOf(http: string): Promise<Counts> {
  const ledger = (await get(http, "/api/v1/ledger")) as {
    readonly fleet: { readonly counts: Counts };
  };
  const { shed, delayed, expired } = await overloadOf(http);
  return {
    ...named("ended ", ledger.fleet.counts),
    ...named("shed: ", shed),
    "delayed for their score": delayed,
    "expired while delayed": expired,
  };
}

async function businessWeightOf(http: string): Promise<number> {
  return (await overloadOf(http)).weights["business"] ?? Number.NaN;
}

async function overloadOf(http: string): Promise<NodeOverload> {
  return ((await get(http, "/api/v1/node")) as { readonly overload: NodeOverload }).overload;
}

async function get(http: string, path: string): Promise<unknown> {
  return await (await fetch(new URL(path, http))).json();
}

function named(prefix: string, counts: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [`${prefix}${name}`, count]),
  );
}

/** Runs the benchmark. */
export async function priorityBench(): Promise<Report> {
  const adapting = await run({});
  const staying = await run(fixed);
  const importantUs = p99Of(adapting);
  const stayingUs = p99Of(staying);
  const lateUs = median(adapting.rounds.map(({ seen }) => seen.lateP999Us));
  return {
    bench: "priority",
    machine: machine(),
    figures: [
      { name: "arrivals, of what can be delivered", value: arrivals, unit: "x" },
      { name: "deliverable", value: capacityPerSecond, unit: "/s" },
      held({ name: "important p99", value: importantUs, unit: "us", target: importantP99Us }),
      { name: "important p99 with fixed weights", value: stayingUs, unit: "us" },
      held({
        name: "important p99, against fixed weights",
        value: importantUs,
        unit: "us",
        ratio: importantUs / stayingUs,
        target: 0.5,
      }),
      { name: "business weight of the score", value: adapting.businessWeight, unit: "" },
      ...kinds.flatMap(({ name }) => [
        { name: `${name} delivered`, value: deliveredPercent(adapting, name), unit: "%" },
        {
          name: `${name} delivered with fixed weights`,
          value: deliveredPercent(staying, name),
          unit: "%",
        },
      ]),
      ...Object.entries(countsOfRun(adapting)).flatMap(([name, value]) =>
        value === 0 ? [] : [{ name, value, unit: "" }],
      ),
      held({ name: "sent and not accounted for", value: lostOf(adapting), unit: "", target: 0 }),
      { name: "generator late p99.9", value: lateUs, unit: "us" },
    ],
    ...(adapting.isVoid || staying.isVoid ? { void: "the generator was late" } : {}),
  };
}

/** Of the middle round. */
function p99Of({ rounds }: Run): number {
  return median(rounds.map(({ seen }) => seen.kinds.important.p99Us));
}

function deliveredPercent({ rounds }: Run, name: Kind["name"]): number {
  const sum = (of: "sent" | "received"): number =>
    rounds.reduce((total, { seen }) => total + seen.kinds[name][of], 0);
  return (100 * sum("received")) / sum("sent");
}

function countsOfRun({ rounds }: Run): Counts {
  const total: Record<string, number> = {};
  for (const { counts } of rounds)
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  return total;
}

/** Every sample that was sent became an instruction that has ended. */
function lostOf(of: Run): number {
  const sent = of.rounds.flatMap(({ seen }) => Object.values(seen.kinds)).map((kind) => kind.sent);
  const ended = Object.entries(countsOfRun(of)).filter(([name]) => name.startsWith("ended "));
  return (
    sent.reduce((sum, count) => sum + count, 0) - ended.reduce((sum, [, count]) => sum + count, 0)
  );
}
