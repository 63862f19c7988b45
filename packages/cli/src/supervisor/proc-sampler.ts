/**
 * Measures a process tree: CPU time, memory, threads, files, I/O.
 *
 * 1. Growing figures (CPU time, I/O) never go back: what a process used stays counted when it ends.
 * 2. CPU time is the sum of every thread's run time in nanoseconds. What that misses (threads and
 *    processes that begin and end between two samples) comes, in ticks, from the process's own
 *    total and from the time of children it has waited for; nothing is counted twice.
 * 3. A sample allocates nothing while no process or thread comes or goes.
 *
 * The kernel brings the run time of a thread that is running up to date with each of its ticks (1 to
 * 10 ms), so the share of one interval is off by up to a tick; `CpuShare` evens that out.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { MyelinError } from "@myelin/core/errors";
import { numericEntries, type ProcFile, ProcReader } from "./proc-reader.ts";
import { ProcessTree, type TreeMember } from "./process-tree.ts";
import { ReapedCounter } from "./reaped-counter.ts";

/** The kernel shows CPU time to user space in this unit on every platform that Node runs on. */
const ticksPerSecond = 100;
const nsPerTick = 1e9 / ticksPerSecond;

interface Thread {
  readonly file: ProcFile;
  runNs: number;
}

interface MemberUsage {
  readonly threads: Map<number, Thread>;
  /** Run time of threads that have ended, or were too short to be seen. */
  endedThreadsNs: number;
  ownNs: number;
  readonly reapedNs: ReapedCounter;
  readonly readBytes: ReapedCounter;
  readonly writtenBytes: ReapedCounter;
  readonly ioFile: ProcFile;
}

/** Figures of a whole tree. Sizes in bytes; what could not be read is NaN. */
export interface TreeUsage {
  /** CPU time since the tree began, nanoseconds. */
  cpuNs: number;
  /** Resident memory; pages that processes share count for each of them. */
  residentBytes: number;
  threads: number;
  /** Live processes. */
  processes: number;
  openFiles: number;
  /** Read from storage since the tree began. */
  readBytes: number;
  /** Written towards storage since the tree began. */
  writtenBytes: number;
}

/** Samples one process and its descendants through /proc. Linux only. */
export class ProcSampler {
  readonly tree: ProcessTree;
  readonly usage: TreeUsage = {
    cpuNs: 0,
    residentBytes: 0,
    threads: 0,
    processes: 0,
    openFiles: Number.NaN,
    readBytes: Number.NaN,
    writtenBytes: Number.NaN,
  };
  readonly #reader: ProcReader = new ProcReader();
  readonly #pageBytes: number;
  readonly #members: Map<number, MemberUsage> = new Map();

  /** @throws MyelinError UNSUPPORTED_PLATFORM where there is no Linux /proc. */
  constructor(rootPid: number) {
    assertSamplingSupported();
    this.#pageBytes = pageBytes();
    this.tree = new ProcessTree(rootPid, this.#reader, {
      joined: (member) => this.#join(member),
      left: (member, parent) => this.#leave(member, parent),
    });
  }

  /** Brings CPU time, memory, threads and processes up to date. */
  readFast(nowMs: number): void {
    this.tree.refresh(nowMs);
    const { usage } = this;
    let pages = 0;
    usage.threads = 0;
    usage.processes = 0;
    for (const member of this.tree.members.values()) {
      this.#countCpu(member);
      if (member.stat.isZombie) continue;
      pages += member.stat.residentPages;
      usage.threads += member.stat.threads;
      usage.processes++;
    }
    usage.residentBytes = pages * this.#pageBytes;
  }

  /** Brings open files and I/O up to date: dearer, so to be called about once a second. */
  readSlow(): void {
    const { usage } = this;
    usage.openFiles = 0;
    for (const member of this.tree.members.values()) {
      this.#countIo(member.pid);
      if (!member.stat.isZombie) usage.openFiles += openFiles(member.pid);
    }
  }

  close(): void {
    for (const usage of this.#members.values()) closeFiles(usage);
    this.#members.clear();
    this.tree.close();
  }

  #join(member: TreeMember): void {
    this.#members.set(member.pid, {
      threads: new Map(),
      endedThreadsNs: 0,
      ownNs: 0,
      reapedNs: new ReapedCounter(),
      readBytes: new ReapedCounter(),
      writtenBytes: new ReapedCounter(),
      ioFile: this.#reader.file(`/proc/${member.pid}/io`),
    });
  }

  #leave(member: TreeMember, parent: TreeMember | undefined): void {
    const usage = this.#members.get(member.pid);
    if (usage === undefined) return;
    this.#members.delete(member.pid);
    closeFiles(usage);
    const heir = parent === undefined ? undefined : this.#members.get(parent.pid);
    if (heir === undefined) return;
    heir.reapedNs.expect(usage.ownNs + usage.reapedNs.covered);
    heir.readBytes.expect(usage.readBytes.covered);
    heir.writtenBytes.expect(usage.writtenBytes.covered);
  }

  #countCpu(member: TreeMember): void {
    const usage = this.#members.get(member.pid);
    if (usage === undefined) return;
    const { stat } = member;
    if (!stat.isZombie && stat.threads !== usage.threads.size) this.#listThreads(member.pid, usage);
    if (!readThreads(this.#reader, usage)) this.#listThreads(member.pid, usage);
    let threadsNs = usage.endedThreadsNs;
    for (const thread of usage.threads.values()) threadsNs += thread.runNs;
    const missedNs = stat.ownTicks * nsPerTick - threadsNs;
    if (missedNs > 0) {
      usage.endedThreadsNs += missedNs;
      threadsNs += missedNs;
    }
    this.usage.cpuNs +=
      threadsNs - usage.ownNs + usage.reapedNs.advance(stat.reapedTicks * nsPerTick);
    usage.ownNs = threadsNs;
  }

  #listThreads(pid: number, usage: MemberUsage): void {
    const ids = numericEntries(`/proc/${pid}/task`);
    for (const id of ids) {
      if (usage.threads.has(id)) continue;
      const file = this.#reader.file(`/proc/${pid}/task/${id}/schedstat`);
      const thread = { file, runNs: 0 };
      readThread(this.#reader, thread);
      usage.threads.set(id, thread);
    }
    if (usage.threads.size === ids.length) return;
    const live = new Set(ids);
    for (const [id, thread] of usage.threads) if (!live.has(id)) endThread(usage, id, thread);
  }

  #countIo(pid: number): void {
    const usage = this.#members.get(pid);
    if (usage === undefined || !usage.ioFile.read()) return;
    const text = this.#reader.buffer.toString("latin1", 0, this.#reader.length);
    const total = this.usage;
    total.readBytes =
      (total.readBytes || 0) + usage.readBytes.advance(field(text, "\nread_bytes: "));
    total.writtenBytes =
      (total.writtenBytes || 0) + usage.writtenBytes.advance(field(text, "\nwrite_bytes: "));
  }
}

/** Somewhat under 100 ms, so that timers that come early or late do not change the number of intervals. */
const shareWindowMs = 90;

/** Evens a growing CPU time out to a share of one core over the last 100 ms or, if longer, the last interval. */
export class CpuShare {
  readonly #timesMs: number[] = [];
  readonly #cpuNs: number[] = [];

  /** Takes a reading; gives the share of one core, NaN for the first. */
  advance(nowMs: number, cpuNs: number): number {
    this.#timesMs.push(nowMs);
    this.#cpuNs.push(cpuNs);
    // The oldest goes while the one after it is old enough, so that the window is never shorter.
    while (this.#timesMs.length > 2 && nowMs - (this.#timesMs[1] ?? 0) >= shareWindowMs) {
      this.#timesMs.shift();
      this.#cpuNs.shift();
    }
    const spanNs = (nowMs - (this.#timesMs[0] ?? nowMs)) * 1e6;
    return spanNs > 0 ? (cpuNs - (this.#cpuNs[0] ?? cpuNs)) / spanNs : Number.NaN;
  }
}

/** Bytes of memory this machine, or the cgroup this process is in, has. */
export function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** @throws MyelinError UNSUPPORTED_PLATFORM where processes cannot be sampled. */
export function assertSamplingSupported(platform: NodeJS.Platform = process.platform): void {
  if (platform === "linux") return;
  throw new MyelinError(
    "UNSUPPORTED_PLATFORM",
    `processes cannot be sampled on ${platform}: it has no Linux /proc`,
    {
      hint: "Starting, stopping and restarting work; run on Linux for CPU, memory and throttling.",
    },
  );
}

function readThread(reader: ProcReader, thread: Thread): boolean {
  if (!thread.file.read()) return false;
  const runNs = reader.numberAt(0);
  if (runNs > thread.runNs) thread.runNs = runNs;
  return true;
}

/** False when a thread has ended, so that the list is to be read anew. */
function readThreads(reader: ProcReader, usage: MemberUsage): boolean {
  let areAllThere = true;
  for (const thread of usage.threads.values()) {
    if (!readThread(reader, thread)) areAllThere = false;
  }
  return areAllThere;
}

function endThread(usage: MemberUsage, id: number, thread: Thread): void {
  usage.endedThreadsNs += thread.runNs;
  usage.threads.delete(id);
  thread.file.close();
}

function closeFiles(usage: MemberUsage): void {
  for (const thread of usage.threads.values()) thread.file.close();
  usage.ioFile.close();
}

function field(text: string, name: string): number {
  const at = text.indexOf(name);
  return at < 0 ? 0 : Number.parseInt(text.slice(at + name.length, at + name.length + 20), 10);
}

/** Newer kernels (6.2) tell the number as the folder's size; older ones say 0 there. */
function openFiles(pid: number): number {
  const path = `/proc/${pid}/fd`;
  try {
    return statSync(path).size || readdirSync(path).length;
  } catch {
    return 0;
  }
}

/** Bytes in a page: what this process knows its memory to be, over what the kernel counts in pages. */
function pageBytes(): number {
  const pages = Number.parseInt(readFileSync("/proc/self/statm", "latin1").split(" ")[1] ?? "", 10);
  const ratio = process.memoryUsage.rss() / pages;
  return 2 ** Math.max(12, Math.round(Math.log2(ratio)));
}
