import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** The folder of a lane's log within a data directory, which differs with the number of lanes. */
export function logFolder(directory: string, lane: number, lanes: number): string {
  return join(directory, "windows", `${lane}-of-${lanes}`);
}

/** Removes the logs of other numbers of lanes: agents were in other lanes then. */
export async function dropOtherFolders(directory: string, lanes: number): Promise<void> {
  const parent = join(directory, "windows");
  const names = await readdir(parent).catch(() => []);
  for (const name of names)
    if (!name.endsWith(`-of-${lanes}`)) await rm(join(parent, name), { recursive: true });
}
