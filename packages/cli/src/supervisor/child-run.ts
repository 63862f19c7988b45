/**
 * One life of the supervised command: from its start until nothing of its tree runs any more.
 *
 * 1. `ended` settles once, when the first process has exited and every descendant has gone (or
 *    cannot be killed: then after `unkillableAfterMs`).
 * 2. When the first process exits by itself its descendants are ended too, with the same grace.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { MyelinError } from "@myelin/core/errors";
import { TreeControl } from "./control.ts";
import { ProcSampler } from "./proc-sampler.ts";
import type { ProcessOutcome } from "./restart-policy.ts";

const pollIntervalMs = 10;
const unkillableAfterMs = 5_000;

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  readonly workingDirectory?: string;
  readonly stdio: StdioOptions;
  /** Only this command and its descendants have it in their environment. */
  readonly mark: string;
  readonly platform: NodeJS.Platform;
  /** For descendants that outlive the first process. */
  readonly graceMs: number;
}

/** How a life ended; `startError` tells that it never began. */
export interface RunOutcome extends ProcessOutcome {
  readonly startError?: MyelinError;
}

export class ChildRun {
  readonly startedAtMs: number = Date.now();
  readonly ended: Promise<RunOutcome>;
  /** Absent where processes cannot be sampled, and when the command could not be started. */
  readonly sampler: ProcSampler | undefined;
  readonly #control: TreeControl | undefined;
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  #killAtMs = Number.POSITIVE_INFINITY;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    const [file, ...args] = options.command;
    this.#process = spawn(file, args, {
      env: options.environment,
      stdio: options.stdio,
      detached: options.platform !== "win32",
      ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
    });
    const { pid } = this.#process;
    this.ended = this.#exited().then((outcome) => this.#untilGone(outcome));
    if (pid === undefined) return;
    this.sampler = options.platform === "linux" ? new ProcSampler(pid) : undefined;
    this.#control = new TreeControl(pid, this.sampler?.tree, options.mark);
  }

  /** Undefined when the command could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** @throws MyelinError CONFLICT when the command could not be started. */
  get control(): TreeControl {
    if (this.#control === undefined)
      throw new MyelinError("CONFLICT", "the process has not started");
    return this.#control;
  }

  /** Asks the tree to end and kills it after the grace; called again, the earlier end counts. */
  end(graceMs: number): void {
    const isFirst = this.#killAtMs === Number.POSITIVE_INFINITY;
    const killAtMs = performance.now() + graceMs;
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.kill(), graceMs);
    if (!isFirst) return;
    this.#control?.signalAll("SIGTERM");
    // A stopped process takes the signal only when it goes on.
    this.#control?.signalAll("SIGCONT");
  }

  kill(): void {
    this.#killAtMs = performance.now();
    this.#control?.signalAll("SIGKILL");
  }

  #exited(): Promise<RunOutcome> {
    return new Promise((resolve) => {
      this.#process.once("exit", (code, signal) => resolve({ code, signal }));
      this.#process.once("error", (error: NodeJS.ErrnoException) => {
        if (this.#process.pid === undefined) resolve(startFailure(this.#options.command[0], error));
      });
    });
  }

  async #untilGone(outcome: RunOutcome): Promise<RunOutcome> {
    const control = this.#control;
    if (control !== undefined && !control.isGone()) {
      this.end(this.#options.graceMs);
      while (!control.isGone() && performance.now() < this.#killAtMs + unkillableAfterMs) {
        await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
      }
    }
    clearTimeout(this.#killTimer);
    return outcome;
  }

  /** Gives back what the sampling holds. */
  close(): void {
    this.sampler?.close();
  }
}

/** Exit codes as a shell gives them: 127 for a command that is not there, 126 for one that cannot run. */
function startFailure(command: string, error: NodeJS.ErrnoException): RunOutcome {
  const isMissing = error.code === "ENOENT";
  const startError = new MyelinError(
    isMissing ? "NOT_FOUND" : "INVALID_ARGUMENT",
    isMissing ? `there is no command ${command}` : `${command} cannot be started: ${error.message}`,
    { hint: "Give a program on PATH or a path to one after --.", cause: error },
  );
  return { code: isMissing ? 127 : 126, signal: null, startError };
}
