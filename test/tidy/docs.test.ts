import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorCatalogue } from "@myelin/core/errors";
import { generatedPages } from "../../tools/generate-docs.ts";
import { repositoryRoot } from "./repository.ts";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

test("the generated pages are what the code says today", () => {
  for (const [path, text] of generatedPages()) {
    assert.equal(read(path), text, `${path} is out of date: npm run generate`);
  }
});

test("every error code is documented once", () => {
  const page = read("docs/errors.md");
  const codes = Object.keys(errorCatalogue);
  assert.ok(codes.length > 20);
  for (const code of codes) assert.equal(page.split(`\n| \`${code}\` |`).length, 2, code);
});
