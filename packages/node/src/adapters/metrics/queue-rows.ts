import { maxAuditWaiting } from "../../audit/index.ts";
import { gauge, type MetricRow, type MetricValue, valuesBy } from "./row.ts";
import type { MetricSources } from "./sources.ts";

/** Every queue there is: what waits in it, and what may. */
export function queueRows(sources: MetricSources): MetricRow[] {
  const { arc } = sources;
  return [
    gauge("myelin_queue_length", "What waits by queue", () => valuesBy("queue", lengths(sources))),
    gauge("myelin_queue_capacity", "What may wait by queue", () => capacities(sources)),
    gauge("myelin_queue_bytes", "Memory of what waits by queue, about", () =>
      valuesBy("queue", [
        ["bulk", arc.sessions.bulkBytes],
        ["outbound", arc.sessions.outboundBytes],
        ["watch", arc.watch.kept.bytes],
      ]),
    ),
    gauge("myelin_queue_capacity_bytes", "Memory that what waits may take by queue", () =>
      valuesBy("queue", [
        ["bulk", sources.sessionSettings.maxBulkBytes],
        ["watch", sources.settings.maxWatchBytes],
      ]),
    ),
  ];
}

type Length = readonly [queue: string, length: number];

function lengths({ arc, store, traces }: MetricSources): Length[] {
  const { pendingWrites, pendingLedgerEntries } = store.health();
  return [
    ["scheduler", arc.scheduler.size],
    ["settler", arc.dispatch.unwrittenCount],
    ["ledger", pendingLedgerEntries],
    ["store", pendingWrites],
    ["journal", arc.episodes.unwrittenCount],
    ["registry", arc.registry.unwrittenCount],
    ["audit", arc.audit.waitingCount],
    ["watch", arc.watch.kept.count],
    ...(traces === undefined ? [] : [["traces", traces.figures.waiting] as const]),
  ];
}

function capacities({ settings, storage, traces }: MetricSources): MetricValue[] {
  return valuesBy("queue", [
    ["scheduler", settings.maxQueued],
    ["settler", 2 * settings.maxOpenInstructions],
    ["journal", settings.maxEpisodes],
    ["registry", settings.maxAgents],
    ["audit", maxAuditWaiting],
    ["watch", settings.maxWatchEvents],
    ...(storage === undefined
      ? []
      : ([
          ["ledger", storage.capacity.ledgerEntries],
          ["store", storage.capacity.operations],
        ] as const)),
    ...(traces === undefined ? [] : [["traces", traces.figures.capacity] as const]),
  ]);
}
