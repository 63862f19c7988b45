// Loaded before each test file that has a process of its own: when its tests are done and something
// still keeps the process alive, the file fails and says what, where the runner would wait for ever.
import process from "node:process";
import { after } from "node:test";
import { isMainThread } from "node:worker_threads";

const graceMs = 15_000;

function endLeakingProcess() {
  const kinds = process.getActiveResourcesInfo().join(", ");
  process.stderr.write(`something outlives the tests of this file: ${kinds}\n`);
  process.exit(1);
}

const isTestFile = process.argv[1]?.endsWith(".test.ts") ?? false;
if (isMainThread && isTestFile && process.env.NODE_TEST_CONTEXT !== undefined) {
  after(() => {
    setTimeout(endLeakingProcess, graceMs).unref();
  });
}
