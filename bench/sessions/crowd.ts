import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Peer } from "./light-client.ts";

/** Which sessions are to be held open. */
export interface CrowdOrder {
  readonly url: string;
  readonly peer: Peer;
  readonly sessions: number;
  readonly heartbeatMs: number;
}

/** The process that holds idle sessions open. */
export class Crowd implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when all have joined. */
  static async join(order: CrowdOrder): Promise<Crowd> {
    const path = fileURLToPath(new URL("./crowd-program.ts", import.meta.url));
    const crowd = new Crowd(fork(path, [JSON.stringify(order)]));
    const [event] = (await Promise.race([
      once(crowd.#child, "message"),
      once(crowd.#child, "exit"),
    ])) as [unknown];
    if (event !== "joined") throw new Error(`the crowd ended with ${String(event)}`);
    return crowd;
  }

  /** True while all of them are connected: it ends when one is not. */
  get isWhole(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isWhole) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
