// The quota of a cgroup, written to folders that mimic the kernel's: any machine can do that.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { ProcSampler } from "./proc-sampler.ts";
import { CgroupThrottle } from "./throttle-cgroup.ts";

const noProc = process.platform === "linux" ? false : "there is no /proc";

/** A folder that stands for the cgroup of this process, and a process to throttle. */
function stage(t: TestContext): { top: string; pid: number; sampler: ProcSampler } {
  const top = mkdtempSync(join(tmpdir(), "myelin-cgroup-"));
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(top, { recursive: true });
  });
  assert.ok(child.pid !== undefined);
  return { top, pid: child.pid, sampler: new ProcSampler(child.pid) };
}

const kept = (folder: string, file: string): string => readFileSync(join(folder, file), "utf8");

test("with cgroups v2 the quota is written to cpu.max, below a cgroup that hands the controller on", {
  skip: noProc,
}, (t) => {
  const { top, pid, sampler } = stage(t);
  const own = join(top, "service");
  mkdirSync(own);
  writeFileSync(join(own, "cgroup.subtree_control"), "memory\n");
  const mount = { version: 2, ownFolder: own, isTop: false } as const;
  const throttle = CgroupThrottle.start(sampler.tree, 0.25, [mount]);
  assert.ok(throttle !== undefined);
  assert.equal(throttle.folder, join(own, `myelin-${process.pid}-${pid}`));
  assert.equal(kept(own, "cgroup.subtree_control"), "+cpu");
  assert.equal(kept(throttle.folder, "cpu.max"), "25000 100000");
  assert.equal(kept(throttle.folder, "cgroup.procs"), String(pid));
  throttle.setCpu(0.5);
  assert.deepEqual([kept(throttle.folder, "cpu.max"), throttle.cpu], ["50000 100000", 0.5]);
  throttle.lift();
  assert.equal(kept(throttle.folder, "cpu.max"), "max 100000");
  assert.equal(kept(own, "cgroup.procs"), String(pid), "the process is back where it was");
});

test("with cgroups v2 a sibling serves where the own cgroup cannot hand the controller on", {
  skip: noProc,
}, (t) => {
  const { top, sampler } = stage(t);
  const own = join(top, "service");
  mkdirSync(own);
  writeFileSync(join(top, "cgroup.subtree_control"), "cpu memory\n");
  const mount = { version: 2, ownFolder: own, isTop: false } as const;
  const throttle = CgroupThrottle.start(sampler.tree, 0.25, [mount]);
  assert.ok(throttle?.folder.startsWith(join(top, "myelin-")));
});

test("with cgroups v1 the quota is that of the CPU controller's hierarchy", {
  skip: noProc,
}, (t) => {
  const { top, pid, sampler } = stage(t);
  const mount = { version: 1, ownFolder: top, isTop: true } as const;
  const throttle = CgroupThrottle.start(sampler.tree, 0.2, [mount]);
  assert.ok(throttle !== undefined);
  assert.equal(kept(throttle.folder, "cpu.cfs_period_us"), "100000");
  assert.equal(kept(throttle.folder, "cpu.cfs_quota_us"), "20000");
  assert.equal(kept(throttle.folder, "cgroup.procs"), String(pid));
  throttle.lift();
  assert.equal(kept(throttle.folder, "cpu.cfs_quota_us"), "-1");
});

test("where no cgroup can be written there is no throttle, and nothing is left", {
  skip: noProc,
}, (t) => {
  const { top, sampler } = stage(t);
  const missing = { version: 2, ownFolder: join(top, "none"), isTop: true } as const;
  assert.equal(CgroupThrottle.start(sampler.tree, 0.2, [missing]), undefined);
  assert.equal(CgroupThrottle.start(sampler.tree, 0.2, []), undefined);
});
