import type { TreeControl } from "./control.ts";
import type { ProcSampler } from "./proc-sampler.ts";

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
