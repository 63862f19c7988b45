import { Worker } from "node:worker_threads";
import { MyelinError } from "@myelin/core/errors";
import type { Answer, Call, CommitFigures, WorkerRole } from "./protocol.ts";
import { noFigures } from "./service.ts";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: MyelinError): void;
}

type Functions<Calls> = { [Name in keyof Calls]: (argument: never) => unknown };

const workerUrl = new URL("./worker.ts", import.meta.url);

/**
 * The way to a worker thread. Calls made in one turn of the loop travel in one message, and are
 * answered in their order.
 */
export class WorkerLink<Calls extends Functions<Calls>> {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #outbox: Call[] = [];
  #waiting: Waiting[] = [];
  #figures: CommitFigures = noFigures;
  #failure: MyelinError | undefined;

  constructor(role: WorkerRole) {
    this.#worker = new Worker(workerUrl, {
      workerData: role,
      name: `myelin-${role.name}`,
      execArgv: [],
    });
    this.#worker.on("message", (answer: Answer) => this.#take(answer));
    this.#worker.on("error", (error: unknown) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail(new Error("the worker thread has ended"));
        resolve();
      });
    });
  }

  /** Calls that were not answered yet. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** What the worker's commits have cost so far. */
  get figures(): CommitFigures {
    return this.#figures;
  }

  /** Calls a function of the worker. @throws MyelinError as that function does, or STORAGE_UNAVAILABLE when the thread is gone */
  call<Name extends keyof Calls & string>(
    name: Name,
    argument: Parameters<Calls[Name]>[0],
  ): Promise<ReturnType<Calls[Name]>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#outbox.push({ name, argument });
      if (this.#outbox.length === 1) setImmediate(() => this.#send());
    });
  }

  /** Resolves when the thread has ended by itself. */
  ended(): Promise<void> {
    return this.#ended;
  }

  #send(): void {
    const calls = this.#outbox;
    this.#outbox = [];
    if (calls.length > 0) this.#worker.postMessage(calls);
  }

  #take({ outcomes, figures }: Answer): void {
    this.#figures = figures;
    const answered = this.#waiting.splice(0, outcomes.length);
    for (const [index, waiting] of answered.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || "value" in outcome) waiting.resolve(outcome?.value);
      else waiting.reject(MyelinError.fromDocument(outcome.error));
    }
  }

  #fail(cause: unknown): void {
    this.#failure ??= new MyelinError("STORAGE_UNAVAILABLE", "the store's thread has failed", {
      cause,
    });
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#outbox = [];
    for (const { reject } of waiting) reject(this.#failure);
  }
}
