import { readFileSync } from "node:fs";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Files that a node has open besides its connections. */
const ownFiles = 128;

/** How many connections the limit of open files has room for; each lane may have as many as are given. */
export function limitFindings(maxConnections: number, lanes: number): Finding[] {
  const limit = openFilesLimit();
  return limit === undefined ? [] : [openFilesFinding(limit, maxConnections, lanes)];
}

/** Judges a limit of open files. */
export function openFilesFinding(limit: number, ofLane: number, lanes = 1): Finding {
  const maxConnections = ofLane * lanes;
  const room = limit - ownFiles;
  const told = `room for ${limit === Number.POSITIVE_INFINITY ? "any number of" : Math.max(0, room).toLocaleString("en")} connections`;
  const needed = maxConnections + ownFiles;
  const mend = `Raise it to ${needed} (LimitNOFILE= of the unit, or ulimit -n), or lower session.maxConnections.`;
  if (room < ownFiles) return fail("open files", told, mend);
  if (room >= maxConnections) return ok("open files", told);
  const inLanes = lanes === 1 ? "" : ` in each of ${lanes} lanes`;
  const wanted = `session.maxConnections is ${ofLane}${inLanes}`;
  return warn("open files", `${told}, and ${wanted}`, mend);
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
