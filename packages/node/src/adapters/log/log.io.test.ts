// How the log reads, in a process whose standard error is the test's.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";

/** What a log writes to standard error. */
function written(isReadable: boolean): string[] {
  const program = `
    import { createLog } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
    const log = await createLog({ level: "info", isReadable: ${isReadable} });
    log.debug("not at this level");
    log.info({ agent: "w1", token: "myl_secret" }, "agent attached");
    log.flush?.();`;
  const { stderr, stdout } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", program],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  assert.equal(stdout, "");
  return stderr.trimEnd().split("\n");
}

test("on a terminal a line says when, how grave and what, with its fields below, and no secret", () => {
  const [first = "", ...fields] = written(true);
  assert.match(first, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: agent attached$/);
  assert.deepEqual(fields, ['    agent: "w1"', '    token: "(secret)"']);
});

test("elsewhere each line is one JSON object, without secrets", () => {
  const lines = written(false);
  assert.equal(lines.length, 1);
  const { level, msg, agent, token } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([level, msg, agent, token], [30, "agent attached", "w1", "(secret)"]);
});
