import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CpuShare, ProcSampler } from "./proc-sampler.ts";

/** CPU time of this process's children that have ended, in nanoseconds, as the kernel accounts it. */
function reapedNs(): number {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 1e7;
}

test("CPU time of processes that come and go never goes back, and is counted once", async (t) => {
  // Each round forks a shell that forks a shell that works a while, and waits for it.
  const work = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
  const rounds = `n=0; while [ $n -lt 40 ]; do n=$((n+1)); sh -c '${work}; (${work}); :'; done`;
  const before = reapedNs();
  const child = spawn("sh", ["-c", rounds], { stdio: "ignore", detached: true });
  assert.ok(child.pid !== undefined);
  const ended = once(child, "exit");
  const sampler = new ProcSampler(child.pid);
  t.after(() => sampler.close());
  let highest = 0;
  const sampling = setInterval(() => {
    sampler.readFast(performance.now());
    assert.ok(sampler.usage.cpuNs >= highest);
    highest = sampler.usage.cpuNs;
  }, 20);
  await ended;
  clearInterval(sampling);
  const usedNs = reapedNs() - before;
  assert.ok(highest <= usedNs + 20e6, `counted ${highest} of ${usedNs}`);
  assert.ok(highest >= usedNs * 0.8, `counted ${highest} of ${usedNs}`);
});

test("a share is taken over at least a tenth of a second, and an interval if that is longer", () => {
  const share = new CpuShare();
  assert.ok(Number.isNaN(share.advance(0, 0)));
  assert.equal(share.advance(50, 50e6), 1);
  assert.equal(share.advance(100, 50e6), 0.5);
  assert.equal(share.advance(150, 50e6), 0);
  assert.equal(share.advance(1150, 1050e6), 1);
});
