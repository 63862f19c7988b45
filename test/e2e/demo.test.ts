// The demo, as `npm start` runs it: real processes go wrong and are dealt with.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { eventually, mainPath } from "./support/index.ts";

/** Processes that bear a variable in their environment: all that the demo started. */
async function marked(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (environment.includes(`MYELIN_TEST_MARK=${mark}`)) found.push(pid);
  }
  return found;
}

function startDemo(mark: string, args: readonly string[], detached = false) {
  return spawn(process.execPath, [mainPath, "demo", "--json", "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MYELIN_TEST_MARK: mark },
    detached,
  });
}

test("the demo catches the four that go wrong, tells each instruction as JSON, and leaves no process behind", async () => {
  const mark = `demo-${process.pid}`;
  const demo = startDemo(mark, ["--seconds", "15"]);
  const exited = once(demo, "exit");
  const lines: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: demo.stdout })) lines.push(JSON.parse(line));
  const [code] = await exited;
  const { summary } = lines.pop() as {
    summary: {
      caught: Record<string, string[]>;
      counts: Record<string, number>;
      latencyUs: { nodeP50: number };
    };
  };
  assert.equal(code, 0, JSON.stringify(summary));
  assert.deepEqual(Object.keys(summary.caught).sort(), ["blocker", "leaker", "spinner", "thinker"]);
  assert.deepEqual(summary.caught["thinker"], ["llm-runaway-loop"]);
  for (const rules of Object.values(summary.caught)) assert.ok(rules.length > 0);
  const actions = new Set(lines.map(({ action }) => action));
  for (const action of ["throttle", "restart", "kill", "interrupt"])
    assert.ok(actions.has(action), action);
  for (const line of lines) assert.equal(Object.keys(line["stagesUs"] as object).length, 6);
  assert.equal(
    summary.counts["executed"],
    lines.filter(({ status }) => status === "executed").length,
  );
  assert.deepEqual(await marked(mark), []);
});

test("a demo that is ended by Ctrl-C exits 0, and leaves no process behind", async () => {
  const mark = `stopped-demo-${process.pid}`;
  const demo = startDemo(mark, [], true);
  demo.stdout.resume();
  const exited = once(demo, "exit");
  await eventually("the fleet runs", async () => (await marked(mark)).length >= 10);
  assert.ok(demo.pid !== undefined);
  // As a terminal does it: the whole group hears it.
  process.kill(-demo.pid, "SIGINT");
  assert.deepEqual(await exited, [0, null]);
  assert.deepEqual(await marked(mark), []);
});

test("a demo that is killed leaves no process behind either", async () => {
  const mark = `killed-demo-${process.pid}`;
  const demo = startDemo(mark, []);
  await eventually("the fleet runs", async () => (await marked(mark)).length >= 10);
  demo.kill("SIGKILL");
  await eventually("all have ended", async () => (await marked(mark)).length === 0);
});
