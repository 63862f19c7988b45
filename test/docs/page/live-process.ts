import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

const endWithinMs = 5_000;

/** A process of a page, with all that it has started; its output is kept. */
export class LiveProcess implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stdout = "";
  #stderr = "";

  constructor(
    name: string,
    command: readonly string[],
    options: { cwd: string; env: Environment },
  ) {
    const [program = "", ...args] = command;
    this.name = name;
    // A group of its own, so that what a shell has started ends with it.
    this.#child = spawn(program, args, {
      ...options,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#ended = once(this.#child, "close");
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
  }

  /** What it has written to standard output. */
  get stdout(): string {
    return this.#stdout;
  }

  /** All that it has written. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  /** Undefined while it runs, then its exit code; 128 for one that a signal ended. */
  get exitCode(): number | undefined {
    const { exitCode, signalCode } = this.#child;
    return exitCode ?? (signalCode === null ? undefined : 128);
  }

  /** Waits until it has ended by itself; kills it when that takes too long. */
  async end(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#signal("SIGKILL"), withinMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    if (this.exitCode === undefined) {
      this.#signal("SIGTERM");
      await this.end(endWithinMs);
    }
    this.#signal("SIGKILL");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nothing of the group is left.
    }
  }
}

/** Variables of a process's environment. */
export type Environment = Readonly<Record<string, string | undefined>>;
