import { fileLimit } from "../report/index.ts";

/** Files that a process has open besides its connections. */
const otherFiles = 500;

/** Why so many connections cannot be had by one process; undefined when they can. */
export function hindrance(connections: number, limit: number = fileLimit()): string | undefined {
  if (connections + otherFiles <= limit) return undefined;
  return `${connections} sessions need ${connections + otherFiles} open files in one process, and this one may have ${limit} (ulimit -n); raise that, or ask for --sessions ${limit - otherFiles}`;
}

/** @throws Error where a process may not have as many connections */
export function requireFiles(connections: number): void {
  const why = hindrance(connections);
  if (why !== undefined) throw new Error(why);
}
