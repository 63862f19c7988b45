import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { once } from "node:events";

/** A program of a benchmark in a process of its own, which is told and tells by messages. */
export class Helper implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor(path: string, args: readonly string[], options: ForkOptions = {}) {
    this.#child = fork(path, args, options);
    this.#ended = once(this.#child, "exit").then(([code]) => {
      throw new Error(`${path} ended with ${String(code)}`);
    });
    this.#ended.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its next message. @throws Error when it ends before */
  async told(): Promise<unknown> {
    const [message] = (await Promise.race([once(this.#child, "message"), this.#ended])) as [
      unknown,
    ];
    return message;
  }

  /** Tells it something; resolves to its next message. @throws Error when it ends before */
  async ask(message: object | string): Promise<unknown> {
    const told = this.told();
    this.#child.send(message);
    return await told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
