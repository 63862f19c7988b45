import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { test } from "node:test";
import { filesOf, suites } from "../../tools/suites.mjs";
import { listSources, repositoryRoot } from "./repository.ts";

test("every test file belongs to exactly one suite", () => {
  const runs = new Map<string, string[]>();
  for (const suite of suites) {
    for (const path of filesOf(suite)) runs.set(path, [...(runs.get(path) ?? []), suite.name]);
  }
  const tests = listSources(repositoryRoot).filter((path) => path.endsWith(".test.ts"));
  assert.ok(tests.length > 0);
  for (const path of tests) {
    assert.equal(runs.get(path)?.length, 1, `${path} is run by ${runs.get(path) ?? "no suite"}`);
  }
});

test("every suite has tests", () => {
  const folders = globSync("test/*/", { cwd: repositoryRoot });
  for (const suite of suites) {
    const isBegun =
      !suite.name.match(/^(contract|docs|e2e|faults|malice|packages|sim|skew)$/) ||
      folders.some((folder) => folder.includes(suite.name));
    if (isBegun) assert.ok(filesOf(suite).length > 0, `no test is found for ${suite.name}`);
  }
});
