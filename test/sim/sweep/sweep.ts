/**
 * Runs many seeds over several threads. A run is a function of its seed, so nothing depends on who runs it, or when.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Reduction } from "../scenario.ts";
import type { Verdict } from "../simulate.ts";

/** One run that a thread is given. */
export interface Job {
  readonly seed: number;
  /** The name of a fault that is planted for the run. */
  readonly planted?: string;
  readonly reduction?: Reduction;
}

export interface SweepOptions {
  /** How many threads; as many as the machine has cores by default. */
  readonly threads?: number;
  /** Told of each run, in the order in which they end; false ends the sweep. */
  readonly onVerdict: (verdict: Verdict) => boolean;
}

/** Runs these, and resolves when all are over or `onVerdict` has ended it. */
export async function sweep(jobs: readonly Job[], options: SweepOptions): Promise<void> {
  const { threads = availableParallelism(), onVerdict } = options;
  let next = 0;
  const workers = Array.from({ length: Math.min(threads, jobs.length) }, newWorker);
  try {
    await Promise.all(workers.map((worker) => work(worker)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async function work(worker: Worker): Promise<void> {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++])
      if (!onVerdict(await verdictOf(worker, job))) next = jobs.length;
  }
}

function newWorker(): Worker {
  return new Worker(new URL("worker.ts", import.meta.url));
}

function verdictOf(worker: Worker, job: Job): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const onMessage = (verdict: Verdict): void => {
      worker.off("error", reject);
      resolve(verdict);
    };
    worker.once("message", onMessage);
    worker.once("error", reject);
    worker.postMessage(job);
  });
}

/** The seeds from `first` to `last`, both included. */
export function seedsBetween(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
