/**
 * A node that is killed and started again while its agents are connected: how soon all are there again, by
 * themselves, and whether rules reach them. Beside it the same many bare clients and a raw `ws` server.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { epochUs } from "../load/raw-agent.ts";
import {
  type BenchProcess,
  cpuSeconds,
  held,
  machine,
  passed,
  type Report,
  startProcess,
} from "../report/index.ts";
import { requireFiles } from "../sessions/files.ts";
import { StormProcess, type StormSeen } from "./storm-process.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const barePath = fileURLToPath(new URL("../sessions/idle-server.ts", import.meta.url));
const usualAgents = 10_000;
const heartbeatMs = 10_000;
const mostSeconds = 10;
/** How long the agents are left alone before and after. */
const usualCalmSeconds = 3;

/** One killing and what came of it. */
interface Round {
  /** From the new process's start until it said that it listens. */
  readonly serveSeconds: number;
  /** From then until the middle one, all but one of a hundred, and the last were there. */
  readonly backSeconds: readonly [number, number, number];
  readonly triesEach: number;
  readonly seen: StormSeen;
  /** Processor time that the server took from its start until all were there. */
  readonly serverCpuSeconds: number;
  readonly agentsCpuSeconds: number;
  readonly reached: number;
}

/** Runs the benchmark. @throws Error where the machine does not allow as many connections */
export async function stormBench(
  agents: number = usualAgents,
  calmSeconds: number = usualCalmSeconds,
): Promise<Report> {
  requireFiles(agents);
  const round = { agents, calmSeconds };
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  try {
    const bare = await roundWith((port) => startBare(port), { ...round, isBare: true });
    const node = await roundWith((port) => startNode(join(directory, "data"), port), {
      ...round,
      isBare: false,
    });
    return reportOf(agents, bare, node);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function reportOf(agents: number, bare: Round, node: Round): Report {
  const [p50, p99, last] = node.backSeconds;
  return {
    bench: "storm",
    machine: machine(),
    figures: [
      { name: "agents", value: agents, unit: "" },
      { name: "raw ws: all back after it listens", value: bare.backSeconds[2], unit: "s" },
      { name: "raw ws: processor time for it", value: bare.serverCpuSeconds, unit: "s" },
      { name: "node listens after its start", value: node.serveSeconds, unit: "s" },
      { name: "agents back after it listens p50", value: p50, unit: "s" },
      { name: "agents back after it listens p99", value: p99, unit: "s" },
      held({
        name: "all back after it was started",
        value: node.serveSeconds + last,
        unit: "s",
        target: mostSeconds,
      }),
      {
        name: "all back, against raw ws",
        value: last,
        unit: "s",
        ratio: last / bare.backSeconds[2],
      },
      { name: "tries of an agent", value: node.triesEach, unit: "" },
      ...Object.entries(node.seen.failures).map(([code, count]) => ({
        name: `tries that failed: ${code}`,
        value: count,
        unit: "",
      })),
      { name: "node's processor time until then", value: node.serverCpuSeconds, unit: "s" },
      { name: "agents' processor time until then", value: node.agentsCpuSeconds, unit: "s" },
      held({ name: "refused for good", value: node.seen.closed, unit: "", target: 0 }),
      held({
        name: "not reached by a rule afterwards",
        value: agents - node.reached,
        unit: "",
        target: 0,
      }),
    ],
  };
}

async function startBare(port: number): Promise<BenchProcess> {
  return await startProcess(barePath, ["websocket", String(heartbeatMs), String(port)]);
}

async function startNode(data: string, port: number): Promise<BenchProcess> {
  const arguments_ = ["up", "--port", String(port), "--data", data, "--log-level", "error"];
  return await startProcess(mainPath, arguments_, {
    MYELIN_SESSION_HEARTBEAT_INTERVAL_US: `${heartbeatMs}ms`,
    MYELIN_SESSION_DEAD_CONNECTION_US: `${4 * heartbeatMs}ms`,
  });
}

interface RoundOptions {
  readonly agents: number;
  readonly calmSeconds: number;
  /** Bare clients of a raw server, and not agents of a node. */
  readonly isBare: boolean;
}

async function roundWith(
  start: (port: number) => Promise<BenchProcess>,
  { agents, calmSeconds, isBare }: RoundOptions,
): Promise<Round> {
  let server = await start(0);
  try {
    const url = server.announced["url"] ?? "";
    if (!isBare) await applyRule(server);
    await using storm = await StormProcess.start({ url, agents, isBare });
    await passed(calmSeconds);
    const whole = storm.whole();
    const cpuBefore = cpuSeconds(storm.pid);
    await killed(server);
    const startedAtUs = epochUs();
    server = await start(Number(new URL(url).port));
    const listensAtUs = epochUs();
    const seen = await whole;
    const serverCpuSeconds = cpuSeconds(server.process.pid ?? 0);
    const agentsCpuSeconds = cpuSeconds(storm.pid) - cpuBefore;
    await passed(calmSeconds);
    const reached = isBare ? 0 : await storm.reach();
    const backSeconds = seen.liveAtUs.map((atUs) => (atUs - listensAtUs) / 1e6);
    const at = (share: number): number =>
      backSeconds.toSorted((one, other) => one - other)[
        Math.ceil(share * backSeconds.length) - 1
      ] ?? Number.NaN;
    return {
      serveSeconds: (listensAtUs - startedAtUs) / 1e6,
      backSeconds: [at(0.5), at(0.99), at(1)],
      triesEach: seen.tries / agents,
      seen,
      serverCpuSeconds,
      agentsCpuSeconds,
      reached,
    };
  } finally {
    await server.stop();
  }
}

async function killed({ process: child }: BenchProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function applyRule({ announced }: BenchProcess): Promise<void> {
  const rule = { name: "storm", expr: "storm > 0", action: "measure", deadline: "10s" };
  const body = JSON.stringify({ rules: [{ ...rule, timeout: "1s", cooldown: "0s" }] });
  await fetch(new URL("/api/v1/rules", announced["http"]), { method: "POST", body });
}
