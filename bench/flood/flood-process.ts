import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const programPath = fileURLToPath(new URL("./flood-program.ts", import.meta.url));

/** The process that floods the node, beside the benchmark. */
export class Flood implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Connects; it does not flood yet. */
  static async start(url: string, agents: number): Promise<Flood> {
    const flood = new Flood(fork(programPath, [url, String(agents)]));
    await flood.#told();
    return flood;
  }

  begin(): void {
    this.#child.send({ flood: true });
  }

  /** Resolves when the node has handled all, to the bytes sent since the start. */
  async end(): Promise<number> {
    const told = this.#told();
    this.#child.send({ flood: false });
    return await told;
  }

  async #told(): Promise<number> {
    const ended = once(this.#child, "exit").then(([code]) => {
      throw new Error(`the flood ended with ${String(code)}`);
    });
    ended.catch(() => undefined);
    const [message] = await Promise.race([once(this.#child, "message"), ended]);
    return (message as { readonly sentBytes: number }).sentBytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGKILL");
    await exited;
  }
}
