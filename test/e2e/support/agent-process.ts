import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const programPath = fileURLToPath(new URL("./agent-program.ts", import.meta.url));

interface Told {
  readonly begun?: string;
  readonly action?: string;
  readonly status?: string;
  readonly cause?: string;
}

/** An agent in a process of its own. */
export class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Ids of the instructions whose handler was called, in order. */
  readonly begun: string[] = [];
  /** Why its connection is not live, by the code of the error. */
  cause: string | undefined;
  #status = "";
  #onTold: (() => void)[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    child.on("message", (message: Told) => {
      if (message.begun !== undefined) this.begun.push(message.begun);
      if (message.status !== undefined) {
        this.#status = message.status;
        this.cause = message.cause;
      }
      const waiting = this.#onTold;
      this.#onTold = [];
      for (const resolve of waiting) resolve();
    });
  }

  /** Starts one and waits until it is attached; `through` is a command that runs the rest of its line. */
  static async start(
    url: string,
    id: string,
    { through = [], token = "" }: { through?: readonly string[]; token?: string } = {},
  ): Promise<AgentProcess> {
    const [command, ...words] = [...through, process.execPath, programPath, url, id];
    const agent = new AgentProcess(
      spawn(command, words, {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        env: { ...process.env, ...(token === "" ? {} : { MYELIN_TOKEN: token }) },
      }),
    );
    await agent.until(() => agent.#status === "live");
    return agent;
  }

  get isLive(): boolean {
    return this.#status === "live";
  }

  /** True when it has given up for good. */
  get isClosed(): boolean {
    return this.#status === "closed";
  }

  report(samples: Readonly<Record<string, number>>): void {
    this.child.send({ report: samples });
  }

  /** Lets the handler of a `wait` or `again` end. */
  finish(id: string): void {
    this.child.send({ finish: id });
  }

  /** Resolves when the agent has told what makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onTold.push(resolve);
      await promise;
    }
  }

  /** Resolves to the id of the n-th instruction begun, counted from 1. */
  async nthBegun(count: number): Promise<string> {
    await this.until(() => this.begun.length >= count);
    return this.begun[count - 1] ?? "";
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
