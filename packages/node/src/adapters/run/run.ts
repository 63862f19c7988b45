/**
 * One run of a node on its data directory: it leaves a mark there while it lasts, and a file when it crashes.
 *
 * Invariants
 * 1. The mark (`run.json`) is there from the start until a stop in good order. One that is found at a start is that
 *    of a run that ended otherwise: it crashed and wrote why, or it was killed without a word.
 * 2. What is written has no secrets in it, and can be read by its owner only. Crash files are bounded: the oldest go.
 * 3. A disk that takes nothing stops neither a start nor a crash.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import type { Redactor } from "@myelin/core/secret";
import type { Logger } from "pino";
import { recentLines } from "../log/index.ts";

export interface OpenRunOptions {
  /** The data directory, locked by this process; undefined for a node that keeps nothing. */
  readonly directory: string | undefined;
  readonly node: string;
  readonly version: string;
  readonly startedAtUs: number;
  readonly log: Logger;
  readonly redactor: Redactor;
}

/** How the run before ended, where that was not in good order. */
export interface FormerEnd {
  /** `crashed` where it wrote why, else `killed`: by SIGKILL, for want of memory, or with the machine. */
  readonly how: "crashed" | "killed";
  readonly startedAt: string;
  readonly version: string;
  readonly pid: number;
  /** True when the machine has started since; undefined where the system does not tell. */
  readonly machineRestarted: boolean | undefined;
  /** Where it wrote why. */
  readonly file?: string;
  readonly reason?: string;
}

export interface Run {
  /** Undefined when the run before ended in good order, or there was none. */
  readonly formerEnd: FormerEnd | undefined;
  /** Names of the crash files there are, the newest first. */
  crashFiles(): readonly string[];
  /** Writes why the process is about to end: to the log, and to the data directory. Gives the file's name. */
  crashed(kind: string, thrown: unknown): string | undefined;
  /** The run ends in good order. */
  end(): void;
}

const markName = "run.json";
const crashForm = /^crash-[0-9TZ-]+\.json$/;
const maxCrashFiles = 10;
const maxLogLines = 200;
const maxCauses = 5;

/** Begins a run; says in the log how the one before ended, if not in good order. */
export function openRun(options: OpenRunOptions): Run {
  const { directory, log } = options;
  const mark = markOf(options);
  const formerEnd = directory === undefined ? undefined : formerEndIn(directory);
  if (formerEnd !== undefined) log.warn({ formerRun: formerEnd }, messageOf(formerEnd));
  if (directory !== undefined)
    attempt(log, () => {
      writeFileSync(join(directory, markName), `${JSON.stringify(mark)}\n`, { mode: 0o600 });
    });
  return {
    formerEnd,
    crashFiles: () => (directory === undefined ? [] : crashFilesIn(directory)),
    crashed: (kind, thrown) => crash(options, kind, thrown),
    end: () => {
      if (directory !== undefined)
        attempt(log, () => rmSync(join(directory, markName), { force: true }));
    },
  };
}

/** Names of the crash files of a data directory, the newest first. */
export function crashFilesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => crashForm.test(name))
      .toSorted()
      .toReversed();
  } catch {
    return [];
  }
}

interface Mark {
  readonly pid: number;
  readonly startedAt: string;
  readonly version: string;
  readonly boot: string | undefined;
}

function markOf({ startedAtUs, version }: OpenRunOptions): Mark {
  return { pid: process.pid, startedAt: isoOf(startedAtUs), version, boot: bootId() };
}

function isoOf(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString();
}

/** What tells one start of the machine from another. */
function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

function readObject(path: string): JsonObject | undefined {
  try {
    const document: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isJsonObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

function textIn(document: JsonObject, name: string): string {
  const value = document[name];
  return typeof value === "string" ? value : "";
}

function formerEndIn(directory: string): FormerEnd | undefined {
  const mark = readObject(join(directory, markName));
  if (mark === undefined) return undefined;
  const boot = bootId();
  const former = {
    startedAt: textIn(mark, "startedAt"),
    version: textIn(mark, "version"),
    pid: Number(mark["pid"]),
    machineRestarted:
      boot === undefined || mark["boot"] === undefined ? undefined : boot !== mark["boot"],
  };
  for (const file of crashFilesIn(directory)) {
    const crashed = readObject(join(directory, file));
    if (crashed === undefined || crashed["startedAt"] !== mark["startedAt"]) continue;
    if (crashed["pid"] !== mark["pid"]) continue;
    const reason = crashed["reason"];
    const message = isJsonObject(reason) ? textIn(reason, "message") : "";
    return { how: "crashed", ...former, file, reason: message };
  }
  return { how: "killed", ...former };
}

function messageOf({ how, machineRestarted, reason, file }: FormerEnd): string {
  if (how === "crashed") return `the former run crashed: ${reason} (${file})`;
  return machineRestarted === true
    ? "the former run ended with the machine"
    : "the former run was killed without a word: by SIGKILL, or for want of memory";
}

function crash(options: OpenRunOptions, kind: string, thrown: unknown): string | undefined {
  const { log, redactor, directory } = options;
  const reason = redactor.document(reasonOf(kind, thrown));
  log.fatal({ reason }, "the node crashes");
  if (directory === undefined) return undefined;
  const name = `crash-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.json`;
  const report = redactor.document(reportOf(options, reason));
  return attempt(log, () => {
    const file = openSync(join(directory, name), "wx", 0o600);
    try {
      writeSync(file, `${JSON.stringify(report, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    for (const old of crashFilesIn(directory).slice(maxCrashFiles))
      rmSync(join(directory, old), { force: true });
    return name;
  });
}

function reportOf(options: OpenRunOptions, reason: unknown): object {
  const { version, node, startedAtUs, log } = options;
  const startedAt = isoOf(startedAtUs);
  return {
    reason,
    at: new Date().toISOString(),
    startedAt,
    uptimeSeconds: Math.round((Date.now() - startedAtUs / 1000) / 1000),
    pid: process.pid,
    version,
    node,
    nodejs: process.version,
    platform: `${process.platform}-${process.arch}`,
    memory: process.memoryUsage(),
    heap: getHeapStatistics(),
    resources: process.resourceUsage(),
    log: recentLines(log).slice(-maxLogLines).map(parsed),
  };
}

/** What was thrown, with what caused it. */
function reasonOf(kind: string, thrown: unknown, depth = 0): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { kind, message: String(thrown) };
  const { name, message, stack, cause } = thrown;
  const code = "code" in thrown ? { code: String(thrown.code) } : {};
  const further =
    cause === undefined || depth >= maxCauses ? {} : { cause: reasonOf("cause", cause, depth + 1) };
  return { kind, name, message, ...code, stack: (stack ?? "").split("\n"), ...further };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

/** Does what the disk may refuse. */
function attempt<Value>(log: Logger, work: () => Value): Value | undefined {
  try {
    return work();
  } catch (thrown) {
    log.error({ reason: String(thrown) }, "what tells of the run could not be written");
    return undefined;
  }
}
