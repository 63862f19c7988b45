import { readFileSync } from "node:fs";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Files that a node has open besides its connections. */
const ownFiles = 128;

/** How many connections the limit of open files has room for. */
export function limitFindings(maxConnections: number): Finding[] {
  const limit = openFilesLimit();
  return limit === undefined ? [] : [openFilesFinding(limit, maxConnections)];
}

/** Judges a limit of open files. */
export function openFilesFinding(limit: number, maxConnections: number): Finding {
  const room = limit - ownFiles;
  const told = `room for ${limit === Number.POSITIVE_INFINITY ? "any number of" : Math.max(0, room).toLocaleString("en")} connections`;
  const needed = maxConnections + ownFiles;
  const mend = `Raise it to ${needed} (LimitNOFILE= of the unit, or ulimit -n), or lower session.maxConnections.`;
  if (room < ownFiles) return fail("open files", told, mend);
  if (room >= maxConnections) return ok("open files", told);
  return warn("open files", `${told}, and session.maxConnections is ${maxConnections}`, mend);
}

/** The limit that a Node.js process here has; it raises the soft one to the hard one when it starts. */
function openFilesLimit(): number | undefined {
  try {
    const [, hard] =
      /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    if (hard === undefined) return undefined;
    return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
  } catch {
    return undefined;
  }
}
