import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { whyNot } from "./permission.ts";

/** False where calls of the system can be made to fail, else why not. */
export const whyNoFailingDisk: string | false = whyNot(
  "failing calls of the disk",
  "strace",
  ...["-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"],
);

/** While it is there, some calls of a process to its disk fail. */
export class FailingDisk implements AsyncDisposable {
  readonly #tracer: ChildProcess;

  private constructor(tracer: ChildProcess) {
    this.#tracer = tracer;
  }

  /** Has the calls of a process and all its threads fail from now on. */
  static async under(
    pid: number | undefined,
    calls: "fsync,fdatasync" | "pwrite64",
    error: "EIO" | "ENOSPC",
  ): Promise<FailingDisk> {
    const words = ["-f", "-o", "/dev/null", "-e", `trace=${calls}`];
    const fault = ["-e", `inject=${calls}:error=${error}`, "-p", String(pid)];
    const tracer = spawn("strace", [...words, ...fault], { stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface({ input: tracer.stderr })) {
      if (line.includes("attached")) return new FailingDisk(tracer);
    }
    throw new Error("strace did not attach");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#tracer, "exit");
    this.#tracer.kill("SIGINT");
    await exited;
  }
}
