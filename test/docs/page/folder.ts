import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./pages.ts";

/** Where the folders of all runs are: below the repository, so that programs in them find its packages. */
export const foldersOfRuns: string = join(repositoryRoot, ".build/docs");

/** A folder of this run alone, which goes with it: runs in one checkout do not meet. */
export class Folder implements Disposable {
  readonly path: string;

  constructor(name: string) {
    mkdirSync(foldersOfRuns, { recursive: true });
    this.path = mkdtempSync(join(foldersOfRuns, `${name}-`));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}
