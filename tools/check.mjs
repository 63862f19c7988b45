#!/usr/bin/env node
// Runs every check of the repository and says what failed: `node tools/check.mjs check|verify`.
// `check` is the fast half, for each commit; `verify` is everything, and what `npm test` runs.
// With names behind it (`node tools/check.mjs verify lint unit`) it runs only those.
//
// Invariants
// 1. A step that fails does not hide another: all run, and the exit code is 1 if any failed.
// 2. Every *.test.ts of the repository belongs to exactly one suite (tools/suites.mjs).
// 3. The last thing printed is the test runner's summary over all suites, or the failed steps.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { filesOf, root, suites } from "./suites.mjs";

const binaries = join(root, "node_modules", ".bin");
const build = join(root, ".build");
const longestSuiteMs = 15 * 60_000;
const countsPath = join(build, `test-counts-${process.pid}.json`);
const environment = {
  ...process.env,
  PATH: `${binaries}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`,
  ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
};
delete environment.NODE_OPTIONS;
delete environment.NODE_TEST_CONTEXT;

/** Steps that read the sources. Those of one group run side by side, the groups one after another. */
const groups = [
  [
    { name: "format", command: ["biome", "format", "."] },
    { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
    {
      name: "types",
      command: ["tsc", "--noEmit", "-p", ".", "--pretty", String(process.stdout.isTTY ?? false)],
    },
    { name: "proto lint", command: ["buf", "lint"] },
  ],
  [
    {
      name: "proto breaking",
      command: ["buf", "breaking", "--against", "proto/baseline.binpb"],
      isFull: true,
    },
    { name: "generated code", command: ["node", "tools/check-generated.mjs"], isFull: true },
    { name: "unused code", command: ["knip"], isFull: true },
    { name: "build", command: ["node", "tools/pack.mjs"], isFull: true },
  ],
];

function run(command, isLive) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: root,
      env: environment,
      shell: process.platform === "win32",
      stdio: ["ignore", isLive ? "inherit" : "pipe", isLive ? "inherit" : "pipe"],
    });
    const watchdog = setTimeout(() => child.kill(), longestSuiteMs);
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    const end = (isPassed, extra = "") => {
      clearTimeout(watchdog);
      resolve({
        isPassed,
        output: Buffer.concat(chunks).toString() + extra,
        seconds: (performance.now() - startedAt) / 1000,
      });
    };
    child.on("error", (error) => end(false, `${error.message}\n`));
    child.on("close", (code, signal) => end(code === 0, signal ? `stopped by ${signal}\n` : ""));
  });
}

function report(name, result) {
  const mark = result.isPassed ? "✔" : "✖";
  process.stdout.write(`${mark} ${name} (${result.seconds.toFixed(1)} s)\n`);
  if (!result.isPassed && result.output.trim() !== "") {
    process.stdout.write(`${result.output.trimEnd().replaceAll(/^/gm, "  ")}\n`);
  }
}

function suiteCommand(suite, files) {
  const isolation = suite.isIsolated
    ? [`--test-concurrency=${suite.concurrency}`, "--import=./tools/test-guard.mjs"]
    : ["--test-isolation=none", "--test-force-exit"];
  return [
    "node",
    "--test",
    ...isolation,
    `--test-timeout=${suite.timeoutMs}`,
    "--test-reporter=./tools/test-reporter.mjs",
    "--test-reporter-destination=stdout",
    "--test-reporter=./tools/test-counts.mjs",
    `--test-reporter-destination=${countsPath}`,
    ...files,
  ];
}

/** Adds what a suite's runner counted to the total. */
function addCounts(total) {
  if (!existsSync(countsPath)) return;
  const counts = JSON.parse(readFileSync(countsPath, "utf8"));
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}

/** Prints what all suites' runners counted together, the way one runner would. */
function printCounts(total) {
  for (const name of ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"]) {
    process.stdout.write(`ℹ ${name} ${total[name] ?? 0}\n`);
  }
  process.stdout.write(`ℹ duration_ms ${(total.duration_ms ?? 0).toFixed(1)}\n`);
}

async function runSuites(isFull, isWanted, failed) {
  const total = {};
  for (const suite of suites) {
    if ((suite.isFull && !isFull) || !isWanted(suite.name)) continue;
    const files = filesOf(suite);
    if (files.length === 0) continue;
    process.stdout.write(`▶ ${suite.name} tests (${files.length} files)\n`);
    const result = await run(suiteCommand(suite, files), true);
    report(`${suite.name} tests`, result);
    if (!result.isPassed) failed.push(`${suite.name} tests`);
    addCounts(total);
    rmSync(countsPath, { force: true });
  }
  if (Object.keys(total).length === 0) return;
  process.stdout.write("\n");
  printCounts(total);
}

async function main() {
  const [mode = "check", ...names] = process.argv.slice(2);
  if (mode !== "check" && mode !== "verify") {
    process.stderr.write("usage: node tools/check.mjs check|verify [STEP…]\n");
    process.exit(2);
  }
  if (Number.parseInt(process.versions.node, 10) < 26) {
    process.stderr.write("This runs on Node 26: start it by npm, after `npm run setup`.\n");
    process.exit(2);
  }
  const isFull = mode === "verify";
  const isWanted = (name) => names.length === 0 || names.includes(name);
  const failed = [];
  mkdirSync(build, { recursive: true });
  for (const group of groups) {
    const steps = group.filter((step) => (isFull || !step.isFull) && isWanted(step.name));
    const running = steps.map(async (step) => {
      const result = await run(step.command, false);
      report(step.name, result);
      if (!result.isPassed) failed.push(step.name);
    });
    await Promise.all(running);
  }
  await runSuites(isFull, isWanted, failed);
  if (failed.length > 0) {
    process.stdout.write(`\n✖ failed: ${failed.join(", ")}\n`);
    process.exit(1);
  }
}

await main();
