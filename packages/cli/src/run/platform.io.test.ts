// What `myelin run` says on platforms that have no /proc.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { runCommandAsAgent } from "./index.ts";

test("elsewhere than on Linux a command is run all the same, behind a warning", async () => {
  let err = "";
  const host = {
    stdout: { write: () => undefined },
    stderr: { write: (text: string) => (err += text) },
    env: {},
  };
  const code = await runCommandAsAgent(
    { process: host, env: {}, signal: new AbortController().signal },
    {
      ...{ id: "w1", url: "http://127.0.0.1:1", part: "app", restart: "never" },
      ...{ grace: 500, sampleRate: 20 },
    },
    [process.execPath, "-e", "process.exit(7)"],
    "darwin",
  );
  assert.equal(code, 7);
  assert.equal(
    err,
    `error UNSUPPORTED_PLATFORM: processes cannot be sampled on darwin: it has no Linux /proc\n  Starting, stopping and restarting work; run on Linux for CPU, memory and throttling.\n`,
  );
});
