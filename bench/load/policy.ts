import type { ForkOptions } from "node:child_process";
import { spawnSync } from "node:child_process";

/** Gives a program a scheduling policy (util-linux). */
const chrt = "chrt";

/** Policies of the processes of a benchmark. */
const policies = {
  /**
   * Of a generator that must not be late: its main thread runs as soon as it wakes. In a fleet the agents have
   * processors of their own.
   */
  punctual: ["--reset-on-fork", "--fifo", "1"],
  /** Of a load without a pace: it yields its core at once to any other process that wakes. */
  yielding: ["--idle", "0"],
} as const;

/** How to start a program under a policy; as every other where the system or the user may not have it. */
export function under(policy: keyof typeof policies): ForkOptions {
  const flags = policies[policy];
  const { status } = spawnSync(chrt, [...flags, "true"], { stdio: "ignore" });
  return status === 0 ? { execPath: chrt, execArgv: [...flags, process.execPath] } : {};
}
