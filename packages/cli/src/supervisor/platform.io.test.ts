// What a supervisor does, and refuses, on platforms that have no /proc.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { assertSamplingSupported, handleActions, Supervisor } from "./index.ts";
import { RecordedLink } from "./test-support.ts";

test("only Linux is sampled; elsewhere it is said what works and what does not", () => {
  assert.doesNotThrow(() => assertSamplingSupported("linux"));
  assert.throws(() => assertSamplingSupported("darwin"), {
    code: "UNSUPPORTED_PLATFORM",
    message: "processes cannot be sampled on darwin: it has no Linux /proc",
    hint: /Starting, stopping and restarting work; run on Linux for/,
  });
});

test("elsewhere than on Linux a throttle is refused, and pausing, restarting and stopping work", async () => {
  const link = new RecordedLink();
  const supervisor = new Supervisor({
    command: [process.execPath, "-e", "setInterval(() => {}, 1000)"],
    link,
    stdio: "ignore",
    graceMs: 500,
    platform: "darwin",
  });
  handleActions(supervisor, link);
  supervisor.start();
  try {
    await assert.rejects(link.instruct("throttle", { cpu: 0.5 }), {
      code: "UNSUPPORTED_PLATFORM",
      message: "processes cannot be throttled on darwin",
    });
    assert.equal((await link.instruct("pause"))["state"], "paused");
    assert.equal((await link.instruct("resume"))["state"], "running");
    assert.deepEqual(
      [...link.latest.values()].filter((value) => value !== 0),
      [],
      "nothing was sampled",
    );
    const { previousPid, pid, state } = await link.instruct("restart", { grace: "500ms" });
    assert.deepEqual([state, previousPid === pid], ["running", false]);
    assert.equal((await link.instruct("stop", { grace: "500ms" }))["state"], "stopped");
  } finally {
    supervisor.shutdown(0);
    await supervisor.ended;
  }
});
