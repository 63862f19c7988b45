import { readFileSync } from "node:fs";

/** Processor time of a process until now, seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Memory of a process that lies in the machine's, bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}

/** What some work gave, and what a process took meanwhile: seconds of processor and of time. */
export interface Spent<Result> {
  readonly result: Result;
  readonly cpu: number;
  readonly took: number;
}

/** Does some work, and tells what a process took meanwhile. */
export async function spentDuring<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<Spent<Result>> {
  const [before, beganAtMs] = [cpuSeconds(pid), performance.now()];
  const result = await work();
  return {
    result,
    cpu: cpuSeconds(pid) - before,
    took: (performance.now() - beganAtMs) / 1e3,
  };
}

/** Share of a core that a process takes for a while. */
export async function cpuShare(pid: number, seconds: number): Promise<number> {
  const { cpu, took } = await spentDuring(pid, async () => await passed(seconds));
  return cpu / took;
}

/** Files that a process may have open, sockets included; Infinity where there is no bound, or it is not known. */
export function fileLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Resolves after a while. */
export async function passed(seconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, seconds * 1e3);
  await promise;
}
