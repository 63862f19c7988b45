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
const warmUpSeconds = 8;
const seconds = 10;
const importantP99Us = 10_000;
/** One instruction at a time, and a short queue behind it. */
const narrow = { MYELIN_SESSION_MAX_OUTSTANDING: "1", MYELIN_LIMITS_MAX_WAITING: "64" };
const never = "1000000000";
const fixed = { MYELIN_LIMITS_WEIGHTS_EVERY: never, MYELIN_LIMITS_OVERLOAD_PERCENT: never };

type Counts = Readonly<Record<string, number>>;

interface Run {
  readonly seen: CrowdFigures;
  /** Instructions that ended in the whole run, by status. */
  readonly ended: Counts;
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
    const before = await endedOf(http);
    const seen = await order(crowd, seconds);
    const after = await endedOf(http);
    const ended = Object.fromEntries(
      Object.entries(after).map(([status, count]) => [status, count - (before[status] ?? 0)]),
    );
    return { seen, ended };
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

/** Ended instructions by status. */
async function endedOf(http: string): Promise<Counts> {
  const ledger = (await (await fetch(new URL("/api/v1/ledger", http))).json()) as {
    readonly fleet: { readonly counts: Counts };
  };
  return ledger.fleet.counts;
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
        target: 0.99,
      }),
      ...kinds.flatMap(({ name }) => deliveredOf(name, adapting, staying)),
      ...Object.entries(adapting.ended).map(([status, value]) => ({
        name: `ended ${status}`,
        value,
        unit: "",
      })),
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
function lostOf({ seen, ended }: Run): number {
  const sent = Object.values(seen.kinds).reduce((sum, kind) => sum + kind.sent, 0);
  return sent - Object.values(ended).reduce((sum, count) => sum + count, 0);
}
