import { readFileSync } from "node:fs";

const patienceMs = 10_000;
const lookIntervalMs = 5;

/** True while the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** Waits until a process that is nobody's child here has ended: the kernel tells that to its parent alone. */
export async function awaitEnd(pid: number): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  while (isAlive(pid)) {
    if (performance.now() > giveUpAtMs) throw new Error(`process ${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
  }
}
