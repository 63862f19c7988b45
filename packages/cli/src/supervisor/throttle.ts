import { MyelinError } from "@myelin/core/errors";
import type { TreeControl } from "./control.ts";
import type { ProcSampler } from "./proc-sampler.ts";
import { CgroupThrottle } from "./throttle-cgroup.ts";
import { DutyCycleThrottle } from "./throttle-duty-cycle.ts";

/** How a throttle works: by a quota of the kernel, or by stopping and continuing the processes. */
export type ThrottleMode = "cgroup" | "duty-cycle";

/** Holds a process tree to a share of a core until it is lifted. */
export interface Throttle {
  readonly mode: ThrottleMode;
  /** Share of one core that the whole tree may use. */
  readonly cpu: number;
  /** Folder of a cgroup that is to be removed if the supervisor dies. */
  readonly folder: string | undefined;
  setCpu(cpu: number): void;
  /** The tree is paused: leave it stopped. */
  hold(): void;
  /** The tree goes on. */
  release(): void;
  /** Ends it; the tree runs freely, unless it is paused. */
  lift(): void;
}

/** What a throttle acts on. */
export interface ThrottleTarget {
  readonly control: TreeControl;
  readonly sampler: ProcSampler;
}

/** Smallest share that a throttle grants: below, a process could not even answer signals. */
export const minCpu = 0.01;

/** Throttles a tree by a cgroup's quota where that works, else by duty cycle. */
export function startThrottle(
  target: ThrottleTarget,
  cpu: number,
  modes: readonly ThrottleMode[] = ["cgroup", "duty-cycle"],
): Throttle {
  const throttle = modes.includes("cgroup")
    ? CgroupThrottle.start(target.sampler.tree, cpu)
    : undefined;
  if (throttle !== undefined) return throttle;
  if (modes.includes("duty-cycle")) return new DutyCycleThrottle(target, cpu);
  throw new MyelinError("UNSUPPORTED_PLATFORM", "no cgroup's CPU quota can be written here", {
    hint: "Run with the rights to write cgroups, or allow throttling by duty cycle.",
  });
}
