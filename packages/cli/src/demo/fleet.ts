import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** How an agent of the demo goes wrong. */
export type Misbehaviour = "spin" | "leak" | "block" | "loop";

/** One agent of the demo fleet: it hashes files, or works with a language model. */
export interface DemoWorker {
  readonly id: string;
  readonly type: "worker" | "llm";
  /** Undefined: it works on steadily. */
  readonly misbehaves: Misbehaviour | undefined;
  /** Seconds of good work before. */
  readonly afterSeconds: number;
}

export const demoWorkers: readonly DemoWorker[] = [
  { id: "steady", type: "worker", misbehaves: undefined, afterSeconds: 0 },
  { id: "spinner", type: "worker", misbehaves: "spin", afterSeconds: 1 },
  { id: "leaker", type: "worker", misbehaves: "leak", afterSeconds: 1.5 },
  { id: "blocker", type: "worker", misbehaves: "block", afterSeconds: 2 },
  { id: "thinker", type: "llm", misbehaves: "loop", afterSeconds: 2.5 },
];

const mainPath: string = fileURLToPath(new URL("../main.ts", import.meta.url));
const workerPath: string = fileURLToPath(new URL("./worker.ts", import.meta.url));
const thinkerPath: string = fileURLToPath(new URL("./thinker.ts", import.meta.url));

/** The demo's processes: each worker under a `myelin run` of its own. */
export class Fleet {
  readonly #supervisors: ChildProcess[] = [];

  /** Starts the workers. What they print is passed over; a supervisor that fails tells on standard error. */
  start(url: string, workers: readonly DemoWorker[]): void {
    for (const worker of workers) this.#supervisors.push(this.#supervise(url, worker));
  }

  /** Ends all of them and waits until they are gone. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#supervisors.map(async (supervisor) => {
        if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
        const exited = once(supervisor, "exit");
        supervisor.kill("SIGTERM");
        await exited;
      }),
    );
  }

  #supervise(url: string, worker: DemoWorker): ChildProcess {
    return spawn(
      process.execPath,
      [
        ...[mainPath, "run", "--url", url, "--id", worker.id, "--type", worker.type],
        ...["--grace", "1s", "--", process.execPath, ...programOf(worker)],
      ],
      // A group of its own: Ctrl-C reaches the demo alone, which ends the fleet in order.
      // The channel tells a supervisor that the demo is gone, however it went.
      { stdio: ["ignore", "ignore", "inherit", "ipc"], detached: true },
    );
  }
}

/** The program of an agent, with what makes it go wrong. */
function programOf({ type, misbehaves, afterSeconds }: DemoWorker): readonly string[] {
  const after = String(afterSeconds);
  if (type === "llm") return [thinkerPath, "--loop-after", after];
  if (misbehaves === undefined) return [workerPath];
  return [workerPath, "--misbehave", misbehaves, "--after", after];
}
