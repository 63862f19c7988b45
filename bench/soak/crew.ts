import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What the crew has done since it was asked last. */
export interface CrewFigures {
  readonly byHand: number;
  /** Instructions by hand that did not end as executed. */
  readonly notExecuted: number;
  /** p50 and p99 of instructions by hand, from the call to the outcome in its answer. */
  readonly byHandUs: readonly number[];
  readonly reads: number;
  /** p99 of the reads. */
  readonly readUs: number;
  readonly reconnects: number;
  readonly watchEvents: number;
  /** Calls that failed, or were answered with an error. */
  readonly failedCalls: number;
}

/** The process of all that is done besides the samples: by hand, by reading, by coming and going, by watching. */
export class Crew implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when it is at work. */
  static async start(url: string, http: string): Promise<Crew> {
    const path = fileURLToPath(new URL("./crew-program.ts", import.meta.url));
    const crew = new Crew(fork(path, [url, http]));
    await crew.#told();
    return crew;
  }

  async figures(): Promise<CrewFigures> {
    const told = this.#told();
    this.#child.send("figures");
    return (await told) as CrewFigures;
  }

  async #told(): Promise<unknown> {
    const ended = once(this.#child, "exit").then(([code]) => {
      throw new Error(`the crew ended with ${String(code)}`);
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
