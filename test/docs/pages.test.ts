import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { suite, test } from "node:test";
import { foldersOfRuns, isRunnable, type Page, readPages, runPage } from "./page/index.ts";

suite("the examples run as they are written", { concurrency: 3 }, () => {
  for (const page of readPages()) {
    if (!page.blocks.some(({ tag }) => isRunnable(tag))) continue;
    test(page.path, () => runPage(page));
  }
});

test("a page is run twice at once, and leaves nothing behind", async () => {
  const block = {
    tag: "sh run",
    options: [],
    text: "mkdir mine && myelin agents --json\n",
    line: 1,
  };
  const page: Page = { path: "twice.md", text: "", blocks: [block], links: [], anchors: new Set() };
  await Promise.all([runPage(page), runPage(page)]);
  assert.deepEqual(
    readdirSync(foldersOfRuns).filter((name) => name.startsWith("twice-")),
    [],
  );
});
