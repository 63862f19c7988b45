import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A process of a benchmark, which announces itself by one JSON line. */
export interface BenchProcess {
  readonly announced: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a Node program and waits for its first line on standard output. */
export async function startProcess(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
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
