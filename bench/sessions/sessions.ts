/**
 * Idle sessions: what each costs the node in memory and all together in processor time, beside a raw `ws`
 * server and bare sockets; and whether a control loop to one of them still closes as soon as with none.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Agent, connect } from "@myelin/agent";
import { LoopClient, loopRules, type LoopResult } from "../loop/loop-client.ts";
import {
  type BenchProcess,
  cpuShare,
  type Figure,
  held,
  machine,
  median,
  passed,
  type Report,
  residentBytes,
  startProcess,
} from "../report/index.ts";
import { Crowd } from "./crowd.ts";
import { requireFiles } from "./files.ts";
import type { Peer } from "./light-client.ts";

const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const idleServerPath = fileURLToPath(new URL("./idle-server.ts", import.meta.url));
const usualSessions = 15_000;
const warmUpSlices = 2;
const mostBytes = 10 * 1024;
const mostCpuPercent = 10;
const mostTimes = 2;

/** How it is measured; less of all for a test. */
export interface SessionsOptions {
  readonly sessions?: number | undefined;
  readonly heartbeatMs?: number;
  /** How long a crowd is left alone before it is measured, and how long that takes. */
  readonly settleSeconds?: number;
  readonly measureSeconds?: number;
  readonly slices?: number;
}

type Measuring = Required<SessionsOptions> & { readonly sessions: number };

/** What a crowd of idle sessions costs the one who serves it. */
interface Cost {
  readonly bytesEach: number;
  readonly cpuPercent: number;
  readonly joinSeconds: number;
}

/** Runs the benchmark. @throws Error where the machine does not allow as many sessions */
export async function sessionsBench(options: SessionsOptions = {}): Promise<Report> {
  const measuring: Measuring = {
    heartbeatMs: 10_000,
    settleSeconds: 20,
    measureSeconds: 10,
    slices: 10,
    ...options,
    sessions: options.sessions ?? usualSessions,
  };
  requireFiles(measuring.sessions);
  const floor = await costOfServer("socket", measuring);
  const peer = await costOfServer("websocket", measuring);
  return {
    bench: "sessions",
    machine: machine(),
    figures: [
      { name: "sessions", value: measuring.sessions, unit: "" },
      ...figuresOf("bare sockets", floor),
      ...figuresOf("raw ws", peer),
      ...(await nodeFigures(measuring, peer)),
    ],
  };
}

function figuresOf(name: string, { bytesEach, cpuPercent }: Cost): Figure[] {
  return [
    { name: `${name} memory each`, value: bytesEach / 1024, unit: "KiB" },
    { name: `${name} share of a core`, value: cpuPercent, unit: "%" },
  ];
}

async function costOfServer(peer: Peer, measuring: Measuring): Promise<Cost> {
  const server = await startProcess(idleServerPath, [peer, String(measuring.heartbeatMs)]);
  try {
    return await costOf(server, peer, measuring, () => Promise.resolve());
  } finally {
    await server.stop();
  }
}

/** Has a crowd join, measures what it costs, and does something while it is there. */
async function costOf(
  server: BenchProcess,
  peer: Peer,
  { sessions, heartbeatMs, settleSeconds, measureSeconds }: Measuring,
  whileThere: () => Promise<void>,
): Promise<Cost> {
  const pid = server.process.pid ?? 0;
  // What a process does at its start is not the sessions' doing.
  await passed(Math.min(settleSeconds, 3));
  const before = residentBytes(pid);
  const beganAtMs = performance.now();
  const url = server.announced["url"] ?? "";
  await using crowd = await Crowd.join({ url, peer, sessions, heartbeatMs });
  const joinSeconds = (performance.now() - beganAtMs) / 1e3;
  await passed(settleSeconds);
  const cpuPercent = (await cpuShare(pid, measureSeconds)) * 100;
  const bytesEach = (residentBytes(pid) - before) / sessions;
  await whileThere();
  if (!crowd.isWhole) throw new Error("a session of the crowd was lost");
  return { bytesEach, cpuPercent, joinSeconds };
}

async function nodeFigures(measuring: Measuring, peer: Cost): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const nodes = [
    await startNode(join(directory, "empty"), measuring.heartbeatMs),
    await startNode(join(directory, "full"), measuring.heartbeatMs),
  ] as const;
  try {
    const [empty, full] = nodes;
    let loops: readonly Figure[] = [];
    const { bytesEach, cpuPercent, joinSeconds } = await costOf(
      full,
      "node",
      measuring,
      async () => void (loops = await loopFigures(empty, full, measuring.slices)),
    );
    return [
      held({
        name: "node memory each",
        value: bytesEach / 1024,
        unit: "KiB",
        target: mostBytes / 1024,
      }),
      {
        name: "node memory, against ws",
        value: bytesEach / 1024,
        unit: "KiB",
        ratio: bytesEach / peer.bytesEach,
      },
      held({
        name: "node share of a core",
        value: cpuPercent,
        unit: "%",
        target: mostCpuPercent,
      }),
      { name: "node joins", value: measuring.sessions / joinSeconds, unit: "/s" },
      ...loops,
    ];
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

async function startNode(data: string, heartbeatMs: number): Promise<BenchProcess> {
  const arguments_ = ["up", "--port", "0", "--data", data, "--log-level", "error"];
  return await startProcess(mainPath, arguments_, {
    MYELIN_SESSION_HEARTBEAT_INTERVAL_US: `${heartbeatMs}ms`,
    MYELIN_SESSION_DEAD_CONNECTION_US: `${4 * heartbeatMs}ms`,
  });
}

/** Loops with no other session, and beside the crowd, in slices that alternate. */
async function loopFigures(
  empty: BenchProcess,
  full: BenchProcess,
  slices: number,
): Promise<Figure[]> {
  // Only now: a metric that a rule reads takes 17 bytes of every agent, and the loop has 256 of them.
  for (const { announced } of [empty, full])
    await fetch(new URL("/api/v1/rules", announced["http"]), { method: "POST", body: loopRules() });
  await using alone = await controlled(empty);
  await using among = await controlled(full);
  const clients = [new LoopClient(alone), new LoopClient(among)] as const;
  const results: { alone: LoopResult[]; among: LoopResult[] } = { alone: [], among: [] };
  for (let slice = -Math.min(warmUpSlices, slices); slice < slices; slice++) {
    const [one, other] = [await clients[0].measure(), await clients[1].measure()];
    if (slice < 0) continue;
    results.alone.push(one);
    results.among.push(other);
  }
  const at = (measured: readonly LoopResult[], percentile: number): number =>
    median(measured.map(({ latenciesUs }) => latenciesUs.percentile(percentile)));
  const figures = [50, 99].flatMap((percentile) => {
    const aloneUs = at(results.alone, percentile);
    const amongUs = at(results.among, percentile);
    const target = percentile === 99 ? { target: mostTimes } : {};
    return [
      { name: `loop without them p${percentile}`, value: aloneUs, unit: "us" },
      held({
        name: `loop among them p${percentile}`,
        value: amongUs,
        unit: "us",
        ratio: amongUs / aloneUs,
        ...target,
      }),
    ];
  });
  const lost = results.among.reduce((sum, { sent, received }) => sum + sent - received, 0);
  return [...figures, held({ name: "samples without a call", value: lost, unit: "", target: 0 })];
}

async function controlled(node: BenchProcess): Promise<Agent> {
  return await connect({ url: node.announced["url"] ?? "", id: "controlled", type: "bench" });
}
