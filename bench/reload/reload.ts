/**
 * A set of 100 rules, each with another meaning than before, is applied while 10,000 agents live: how
 * long until it is in force, how long the turns of the node's loop are meanwhile, and whether the
 * rules that it does not name keep their state.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseTime } from "@myelin/core/instruction";
import {
  type BenchProcess,
  held,
  machine,
  median,
  type Report,
  startProcess,
} from "../report/index.ts";
import { maxLateUs } from "../load/load.ts";
import { punctual } from "../load/policy.ts";
import { epochUs } from "../load/raw-agent.ts";
import type { TurnFigures } from "./probe.ts";
import { agents, keptRules, ruleCount, ruleSet } from "./rules.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const programPath = fileURLToPath(new URL("./fleet-program.ts", import.meta.url));
const probeUrl = new URL("./probe.ts", import.meta.url).href;
/** As often as the agents report: they do not ping. */
const calm = { MYELIN_SESSION_HEARTBEAT_INTERVAL_US: "4s" };
const pauseMs = 100;
const warmUpSets = 20;
const rounds = 15;
const inForceUs = 10_000;
const turnUs = 2000;
/** Of these agents the state is compared before and after; the first report low values, the second high ones. */
const looked = ["agent-0", "agent-1", "agent-4998", "agent-4999", "agent-9999"];

/** Runs the benchmark. */
export async function reloadBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const data = join(directory, "data");
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "warn"];
  const node = await startProcess(mainPath, arguments_, calm, ["--import", probeUrl]);
  const http = node.announced["http"] ?? "";
  let fleet: ChildProcess | undefined;
  try {
    await post(http, keptRules());
    fleet = fork(programPath, [node.announced["url"] ?? ""], punctual());
    await Promise.race([once(fleet, "message"), once(fleet, "exit").then(fail)]);
    let number = 0;
    const first = await apply(http, number++);
    while (number < warmUpSets) await apply(http, number++);
    const before = await keptState(http);
    const took: Took[] = [];
    for (let round = 0; round < rounds; round++) took.push(await apply(http, number++));
    // Apart, because a loop that is measured does not sleep, which the others feel.
    const turns: TurnFigures[] = [];
    const otherTurns: TurnFigures[] = [];
    for (let round = 0; round < rounds; round++) {
      turns.push(await turnsDuring(node, async () => await apply(http, number++)));
      otherTurns.push(await turnsDuring(node, async () => await pause(pauseMs)));
    }
    const after = await keptState(http);
    const lateUs = Number(await ask(fleet, "late"));
    return reportOf({ first, took, turns, otherTurns, before, after, lateUs });
  } finally {
    fleet?.kill("SIGKILL");
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function fail(): never {
  throw new Error("the fleet ended");
}

/** From the call, microseconds: until the set decides, as the node tells, and until the caller has its answer. */
interface Took {
  readonly inForceUs: number;
  readonly answeredUs: number;
}

interface Findings {
  readonly first: Took;
  readonly took: readonly Took[];
  readonly turns: readonly TurnFigures[];
  /** While no set is applied. */
  readonly otherTurns: readonly TurnFigures[];
  /** What the rules that no set names know, before and after. */
  readonly before: string;
  readonly after: string;
  /** How late the fleet's reports were, p99.9. */
  readonly lateUs: number;
}

function reportOf(found: Findings): Report {
  const { took, turns, otherTurns, before, after, lateUs } = found;
  const inForce = took.map(({ inForceUs }) => inForceUs);
  const wall = turns.map(({ longestUs }) => longestUs);
  const processor = turns.map(({ longestCpuUs }) => longestCpuUs);
  const unit = "us";
  return {
    bench: "reload",
    machine: machine(),
    figures: [
      { name: "agents live", value: agents, unit: "" },
      { name: "rules applied at a time", value: ruleCount, unit: "" },
      { name: "times", value: took.length, unit: "" },
      held({ name: "in force", value: median(inForce), unit, target: inForceUs }),
      { name: "in force, longest", value: Math.max(...inForce), unit },
      { name: "in force, first time", value: found.first.inForceUs, unit },
      { name: "answered", value: median(took.map(({ answeredUs }) => answeredUs)), unit },
      held({ name: "longest turn", value: median(wall), unit, target: turnUs }),
      held({ name: "longest turn, processor", value: median(processor), unit, target: turnUs }),
      { name: "longest turn of all", value: Math.max(...wall), unit },
      { name: "longest turn of all, processor", value: Math.max(...processor), unit },
      {
        name: "longest turn without a set",
        value: median(otherTurns.map(({ longestUs }) => longestUs)),
        unit,
      },
      { name: "agents with state of other rules", value: activeIn(before), unit: "" },
      held({
        name: "state of other rules changed",
        value: before === after ? 0 : 1,
        unit: "",
        target: 0,
      }),
      { name: "fleet late p99.9", value: lateUs, unit },
    ],
    ...(lateUs > maxLateUs ? { void: "the fleet was late" } : {}),
  };
}

/** Applies a set, and waits for the answer, which comes when the set is in force and in the audit. */
async function apply(http: string, number: number): Promise<Took> {
  const body = ruleSet(number);
  await pause(pauseMs);
  const beganAtUs = epochUs();
  const { inForceAt } = await post(http, body);
  const answeredUs = epochUs() - beganAtUs;
  if (inForceAt === undefined) throw new Error(`set ${number} changed nothing`);
  return { inForceUs: parseTime(inForceAt) - beganAtUs, answeredUs };
}

/** The turns of the node's loop while something is done. */
async function turnsDuring(node: BenchProcess, work: () => Promise<unknown>): Promise<TurnFigures> {
  await pause(pauseMs);
  await ask(node.process, "begin");
  await work();
  return (await ask(node.process, "end")) as TurnFigures;
}

async function pause(forMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, forMs);
  await promise;
}

async function ask(child: ChildProcess, word: "begin" | "end" | "late"): Promise<unknown> {
  const answer = once(child, "message");
  child.send(word);
  return ((await answer) as [unknown])[0];
}

async function post(http: string, body: string): Promise<{ readonly inForceAt?: string }> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(new URL("/api/v1/rules", http), { method: "POST", body, headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return JSON.parse(text) as { readonly inForceAt?: string };
}

interface RuleState {
  readonly rule: string;
  readonly state: string;
}

interface RuleDocument {
  readonly name: string;
  readonly status: { readonly firing: number; readonly pending: number };
}

/** What the rules that no set names know: in sum, and of some agents since when. */
async function keptState(http: string): Promise<string> {
  const get = async (path: string): Promise<unknown> =>
    await (await fetch(new URL(path, http))).json();
  const { rules } = (await get("/api/v1/rules")) as { readonly rules: readonly RuleDocument[] };
  const states: unknown[] = [];
  for (const id of looked) {
    const agent = (await get(`/api/v1/agents/${id}`)) as { readonly rules: readonly RuleState[] };
    states.push(agent.rules.filter(({ rule }) => rule.startsWith("kept-")));
  }
  const kept = rules.filter(({ name }) => name.startsWith("kept-"));
  return JSON.stringify([kept.map(({ name, status }) => ({ name, ...status })), states]);
}

function activeIn(kept: string): number {
  const [rules] = JSON.parse(kept) as [readonly { firing: number; pending: number }[]];
  return rules.reduce((sum, { firing, pending }) => sum + firing + pending, 0);
}
