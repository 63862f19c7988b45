import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { canThrottleByCgroup, handleActions, Supervisor, type SupervisorOptions } from "./index.ts";
import { isAlive, RecordedLink } from "./test-support.ts";

const spin = "for (;;);";
const idle = "setInterval(() => {}, 1000)";

/** A supervised script, started, and ended with the test. */
function supervise(
  t: TestContext,
  command: readonly [string, ...string[]],
  options: Partial<SupervisorOptions> = {},
): { link: RecordedLink; supervisor: Supervisor } {
  const link = new RecordedLink();
  const supervisor = new Supervisor({ command, link, stdio: "ignore", graceMs: 500, ...options });
  handleActions(supervisor, link);
  supervisor.start();
  t.after(async () => {
    supervisor.shutdown(0);
    await supervisor.ended;
  });
  return { link, supervisor };
}

const node = (script: string): [string, string, string] => [process.execPath, "-e", script];
const shell = (script: string): [string, string, string] => ["sh", "-c", script];

/** A file that processes under test write to, and the wait until it says something. */
function notes(t: TestContext): {
  path: string;
  until: (pattern: RegExp) => Promise<RegExpExecArray>;
} {
  const folder = mkdtempSync(join(tmpdir(), "myelin-notes-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "notes");
  const read = (): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const until = (pattern: RegExp): Promise<RegExpExecArray> => {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(read());
      if (match !== null) resolve(match);
    };
    const watcher = watch(folder, look);
    look();
    return promise.finally(() => watcher.close());
  };
  return { path, until };
}

test("an idle process shows its memory, threads and files, and no CPU", async (t) => {
  const { link, supervisor } = supervise(t, node(idle));
  // Where the machine is busy it may be idle before it is loaded.
  await link.until(
    "the process is loaded and idle",
    () => link.metric("cpu_usage") < 0.05 && link.metric("mem_bytes") > 20e6,
  );
  assert.ok(link.metric("mem_bytes") < 500e6);
  assert.ok(link.metric("mem_usage") > 0 && link.metric("mem_usage") < 1);
  assert.ok(link.metric("threads") >= 2);
  assert.equal(link.metric("processes"), 1);
  assert.ok(link.metric("open_files") > 3);
  assert.ok(link.metric("io_read_bytes") >= 0);
  assert.equal(link.process["pid"], supervisor.pid);
  assert.equal(link.process["state"], "running");
});

test("memory that a process takes shows", async (t) => {
  const { link } = supervise(t, node(`const kept = Buffer.alloc(150e6, 1); ${idle}`));
  await link.until("the buffer is resident", () => link.metric("mem_bytes") > 150e6);
});

test("CPU of threads other than the main one counts", async (t) => {
  const threads = `new (require("node:worker_threads").Worker)(${JSON.stringify(spin)}, { eval: true })`;
  const { link } = supervise(t, node(threads));
  await link.until("the thread spins", () => link.metric("cpu_usage") > 0.3);
});

test("CPU of forked processes counts, also of those too short to be seen", async (t) => {
  const { link } = supervise(t, shell("while :; do /bin/true; done"));
  await link.until("short processes are counted", () => link.metric("cpu_usage") > 0.2);
  const forking = supervise(t, shell("(while :; do :; done) & wait"));
  await forking.link.until("the child spins", () => forking.link.metric("cpu_usage") > 0.2);
  assert.equal(forking.link.metric("processes"), 2);
});

test("a paused tree uses no CPU until it is resumed", async (t) => {
  const { link } = supervise(t, shell("(while :; do :; done) & wait"));
  await link.until("it spins", () => link.metric("cpu_usage") > 0.2);
  const paused = await link.instruct("pause");
  assert.equal(paused["state"], "paused");
  await link.until("it stands still", () => link.metric("cpu_usage") === 0);
  assert.equal((await link.instruct("resume"))["state"], "running");
  await link.until("it spins again", () => link.metric("cpu_usage") > 0.2);
  assert.deepEqual(link.vouchedChanges().slice(-2), ["paused", "running"]);
});

for (const mode of ["cgroup", "duty-cycle"] as const) {
  test(`a throttle by ${mode} holds a spinning tree of two processes to its share`, async (t) => {
    const { link, supervisor } = supervise(
      t,
      shell("(while :; do :; done) & while :; do :; done"),
      {
        throttleModes: [mode],
      },
    );
    await link.until("both spin", () => link.metric("cpu_usage") > 0.5);
    let result: Awaited<ReturnType<RecordedLink["instruct"]>>;
    try {
      result = await link.instruct("throttle", { cpu: 0.2 });
    } catch (error) {
      const { code, message } = MyelinError.from(error);
      assert.deepEqual([mode, code], ["cgroup", "UNSUPPORTED_PLATFORM"]);
      assert.equal(canThrottleByCgroup(), false, "the doctor says so too");
      assert.equal(supervisor.state, "running");
      t.diagnostic(`the cgroups of this machine were not written: ${message}`);
      return;
    }
    assert.deepEqual(result["throttle"], { cpu: 0.2, mode });
    await link.until("it is held", () => link.metric("cpu_usage") < 0.35);
    const share = await link.meanOf("cpu_usage", 40);
    assert.ok(share > 0.1 && share < 0.3, `used ${share} of a core`);
    assert.equal(supervisor.state, "throttled");
    assert.equal((await link.instruct("throttle", { cpu: 1 }))["state"], "running");
    await link.until("it spins freely", () => link.metric("cpu_usage") > 0.4);
    assert.deepEqual(link.vouchedChanges().slice(-2), ["throttled", "running"]);
  });
}

test("a throttle waits while the tree is paused, and a restart lifts both", async (t) => {
  const { link, supervisor } = supervise(t, shell("while :; do :; done"), {
    throttleModes: ["duty-cycle"],
  });
  await link.until("it spins", () => link.metric("cpu_usage") > 0.2);
  await link.instruct("throttle", { cpu: 0.3 });
  await link.instruct("pause");
  await link.until("it stands still", () => link.metric("cpu_usage") === 0);
  assert.equal((await link.instruct("resume"))["state"], "throttled");
  await link.until("it goes on", () => link.metric("cpu_usage") > 0.1);
  const previousPid = supervisor.pid;
  await link.instruct("pause");
  const result = await link.instruct("restart", { grace: 1, reason: "test" });
  assert.equal(result["previousPid"], previousPid);
  assert.equal(result["state"], "running");
  assert.equal(result["throttle"], null);
  assert.notEqual(result["pid"], previousPid);
  await link.until("it spins freely", () => link.metric("cpu_usage") > 0.4);
});

test("a process that ignores TERM is killed after the grace", async (t) => {
  const { path, until } = notes(t);
  const script = `trap 'echo asked >>${path}' TERM; echo ready >>${path}; while :; do sleep 0.05; done`;
  const { link, supervisor } = supervise(t, shell(script));
  await until(/ready/);
  const pid = supervisor.pid ?? 0;
  const result = await link.instruct("stop", { grace: "200ms" });
  assert.match(readFileSync(path, "utf8"), /asked/);
  assert.deepEqual(result["exit"], { code: null, signal: "SIGKILL" });
  assert.equal(result["state"], "stopped");
  assert.equal(isAlive(pid), false);
  assert.equal(link.metric("processes"), 0);
  await assert.rejects(link.instruct("pause"), { code: "CONFLICT" });
  assert.equal((await link.instruct("restart"))["state"], "running");
  // It is to write nothing more while the test takes its notes away.
  await until(/ready[^]*ready/);
});

test("stop reaches a descendant that left the group and lost its parent", async (t) => {
  const { path, until } = notes(t);
  const script = `(setsid sh -c 'echo pid $$ >>${path}; exec sleep 1000' &) ; sleep 1000`;
  const { link } = supervise(t, shell(script));
  const [, pid] = await until(/pid (\d+)/);
  await link.instruct("stop", { grace: 0.2 });
  assert.equal(isAlive(Number(pid)), false);
});

test("a crash is restarted with a growing delay until the restarts are used up", async (t) => {
  const { link, supervisor } = supervise(t, shell("exit 3"), {
    restart: { firstDelayMs: 1, maxRestarts: 3 },
  });
  assert.deepEqual(await supervisor.ended, { code: 3, signal: null });
  assert.deepEqual(
    link.eventsOf("process_restarting").map(({ delayMs }) => delayMs),
    [1, 2, 4],
  );
  assert.equal(link.eventsOf("process_exited").length, 4);
  assert.equal(link.eventsOf("process_given_up").length, 1);
});

test("a kill counts as a crash and is followed by a restart", async (t) => {
  const { link, supervisor } = supervise(t, shell("sleep 1000"), { restart: { firstDelayMs: 1 } });
  const pid = supervisor.pid;
  const result = await link.instruct("kill");
  assert.deepEqual(result["exit"], { code: null, signal: "SIGKILL" });
  assert.equal(result["previousPid"], pid);
  await link.until("it runs again", () => link.process["state"] === "running");
  assert.equal(link.vouchedChanges().at(-1), "paused", "the next incarnation speaks for itself");
  assert.notEqual(link.process["pid"], pid);
});

test("a process that ends well is not restarted, and its code is the supervisor's", async (t) => {
  const well = supervise(t, shell("exit 0"));
  assert.deepEqual(await well.supervisor.ended, { code: 0, signal: null });
  const never = supervise(t, shell("exit 7"), { restart: { policy: "never" } });
  assert.deepEqual(await never.supervisor.ended, { code: 7, signal: null });
});

test("a command that is not there ends the supervisor with the reason", async (t) => {
  const { supervisor } = supervise(t, ["myelin-no-such-command"]);
  const outcome = await supervisor.ended;
  assert.equal(outcome.code, 127);
  assert.equal(outcome.error?.code, "NOT_FOUND");
});

test("a signal reaches the first process", async (t) => {
  const { path, until } = notes(t);
  const { link } = supervise(
    t,
    shell(`trap 'echo got >>${path}' USR1; echo ready >>${path}; while :; do sleep 0.05; done`),
  );
  await until(/ready/);
  assert.equal((await link.instruct("signal", { signal: "SIGUSR1" }))["signal"], "SIGUSR1");
  await until(/got/);
});

test("arguments that make no sense are refused", async (t) => {
  const { link } = supervise(t, shell("sleep 1000"));
  const refused = { code: "INVALID_ARGUMENT" };
  await assert.rejects(link.instruct("throttle"), refused);
  await assert.rejects(link.instruct("throttle", { cpu: 0 }), refused);
  await assert.rejects(link.instruct("throttle", { cpu: "half" }), refused);
  await assert.rejects(link.instruct("signal", { signal: "SIGNOTHING" }), refused);
  await assert.rejects(link.instruct("signal", { signal: "SIGKILL" }), refused);
  await assert.rejects(link.instruct("stop", { grace: -1 }), refused);
});
