// The pages of the documentation as their tests see them: code blocks, links and headings.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const repositoryRoot: string = fileURLToPath(new URL("../../..", import.meta.url));

/** One fenced block of a page. */
export interface Block {
  /** Language and purpose, such as `ts run`: the first two words behind the fence. */
  readonly tag: string;
  /** What follows the tag. */
  readonly options: readonly string[];
  readonly text: string;
  /** Line of the fence, from 1. */
  readonly line: number;
}

/** One link of a page, as written. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** One page. */
export interface Page {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** Names of its headings as links name them. */
  readonly anchors: ReadonlySet<string>;
}

const globs = ["*.md", "docs/**/*.md"];
const fence = /^( *)(`{3,})(.*)$/;

/** Every page of the repository, by path. */
export function readPages(): Page[] {
  return globSync(globs, { cwd: repositoryRoot })
    .map((path) => path.replaceAll("\\", "/"))
    .sort()
    .map((path) => parsePage(path, readFileSync(join(repositoryRoot, path), "utf8")));
}

/** The page's path as the name of a file. */
export function fileNameOf({ path }: Page): string {
  return path.replaceAll(/[^A-Za-z0-9]+/g, "-");
}

/** Reads one page. */
function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, indent = "", marks, info = ""] = fence.exec(line) ?? [];
    if (marks === undefined) {
      const prose = line.replaceAll(/`[^`]*`/g, "");
      for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g))
        links.push({ target, line: at + 1 });
      const heading = /^#+ +(.*)$/.exec(line)?.[1];
      if (heading !== undefined) anchors.add(anchorOf(heading));
      continue;
    }
    const close = lines.findIndex((end, index) => index > at && end.trim() === marks);
    if (close < 0) throw new Error(`${path}:${at + 1}: the block is never closed`);
    const [language = "", purpose = "", ...options] = info.trim().split(/ +/);
    const content = lines.slice(at + 1, close).map((each) => each.slice(indent.length));
    blocks.push({
      tag: `${language} ${purpose}`.trim(),
      options,
      text: `${content.join("\n")}\n`,
      line: at + 1,
    });
    at = close;
  }
  return { path, text, blocks, links, anchors };
}

/** The name of a heading in links, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
