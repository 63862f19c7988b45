/** Many pairs over several threads. A pair is a function of its seed, so nothing depends on who runs it, or when. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Feature } from "../differential/features.ts";
import { addOccurrences, type Occurrences } from "../differential/occurrences.ts";

/** Pairs that one thread runs at a time. */
const pairsPerShard = 250;

/** Pairs of one seed. */
export interface Shard {
  readonly features: readonly Feature[];
  readonly runs: number;
  readonly seed: number;
}

export interface ShardResult {
  readonly seed: number;
  readonly occurrences: Occurrences;
  /** The pair that failed, shrunk. */
  readonly failure?: string;
}

export interface CampaignOptions extends Shard {
  /** How many threads; as many as the machine has cores by default. */
  readonly threads?: number;
}

export interface CampaignResult {
  readonly occurrences: Occurrences;
  /** What failed, with the seed of its shard; the rest was not run then. */
  readonly failures: readonly ShardResult[];
}

/** Runs as many pairs as are wanted, in shards of seeds that follow one another. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { features, runs, seed, threads = availableParallelism() } = options;
  const count = Math.ceil(runs / pairsPerShard);
  const shards = Array.from({ length: count }, (_, index) => ({
    features,
    runs: Math.min(pairsPerShard, runs - index * pairsPerShard),
    seed: seed + index,
  }));
  const occurrences = new Map<string, number>();
  const failures: ShardResult[] = [];
  let next = 0;
  const work = async (worker: Worker): Promise<void> => {
    for (let shard = shards[next++]; shard !== undefined; shard = shards[next++]) {
      const result = await resultOf(worker, shard);
      addOccurrences(occurrences, result.occurrences);
      if (result.failure === undefined) continue;
      failures.push(result);
      next = shards.length;
    }
  };
  const workers = Array.from(
    { length: Math.min(threads, count) },
    () => new Worker(new URL("worker.ts", import.meta.url)),
  );
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { occurrences, failures };
}

function resultOf(worker: Worker, shard: Shard): Promise<ShardResult> {
  return new Promise((resolve, reject) => {
    worker.once("message", (result: ShardResult) => {
      worker.off("error", reject);
      resolve(result);
    });
    worker.once("error", reject);
    worker.postMessage(shard);
  });
}
