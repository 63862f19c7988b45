// Which tests there are, and how each kind is run. Every *.test.ts belongs to exactly one suite.
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const isIoTest = (path) => path.endsWith(".io.test.ts");
/** Tests whose figures need the machine to themselves. */
const isLoadTest = (path) =>
  /\/(?:demo|flood|scale|troubled-agents|troubled-node)\.test\.ts$/.test(path);

/**
 * The suites, in the order they run. Pure tests share one process; tests of sockets, workers, files
 * and processes (`x.io.test.ts`, and all outside the packages) get a process for each file.
 * A suite with `isFull` runs in `verify` only.
 */
export const suites = [
  {
    name: "unit",
    globs: ["packages/*/src/**/*.test.ts"],
    accepts: (path) => !isIoTest(path),
    isIsolated: false,
    timeoutMs: 30_000,
  },
  {
    name: "tidy",
    globs: ["test/tidy/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 60_000,
  },
  {
    name: "io",
    globs: [
      "packages/*/src/**/*.io.test.ts",
      "tools/**/*.test.ts",
      "bench/**/*.test.ts",
      "examples/**/*.test.ts",
    ],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 60_000,
  },
  {
    name: "contract",
    globs: ["test/contract/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 120_000,
    isFull: true,
  },
  {
    name: "skew",
    globs: ["test/skew/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 120_000,
    isFull: true,
  },
  {
    name: "sim",
    globs: ["test/sim/**/*.test.ts"],
    isIsolated: true,
    // The sweep has a thread for each core.
    concurrency: 1,
    timeoutMs: 600_000,
    isFull: true,
  },
  {
    name: "oracle",
    globs: ["test/oracle/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 300_000,
    isFull: true,
  },
  {
    name: "fuzz",
    globs: ["test/fuzz/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 180_000,
    isFull: true,
  },
  {
    name: "malice",
    globs: ["test/malice/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 120_000,
    isFull: true,
  },
  {
    name: "docs",
    globs: ["test/docs/**/*.test.ts"],
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 120_000,
    isFull: true,
  },
  {
    name: "packages",
    globs: ["test/packages/**/*.test.ts"],
    isIsolated: true,
    concurrency: 1,
    timeoutMs: 300_000,
    isFull: true,
  },
  {
    name: "faults",
    globs: ["test/faults/**/*.test.ts"],
    accepts: (path) => !isLoadTest(path),
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 300_000,
    isFull: true,
  },
  {
    name: "e2e",
    globs: ["test/e2e/**/*.test.ts"],
    accepts: (path) => !isLoadTest(path),
    isIsolated: true,
    concurrency: 2,
    timeoutMs: 300_000,
    isFull: true,
  },
  {
    name: "load",
    globs: ["test/e2e/**/*.test.ts", "test/faults/**/*.test.ts"],
    accepts: isLoadTest,
    isIsolated: true,
    concurrency: 1,
    timeoutMs: 300_000,
    isFull: true,
  },
];

/** The test files of a suite, sorted, relative to the root. */
export function filesOf(suite) {
  const options = { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] };
  return globSync(suite.globs, options)
    .map((path) => path.replaceAll("\\", "/"))
    .filter(suite.accepts ?? (() => true))
    .sort();
}
