import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Who is to connect where. */
export interface StormOrder {
  readonly url: string;
  readonly agents: number;
  /** Bare WebSocket clients in the place of agents. */
  readonly isBare: boolean;
}

/** What was seen until all were there. */
export interface StormSeen {
  /** When each came to be there since all were there last, microseconds since the epoch. */
  readonly liveAtUs: readonly number[];
  readonly tries: number;
  /** Tries and connections that failed, by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Agents that were refused for good. */
  readonly closed: number;
}

/** What came of every agent reporting a sample that fires. */
export interface StormReached {
  readonly reached: number;
}

/** The process of the agents. */
export class StormProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly pid: number;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
  }

  /** Resolves when all are there. */
  static async start(order: StormOrder): Promise<StormProcess> {
    const path = fileURLToPath(new URL("./storm-program.ts", import.meta.url));
    const storm = new StormProcess(fork(path, [JSON.stringify(order)]));
    await storm.whole();
    return storm;
  }

  /** Resolves when all are there, or one is refused for good. */
  async whole(): Promise<StormSeen> {
    return (await this.#told()) as StormSeen;
  }

  /** Has every agent report what fires; resolves to how many an instruction reached. */
  async reach(): Promise<number> {
    const told = this.#told();
    this.#child.send("reach");
    return ((await told) as StormReached).reached;
  }

  async #told(): Promise<unknown> {
    const ended = once(this.#child, "exit").then(([code]) => {
      throw new Error(`the agents' process ended with ${String(code)}`);
    });
    ended.catch(() => undefined);
    const [message] = (await Promise.race([once(this.#child, "message"), ended])) as [unknown];
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGKILL");
    await exited;
  }
}
