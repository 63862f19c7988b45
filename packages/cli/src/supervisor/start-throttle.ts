import { MyelinError } from "@myelin/core/errors";
import type { Throttle, ThrottleMode, ThrottleTarget } from "./throttle.ts";
import { CgroupThrottle } from "./throttle-cgroup.ts";
import { DutyCycleThrottle } from "./throttle-duty-cycle.ts";

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
