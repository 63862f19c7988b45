#!/usr/bin/env node
// Fails when the generated code in the repository is not what the schema generates today.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { root } from "./suites.mjs";

const generated = join("packages", "core", "src", "wire", "gen");

function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]));
}

const scratch = mkdtempSync(join(tmpdir(), "myelin-generated-"));
try {
  const run = spawnSync("buf", ["generate", "-o", scratch], { cwd: root, encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.error?.message ?? run.stderr);
  const wanted = filesIn(join(scratch, generated));
  const found = filesIn(join(root, generated));
  if (wanted.size === 0) throw new Error("buf generated no file at all");
  const names = [...new Set([...wanted.keys(), ...found.keys()])];
  const stale = names.filter((name) => wanted.get(name) !== found.get(name));
  if (stale.length > 0) {
    process.stdout.write(`out of date: ${stale.join(", ")}\nRun npm run generate.\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
