import { spawnSync } from "node:child_process";

/** False when a command can be run to its end here, else why what needs it is skipped. */
export function whyNot(what: string, command: string, ...words: readonly string[]): string | false {
  const { status, error, stderr } = spawnSync(command, words, { encoding: "utf8" });
  if (status === 0) return false;
  const why = error?.message ?? (stderr.trim().split("\n").at(-1) || `it ended with ${status}`);
  return `${what} takes ${command}, which this machine does not permit: ${why}`;
}
