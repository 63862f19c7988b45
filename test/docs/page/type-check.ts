import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "./folder.ts";
import { fileNameOf, type Page, repositoryRoot } from "./pages.ts";

/** What the compiler says of all TypeScript blocks; empty when it is content. */
export function typeErrors(pages: readonly Page[]): string {
  using folder = new Folder("types");
  const config = { extends: "../../../tsconfig.base.json", include: ["*.ts"] };
  writeFileSync(join(folder.path, "tsconfig.json"), JSON.stringify(config));
  for (const page of pages) {
    for (const { tag, text, line } of page.blocks) {
      if (!tag.startsWith("ts ")) continue;
      // Blank lines before it, so that the compiler's lines are the page's.
      const name = `${fileNameOf(page)}-${line}.ts`;
      writeFileSync(join(folder.path, name), `${"\n".repeat(line)}${text}`);
    }
  }
  const tsc = join(repositoryRoot, "node_modules/.bin/tsc");
  const { error, stdout } = spawnSync(tsc, ["-p", folder.path, "--pretty", "false"], {
    cwd: folder.path,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  // What is wrong with the sources themselves is another check's to tell.
  const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("../"));
  return lines.join("\n");
}
