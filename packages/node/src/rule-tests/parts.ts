/** Parts of an agent in the engine: what the node observes, and the program. */
export const parts = { node: 0, app: 1 } as const;
export type Part = (typeof parts)[keyof typeof parts];

const observed: ReadonlySet<string> = new Set(["heartbeat_age"]);

/** Whether the node alone observes a metric. */
export function isObserved(metric: string): boolean {
  return observed.has(metric);
}
