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
import { type Figure, held, machine, type Report, startProcess } from "../report/index.ts";
import { capacityPerSecond, type CrowdFigures, crowdRules, type Kind, kinds } from "./crowd.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const programPath = fileURLToPath(new URL("./crowd-program.ts", import.meta.url));
const warmUpSeconds = 10;
const seconds = 8;
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
  readonly seen: CrowdFigures;
  /** What became of the instructions of the measured time: by status, and by the reason for which they were held up or shed. */
  readonly counts: Counts;
  /** The business weight of the score at the end. */
  readonly businessWeight: number;
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
    const before = await countsOf(http);
    const seen = await order(crowd, seconds);
    const { businessWeight, ...after } = await countsOf(http);
    const counts = Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
    );
    return { seen, counts, businessWeight };
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
  const ended = once(crowd, "exit").then(([code]) => {
    throw new Error(`the crowd ended with ${String(code)}`);
  });
  ended.catch(() => undefined);
  const [message] = (await Promise.race([once(crowd, "message"), ended])) as [unknown];
  return message;
}

/** What the node has counted since its start. */
async function countsOf(http: string): Promise<Counts & { readonly businessWeight: number }> {
  const get = async (path: string): Promise<unknown> =>
    await (await fetch(new URL(path, http))).json();
  const ledger = (await get("/api/v1/ledger")) as { readonly fleet: { readonly counts: Counts } };
  const { overload } = (await get("/api/v1/node")) as { readonly overload: NodeOverload };
  const { shed, delayed, expired, weights } = overload;
  return {
    ...named("ended ", ledger.fleet.counts),
    ...named("shed: ", shed),
    "delayed for their score": delayed,
    "expired while delayed": expired,
    businessWeight: weights["business"] ?? Number.NaN,
  };
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
  const importantUs = adapting.seen.kinds.important.p99Us;
  const stayingUs = staying.seen.kinds.important.p99Us;
  const lateUs = Math.max(adapting.seen.lateP999Us, staying.seen.lateP999Us);
  const arrivals = kinds.reduce((sum, { share }) => sum + share, 0);
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
      ...kinds.flatMap(({ name }) => deliveredOf(name, adapting, staying)),
      ...Object.entries(adapting.counts).flatMap(([name, value]) =>
        value === 0 ? [] : [{ name, value, unit: "" }],
      ),
      held({ name: "sent and not accounted for", value: lostOf(adapting), unit: "", target: 0 }),
      { name: "generator late p99.9", value: lateUs, unit: "us" },
    ],
    ...(lateUs > maxLateUs ? { void: "the generator was late" } : {}),
  };
}

function deliveredOf(name: Kind["name"], adapting: Run, staying: Run): readonly Figure[] {
  const percentOf = ({ seen }: Run): number =>
    (100 * seen.kinds[name].received) / seen.kinds[name].sent;
  return [
    { name: `${name} delivered`, value: percentOf(adapting), unit: "%" },
    { name: `${name} delivered with fixed weights`, value: percentOf(staying), unit: "%" },
  ];
}

/** Every sample that was sent became an instruction that has ended. */
function lostOf({ seen, counts }: Run): number {
  const sent = Object.values(seen.kinds).reduce((sum, kind) => sum + kind.sent, 0);
  const ended = Object.entries(counts).filter(([name]) => name.startsWith("ended "));
  return sent - ended.reduce((sum, [, count]) => sum + count, 0);
}
