import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";

const skipped = new Set(["node_modules", ".git", ".build"]);

/** The first `most` files below a folder, without those that are fetched or built. */
export function filesBelow(folder: string, most: number): string[] {
  const files: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined && files.length < most; next = folders.pop()) {
    for (const entry of entriesOf(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory() && !skipped.has(entry.name)) folders.push(path);
      if (entry.isFile() && files.length < most) files.push(path);
    }
  }
  return files;
}

/** Folders come and go while others work on them; one that is gone has nothing. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
