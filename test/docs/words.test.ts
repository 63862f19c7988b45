import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import {
  type Page,
  readPages,
  repositoryRoot,
  tags,
  typeErrors,
  unknownScripts,
} from "./page/index.ts";

const pages = readPages();

test("there are the pages that there should be", () => {
  const paths = pages.map(({ path }) => path);
  const needed = [
    ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
    ...["concepts", "rules", "sdk", "cli", "http-api", "limits", "errors", "operations"].map(
      (name) => `docs/${name}.md`,
    ),
  ];
  assert.deepEqual(
    needed.filter((path) => !paths.includes(path)),
    [],
  );
});

test("every code block says what becomes of it", () => {
  const unknown = pages.flatMap(({ path, blocks }) =>
    blocks.filter(({ tag }) => !tags.has(tag)).map(({ tag, line }) => `${path}:${line} ${tag}`),
  );
  assert.deepEqual(unknown, [], `tags are: ${[...tags.keys()].join(", ")}`);
});

test("what is shown right behind a block that is run to its end is compared with its output", () => {
  const shown = pages.flatMap(({ path, blocks }) =>
    blocks.flatMap(({ tag, line }, at) => {
      const before = blocks[at - 1];
      if (tag !== "text" || before?.tag !== "sh run") return [];
      const endLine = before.line + before.text.split("\n").length;
      return line - endLine <= 2 ? [`${path}:${line}`] : [];
    }),
  );
  assert.deepEqual(shown, []);
});

test("the examples in TypeScript are well typed", () => {
  assert.equal(typeErrors(pages), "");
});

test("the npm scripts that the pages name exist", () => {
  const unknown = pages.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ tag }) => tag === "sh npm")
      .flatMap(({ text }) => unknownScripts(text).map((name) => `${path}: ${name}`)),
  );
  assert.deepEqual(unknown, []);
});

test("every link leads to something", () => {
  const broken = pages.flatMap((page) =>
    page.links
      .filter(({ target }) => !/^[a-z]+:/.test(target) && !leads(page, target))
      .map(({ target, line }) => `${page.path}:${line} ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every page of docs can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    const page = pages.find((each) => each.path === path);
    for (const { target } of page?.links ?? []) reached.add(pathOf(path, target));
  }
  const lost = pages.map(({ path }) => path).filter((path) => !reached.has(path));
  assert.deepEqual(lost, []);
});

test("decisions are numbered, dated, and have their three parts", () => {
  const decisions = pages.filter(({ path }) => path.startsWith("docs/decisions/0"));
  assert.ok(decisions.length >= 11);
  for (const [index, { path, text }] of decisions.entries()) {
    assert.match(path, new RegExp(`/${String(index + 1).padStart(4, "0")}-[a-z0-9-]+\\.md$`));
    assert.match(text, /^Date: \d{4}-\d\d-\d\d$/m, path);
    for (const part of ["Context", "Decision", "Consequence"])
      assert.ok(text.includes(`\n## ${part}\n`), `${path} has no ${part}`);
  }
});

/** True when a relative link ends at a file or folder, and its anchor at a heading. */
function leads(from: Page, target: string): boolean {
  const [, anchor] = target.split("#");
  const path = pathOf(from.path, target);
  if (!existsSync(posix.join(repositoryRoot, path))) return false;
  if (anchor === undefined) return true;
  return pages.find((page) => page.path === path)?.anchors.has(anchor) === true;
}

/** Where a relative link leads, from the repository's root. */
function pathOf(from: string, target: string): string {
  const [path = ""] = target.split("#");
  return path === "" ? from : posix.join(posix.dirname(from), path);
}
