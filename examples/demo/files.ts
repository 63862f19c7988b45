import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";

const skipped = new Set(["node_modules", ".git", ".build"]);

/** The files below a folder, without those that are fetched or built. */
export function filesBelow(folder: string): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Folders come and go while others work on them; one that is gone has nothing. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
