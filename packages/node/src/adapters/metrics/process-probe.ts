/**
 * What of the process is not to be had at once, or costs something: delays of the loop, pauses for the
 * collection of garbage, open files. It begins with the first look, and rests when nobody has looked for a while.
 */
import { opendir, readFile, stat } from "node:fs/promises";
import { PerformanceObserver, constants, performance } from "node:perf_hooks";
import process from "node:process";
import { Histogram } from "@myelin/core/statistics";

/** What is read from the system; undefined where it does not tell. */
export interface ProcessFacts {
  readonly openFiles: number | undefined;
  readonly maxFiles: number | undefined;
  readonly virtualBytes: number | undefined;
}

/** Measures the process for those who scrape. */
export interface ProcessProbe {
  /** How late a timer came, microseconds, looked at 50 times a second while somebody scrapes. */
  readonly loopDelayUs: Histogram;
  /** Pauses by kind of collection, microseconds. */
  readonly gcUs: ReadonlyMap<string, Histogram>;
  look(): Promise<ProcessFacts>;
  stop(): void;
}

const tickMs = 20;
/** Without a look for so long the probe rests. */
const restAfterMs = 5 * 60_000;
/** Entries of a directory read in one go. */
const entriesAtOnce = 256;

const kinds: readonly (readonly [kind: number, name: string])[] = [
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak_callbacks"],
];

export function createProcessProbe(): ProcessProbe {
  const loopDelayUs = new Histogram();
  const gcUs = new Map(kinds.map(([, name]) => [name, new Histogram()]));
  let timer: NodeJS.Timeout | undefined;
  let observer: PerformanceObserver | undefined;
  let tickedAtMs = 0;
  let lookedAtMs = 0;

  const rest = (): void => {
    clearInterval(timer);
    timer = undefined;
    observer?.disconnect();
    observer = undefined;
  };
  const tick = (): void => {
    const nowMs = performance.now();
    loopDelayUs.record(Math.max(0, nowMs - tickedAtMs - tickMs) * 1e3);
    tickedAtMs = nowMs;
    if (nowMs - lookedAtMs > restAfterMs) rest();
  };
  const begin = (): void => {
    tickedAtMs = performance.now();
    timer = setInterval(tick, tickMs).unref();
    observer = new PerformanceObserver((entries) => {
      for (const entry of entries.getEntries())
        gcUs.get(nameOfKind(entry))?.record(entry.duration * 1e3);
    });
    observer.observe({ entryTypes: ["gc"] });
  };
  return {
    loopDelayUs,
    gcUs,
    look: async () => {
      lookedAtMs = performance.now();
      if (timer === undefined) begin();
      return process.platform === "linux" ? await factsOfLinux() : noFacts;
    },
    stop: rest,
  };
}

const noFacts: ProcessFacts = {
  openFiles: undefined,
  maxFiles: undefined,
  virtualBytes: undefined,
};

function nameOfKind(entry: object): string {
  const detail = "detail" in entry ? entry.detail : undefined;
  const kind = typeof detail === "object" && detail !== null && "kind" in detail ? detail.kind : 0;
  return kinds.find(([number]) => number === kind)?.[1] ?? "";
}

async function factsOfLinux(): Promise<ProcessFacts> {
  const [openFiles, limits, memory] = await Promise.all([
    countOpenFiles(),
    readFile("/proc/self/limits", "utf8").catch(() => ""),
    readFile("/proc/self/status", "utf8").catch(() => ""),
  ]);
  const [, most] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  const [, kibibytes] = /^VmSize:\s+(\d+) kB/m.exec(memory) ?? [];
  return {
    openFiles,
    maxFiles: most === undefined ? undefined : Number(most),
    virtualBytes: kibibytes === undefined ? undefined : Number(kibibytes) * 1024,
  };
}

/** Since Linux 6.2 the size of the directory says it; before, its entries are counted, some at a time. */
async function countOpenFiles(): Promise<number | undefined> {
  const path = "/proc/self/fd";
  try {
    const { size } = await stat(path);
    if (size > 0) return size;
    let count = 0;
    const directory = await opendir(path, { bufferSize: entriesAtOnce });
    for await (const _ of directory) count += 1;
    // One of them is the directory's own.
    return count - 1;
  } catch {
    return undefined;
  }
}
