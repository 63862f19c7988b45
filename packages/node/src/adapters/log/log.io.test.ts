// How the log reads, in a process whose standard error is the test's.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";

/** What would begin another line, or steer a terminal: C0 and C1 controls, separators, changes of the writing's direction. */
const controls = "a\r\n\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\u2066b";

/** What a log writes to standard error. */
function written(isReadable: boolean): string[] {
  const program = `
    import { createLog } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
    const log = await createLog({ level: "info", isReadable: ${isReadable} });
    log.debug("not at this level");
    log.info({ agent: "w1", token: "myl_secret" }, "agent attached");
    log.info({ reason: ${JSON.stringify(controls)} }, "agent detached");
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
  assert.deepEqual(fields.slice(0, 2), ['    agent: "w1"', '    token: "(secret)"']);
});

test("elsewhere each line is one JSON object, without secrets", () => {
  const lines = written(false);
  assert.equal(lines.length, 2);
  const { level, msg, agent, token } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([level, msg, agent, token], [30, "agent attached", "w1", "(secret)"]);
});

for (const isReadable of [true, false]) {
  test(`what agents say stays in its line and steers no terminal, ${isReadable ? "on one" : "as JSON"}`, () => {
    const lines = written(isReadable);
    assert.equal(lines.length, isReadable ? 5 : 2);
    const last = lines.at(-1) ?? "";
    assert.ok(
      last.includes("\\r\\n\\u001b[2J\\u007f\\u009b31m\\u2028\\u2029\\u202e\\u2066b"),
      last,
    );
    // oxlint-disable-next-line no-control-regex -- what would steer a terminal is what is sought
    const steering = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
    for (const line of lines) assert.doesNotMatch(line, steering);
    if (!isReadable) assert.equal(JSON.parse(last).reason, controls);
  });
}
