import { type Part, parts } from "../replay/index.ts";

/** What the node alone observes. */
const observed: ReadonlySet<string> = new Set(["heartbeat_age"]);

/** The part that a metric's samples are of. */
export function partOf(metric: string): Part {
  return observed.has(metric) ? parts.node : parts.app;
}
