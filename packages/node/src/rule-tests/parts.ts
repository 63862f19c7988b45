/** Parts of an agent in the engine: what the node observes, and the program. */
export const parts = { node: 0, app: 1 } as const;
export type Part = (typeof parts)[keyof typeof parts];

/** What the node alone observes. */
const observed: ReadonlySet<string> = new Set(["heartbeat_age"]);

/** The part that a metric's samples are of. */
export function partOf(metric: string): Part {
  return observed.has(metric) ? parts.node : parts.app;
}
