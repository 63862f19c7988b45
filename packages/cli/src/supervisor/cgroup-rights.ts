import { accessSync, constants, mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { cgroupMounts } from "./cgroup-mounts.ts";

/** True where a cgroup with a quota of its own can be made; the one that is made to find out is removed. */
export function canThrottleByCgroup(): boolean {
  return cgroupMounts("cpu").some(({ version, ownFolder, isTop }) =>
    (isTop ? [ownFolder] : [ownFolder, dirname(ownFolder)]).some((parent) => {
      const folder = join(parent, `myelin-look-${process.pid}`);
      const quota = version === 2 ? "cpu.max" : "cpu.cfs_quota_us";
      try {
        mkdirSync(folder);
        try {
          accessSync(join(folder, quota), constants.W_OK);
        } finally {
          rmdirSync(folder);
        }
        return true;
      } catch {
        return false;
      }
    }),
  );
}
