import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** What the logs of a data directory hold: what rules read of the past, or what they were told. */
export type LogKind = "windows" | "recording";

/** The folder of a lane's log within a data directory, which differs with the number of lanes. */
export function logFolder(directory: string, kind: LogKind, lane: number, lanes: number): string {
  return join(directory, kind, `${lane}-of-${lanes}`);
}

/** Removes the logs of other numbers of lanes: agents were in other lanes then. */
export async function dropOtherFolders(
  directory: string,
  kind: LogKind,
  lanes: number,
): Promise<void> {
  const parent = join(directory, kind);
  const names = await readdir(parent).catch(() => []);
  for (const name of names)
    if (!name.endsWith(`-of-${lanes}`)) await rm(join(parent, name), { recursive: true });
}

/** Bytes of all logs of a kind in a data directory. */
export async function logBytes(directory: string, kind: LogKind): Promise<number> {
  let sizeBytes = 0;
  for (const folder of await logFolders(directory, kind))
    for (const name of await readdir(folder).catch(() => []))
      sizeBytes += await stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      );
  return sizeBytes;
}

/** The folders of all logs of a kind in a data directory. */
export async function logFolders(directory: string, kind: LogKind): Promise<readonly string[]> {
  const parent = join(directory, kind);
  return (await readdir(parent).catch(() => [])).map((name) => join(parent, name));
}
