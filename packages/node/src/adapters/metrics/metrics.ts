import { performance } from "node:perf_hooks";
import { createProcessProbe, type ProcessProbe } from "./process-probe.ts";
import { processRows } from "./process-rows.ts";
import { queueRows } from "./queue-rows.ts";
import type { MetricRow } from "./row.ts";
import { rowsOf } from "./rows.ts";
import type { MetricSources } from "./sources.ts";
import { storageRows } from "./storage-rows.ts";
import { traceRows } from "./trace-rows.ts";
import { contentType, textOf } from "./text.ts";

/** The node's metrics as Prometheus reads them. */
export interface Metrics {
  /** Who asks while another is answered is given the same. */
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Ends what measures the process. */
  stop(): void;
}

/** A reading gives the loop back after this long, and goes on in its next turn. */
const sliceMs = 0.5;

/**
 * Gathers the node's figures at each reading; nothing is counted twice on the hot path. What only
 * scrapers want of the process is measured from the first reading on, while there are some.
 */
export function createMetrics(sources: MetricSources): Metrics {
  const probe = createProcessProbe();
  let reading: Promise<string> | undefined;
  return {
    read: async () => {
      reading ??= textOfAll(sources, probe).finally(() => {
        reading = undefined;
      });
      return { contentType, text: await reading };
    },
    stop: () => probe.stop(),
  };
}

async function textOfAll(sources: MetricSources, probe: ProcessProbe): Promise<string> {
  let text = "";
  let sinceMs = performance.now();
  for await (const rows of groupsOf(sources, probe)) {
    for (const row of rows) {
      text += textOf(row);
      if (performance.now() - sinceMs < sliceMs) continue;
      await nextTurn();
      sinceMs = performance.now();
    }
  }
  return text;
}

/** All there is to tell, each group in a turn of its own: the first reading meets code that never ran. */
async function* groupsOf(
  sources: MetricSources,
  probe: ProcessProbe,
): AsyncGenerator<readonly MetricRow[], void> {
  yield rowsOf(sources);
  await nextTurn();
  yield [...queueRows(sources), ...traceRows(sources)];
  yield storageRows(sources.storage, await sources.storage?.fileSizes(), sources.arc.history);
  await nextTurn();
  const facts = await probe.look();
  yield processRows(probe, facts);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
