import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Redactor } from "@myelin/core/secret";
import type { Logger } from "pino";
import type { DebugSource } from "../../api/index.ts";
import { recentLines } from "../log/index.ts";
import type { Run } from "../run/index.ts";
import { CpuProfiler } from "./cpu-profiler.ts";

/** Of what a node tells those who look for a fault. */
export interface DebugOptions {
  readonly log: Logger;
  readonly run: Run;
  readonly redactor: Redactor;
  /** How the node was started. */
  readonly configuration: unknown;
}

/** What of this process helps to find a fault, without secrets. */
export function createDebug({ log, run, redactor, configuration }: DebugOptions): DebugSource {
  const profiler = new CpuProfiler();
  return {
    document: () =>
      redactor.document({
        configuration,
        formerEnd: run.formerEnd ?? null,
        crashFiles: run.crashFiles(),
        process: processDocument(),
        machine: machineDocument(),
        log: recentLines(log),
      }),
    profile: (seconds, signal) => profiler.profile(seconds, signal),
  };
}

/** What of this thread, a lane of several, helps to find a fault. */
export function createLaneDebug({
  log,
  redactor,
}: Pick<DebugOptions, "log" | "redactor">): DebugSource {
  const profiler = new CpuProfiler();
  return {
    document: () => redactor.document({ thread: threadDocument(), log: recentLines(log) }),
    profile: (seconds, signal) => profiler.profile(seconds, signal),
  };
}

function processDocument(): object {
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    versions: process.versions,
    platform: `${process.platform}-${process.arch}`,
    memory: process.memoryUsage(),
    resources: process.resourceUsage(),
    ...threadDocument(),
    limits: limits(),
  };
}

/** What each thread has of its own. */
function threadDocument(): object {
  const handles: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  return {
    heap: getHeapStatistics(),
    heapSpaces: getHeapSpaceStatistics(),
    loop: performance.eventLoopUtilization(),
    activeHandles: handles,
  };
}

function machineDocument(): object {
  return {
    kernel: release(),
    processors: cpus().length,
    available: availableParallelism(),
    memoryBytes: totalmem(),
    constrainedBytes: process.constrainedMemory(),
    load: loadavg(),
  };
}

/** The limits that the system sets to this process, by their names; empty where it does not tell. */
function limits(): Record<string, string> {
  try {
    const lines = readFileSync("/proc/self/limits", "utf8").trimEnd().split("\n").slice(1);
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, 26).trim(), line.slice(26).trim().replace(/\s+/g, " ")]),
    );
  } catch {
    return {};
  }
}
