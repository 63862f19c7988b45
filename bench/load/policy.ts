import { type ForkOptions, spawnSync } from "node:child_process";

/** Gives a program a scheduling policy (util-linux), of which its threads take none over. */
const chrt = ["chrt", "--reset-on-fork", "--fifo", "1"] as const;

/**
 * How to start a generator that must not be late: its main thread runs as soon as it wakes, as in a fleet, where
 * the agents have processors of their own. As every other program where the user or the system may not do that.
 */
export function punctual(): ForkOptions {
  const [command, ...flags] = chrt;
  const { status } = spawnSync(command, [...flags, "true"], { stdio: "ignore" });
  return status === 0 ? { execPath: command, execArgv: [...flags, process.execPath] } : {};
}
