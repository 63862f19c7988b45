import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A mounted cgroup hierarchy that has a controller, and the place of this process in it. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** Folder of the cgroup that this process is in. */
  readonly ownFolder: string;
  /** True when that is the top of what is mounted. */
  readonly isTop: boolean;
}

/** Where this process stands in the hierarchies that could have `controller`; empty off Linux. */
export function cgroupMounts(controller: string): CgroupMount[] {
  try {
    const membership = readFileSync("/proc/self/cgroup", "utf8");
    const mountInfo = readFileSync("/proc/self/mountinfo", "utf8");
    return findCgroupMounts(controller, membership, mountInfo).filter((mount) => {
      return mount.version === 1 || hasController(mount.ownFolder, controller);
    });
  } catch {
    return [];
  }
}

/** As `cgroupMounts`, from the texts of /proc/self/cgroup and /proc/self/mountinfo (see proc(5)). */
export function findCgroupMounts(
  controller: string,
  membership: string,
  mountInfo: string,
): CgroupMount[] {
  const found: CgroupMount[] = [];
  for (const line of mountInfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const [type, , superOptions = ""] = right.split(" ");
    const version = type === "cgroup2" ? 2 : type === "cgroup" ? 1 : undefined;
    if (version === undefined) continue;
    if (version === 1 && !superOptions.split(",").includes(controller)) continue;
    const path = ownPath(membership, version === 2 ? "" : controller);
    const [, , , root = "/", mountPoint = ""] = left.split(" ");
    const inside = path === undefined ? undefined : pathBelow(root, path);
    if (inside === undefined) continue;
    const isTop = inside === "/";
    found.push({ version, ownFolder: isTop ? mountPoint : join(mountPoint, inside), isTop });
  }
  return found;
}

/** Path of this process in the hierarchy of a controller; the empty name is that of v2. */
function ownPath(membership: string, controller: string): string | undefined {
  for (const line of membership.split("\n")) {
    const [, controllers = "", ...path] = line.split(":");
    if (path.length > 0 && controllers.split(",").includes(controller)) return path.join(":");
  }
  return undefined;
}

/** A container may see only a part of the hierarchy, mounted as if it were all. */
function pathBelow(root: string, path: string): string | undefined {
  if (root === "/") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

function hasController(folder: string, controller: string): boolean {
  return readFileSync(join(folder, "cgroup.controllers"), "utf8").split(/\s+/).includes(controller);
}
