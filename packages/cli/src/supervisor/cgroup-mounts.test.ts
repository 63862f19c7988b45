import assert from "node:assert/strict";
import { test } from "node:test";
import { findCgroupMounts } from "./cgroup-mounts.ts";

const unified = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
const legacy = "33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";

test("a process finds its cgroup in the unified hierarchy", () => {
  assert.deepEqual(findCgroupMounts("cpu", "0::/system.slice/a.service\n", unified), [
    { version: 2, ownFolder: "/sys/fs/cgroup/system.slice/a.service", isTop: false },
  ]);
});

test("a process finds its cgroup in the hierarchy of a controller of the first version", () => {
  assert.deepEqual(findCgroupMounts("cpu", "5:memory:/x\n4:cpu,cpuacct:/\n0::/y\n", legacy), [
    { version: 1, ownFolder: "/sys/fs/cgroup/cpu,cpuacct", isTop: true },
  ]);
  assert.deepEqual(findCgroupMounts("io", "4:cpu,cpuacct:/\n", legacy), []);
});

test("in a container the mounted part of the hierarchy is taken for the whole", () => {
  const mounted = unified.replace("0:26 /", "0:26 /docker/ab");
  assert.deepEqual(findCgroupMounts("cpu", "0::/docker/ab/job\n", mounted), [
    { version: 2, ownFolder: "/sys/fs/cgroup/job", isTop: false },
  ]);
  assert.deepEqual(findCgroupMounts("cpu", "0::/elsewhere\n", mounted), []);
});
