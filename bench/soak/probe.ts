/** Tells the parent, from inside of a node that it is loaded into with `--import`, what the node holds. */
import process from "node:process";

/** What a process holds. */
export interface Held {
  /** What keeps its loop alive, by kind, timers included. */
  readonly resources: Readonly<Record<string, number>>;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

process.on("message", () => {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { heapUsed: heapBytes, rss: residentBytes } = process.memoryUsage();
  process.send?.({ resources, heapBytes, residentBytes } satisfies Held);
});
process.channel?.unref();
