import { suite, test } from "node:test";
import { isRunnable, readPages, runPage } from "./page/index.ts";

suite("the examples run as they are written", { concurrency: 3 }, () => {
  for (const page of readPages()) {
    if (!page.blocks.some(({ tag }) => isRunnable(tag))) continue;
    test(page.path, () => runPage(page));
  }
});
