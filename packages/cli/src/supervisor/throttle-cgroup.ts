/**
 * Throttles a process tree by the CPU quota of a cgroup made for it (v1 or v2).
 *
 * Whether that is possible is found out by doing it: a folder is made, the quota written and read
 * back, and the processes moved. At the first refusal everything is undone and `start` gives undefined.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CgroupMount, cgroupMounts } from "./cgroup-mounts.ts";
import type { ProcessTree } from "./process-tree.ts";
import type { Throttle } from "./throttle.ts";

const periodUs = 100_000;
const maxMoveRounds = 10;

export class CgroupThrottle implements Throttle {
  readonly mode = "cgroup";
  /** The cgroup's folder, to be removed when the tree has ended. */
  readonly folder: string;
  readonly #home: string;
  readonly #version: 1 | 2;
  readonly #tree: ProcessTree;
  #cpu: number;

  private constructor(mount: CgroupMount, parent: string, tree: ProcessTree, cpu: number) {
    this.#version = mount.version;
    this.#home = mount.ownFolder;
    this.folder = join(parent, `myelin-${process.pid}-${tree.rootPid}`);
    this.#tree = tree;
    this.#cpu = cpu;
  }

  /** Throttles the tree, or gives undefined where cgroups cannot be written. */
  static start(
    tree: ProcessTree,
    cpu: number,
    mounts: readonly CgroupMount[] = cgroupMounts("cpu"),
  ): CgroupThrottle | undefined {
    for (const mount of mounts) {
      // With v2 a cgroup that holds processes cannot hand a controller on: then a sibling serves.
      const parents = mount.isTop ? [mount.ownFolder] : [mount.ownFolder, dirname(mount.ownFolder)];
      for (const parent of parents) {
        const throttle = new CgroupThrottle(mount, parent, tree, cpu);
        if (throttle.#begin(parent)) return throttle;
      }
    }
    return undefined;
  }

  get cpu(): number {
    return this.#cpu;
  }

  setCpu(cpu: number): void {
    this.#writeQuota(cpu);
    this.#cpu = cpu;
  }

  hold(): void {}

  release(): void {}

  lift(): void {
    attempt(() => this.#writeQuota(undefined));
    attempt(() => this.#moveTo(this.#home));
    attempt(() => rmdirSync(this.folder));
  }

  #begin(parent: string): boolean {
    const isDone = attempt(() => {
      if (this.#version === 2) handOnController(parent);
      mkdirSync(this.folder);
      this.#writeQuota(this.#cpu);
      this.#moveTo(this.folder);
    });
    if (!isDone) this.lift();
    return isDone;
  }

  /** `undefined` is no limit. */
  #writeQuota(cpu: number | undefined): void {
    const quotaUs = cpu === undefined ? undefined : Math.round(cpu * periodUs);
    if (this.#version === 2) {
      writeChecked(join(this.folder, "cpu.max"), `${quotaUs ?? "max"} ${periodUs}`);
      return;
    }
    writeChecked(join(this.folder, "cpu.cfs_period_us"), String(periodUs));
    writeChecked(join(this.folder, "cpu.cfs_quota_us"), String(quotaUs ?? -1));
  }

  /** Children are born into the cgroup of their parent, so this ends once all that live are moved. */
  #moveTo(folder: string): void {
    const moved = new Set<number>();
    for (let round = 0; round < maxMoveRounds; round++) {
      this.#tree.refreshNow();
      const left = [...this.#tree.members.values()].filter(
        ({ pid, stat }) => !stat.isZombie && !moved.has(pid),
      );
      if (left.length === 0) return;
      for (const { pid } of left) {
        moved.add(pid);
        moveProcess(pid, folder);
      }
    }
  }
}

function handOnController(folder: string): void {
  const file = join(folder, "cgroup.subtree_control");
  if (!readFileSync(file, "utf8").split(/\s+/).includes("cpu")) writeFileSync(file, "+cpu");
}

/** Writes a setting and reads it back: a kernel or a sandbox may take a value and not keep it. */
function writeChecked(file: string, value: string): void {
  writeFileSync(file, value);
  const kept = readFileSync(file, "utf8").trim();
  if (kept !== value) throw new Error(`${file} holds ${kept} where ${value} was written`);
}

function moveProcess(pid: number, folder: string): void {
  try {
    writeFileSync(join(folder, "cgroup.procs"), String(pid));
  } catch (error) {
    // A process that ended meanwhile needs no moving.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** True when it went through. What cannot be written here is no fault: another way is taken. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
