import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A process of a benchmark, which announces itself by one JSON line. */
export interface BenchProcess {
  readonly announced: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a Node program and waits for its first line on standard output; with flags it has a channel for messages, too. */
export async function startProcess(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  /** Node's own flags. */
  flags: readonly string[] = [],
): Promise<BenchProcess> {
  const child = spawn(process.execPath, [...flags, file, ...args], {
    stdio: ["pipe", "pipe", "inherit", ...(flags.length > 0 ? (["ipc"] as const) : [])],
    env: { ...process.env, ...environment },
  });
  if (child.stdout === null) throw new Error(`${file} has no standard output`);
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, "line").then(([line]) => String(line));
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`${file} ended with ${String(code)} before it announced itself`);
  });
  const announced = JSON.parse(await Promise.race([first, failed])) as Record<string, string>;
  failed.catch(() => undefined);
  return {
    announced,
    process: child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}
