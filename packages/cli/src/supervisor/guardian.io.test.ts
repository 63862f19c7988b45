import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { awaitEnd, awaitProcesses } from "./test-support.ts";

/** A process that supervises a tree of three, one of them outside the group, and says their pids. */
const supervising = `
  import { Supervisor } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
  const quiet = () => {};
  const link = { report: quiet, event: quiet, patchState: quiet, vouch: quiet, on: quiet };
  const script = 'echo $$; sleep 1000 & echo $!; setsid sleep 1000 & echo $!; wait';
  const stdio = ["ignore", "inherit", "inherit"];
  new Supervisor({ command: ["sh", "-c", script], link, stdio, graceMs: 500 }).start();
`;

async function superviseApart(
  t: TestContext,
): Promise<{ supervisor: ChildProcess; pids: number[] }> {
  const supervisor = spawn(process.execPath, ["--input-type=module", "-e", supervising], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => supervisor.kill("SIGKILL"));
  assert.ok(supervisor.stdout !== null);
  const pids: number[] = [];
  for await (const line of createInterface(supervisor.stdout)) {
    if (pids.push(Number(line)) === 3) break;
  }
  assert.equal(pids.length, 3);
  return { supervisor, pids };
}

test("when the supervisor is killed nothing that it started goes on", async (t) => {
  const { supervisor, pids } = await superviseApart(t);
  supervisor.kill("SIGKILL");
  await once(supervisor, "exit");
  for (const pid of pids) await awaitEnd(pid);
});

test("it holds too when the processes are stopped", async (t) => {
  const { supervisor, pids } = await superviseApart(t);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  supervisor.kill("SIGKILL");
  for (const pid of pids) await awaitEnd(pid);
});

test("a guardian that ends is replaced, and the next one guards as well", async (t) => {
  const { supervisor, pids } = await superviseApart(t);
  const first = await awaitProcesses("there is a guardian", () => guardianOf(supervisor));
  process.kill(first, "SIGKILL");
  await awaitProcesses("there is another guardian", () => {
    const second = guardianOf(supervisor);
    return second === first ? undefined : second;
  });
  supervisor.kill("SIGKILL");
  for (const pid of pids) await awaitEnd(pid);
});

/** Pid of the supervisor's guardian. */
function guardianOf(supervisor: ChildProcess): number | undefined {
  const found = readdirSync("/proc").find((entry) => {
    try {
      const isGuardian = readFileSync(`/proc/${entry}/cmdline`, "latin1").includes(
        "myelin-guardian",
      );
      return (
        isGuardian &&
        readFileSync(`/proc/${entry}/status`, "latin1").includes(`PPid:\t${supervisor.pid}\n`)
      );
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}
