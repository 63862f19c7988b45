import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { MyelinError } from "@myelin/core/errors";
import { Histogram } from "@myelin/core/statistics";
import type { Answer, Call, CommitFigures, Joining, WorkerRole } from "./protocol.ts";
import { noFigures } from "./service.ts";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: MyelinError): void;
}

type Functions<Calls> = { [Name in keyof Calls]: (argument: never) => unknown };

const workerUrl = new URL("./worker.ts", import.meta.url);

/** Starts a worker thread of the store. */
export function startWorker(role: WorkerRole): Worker {
  return new Worker(workerUrl, {
    workerData: role,
    name: `myelin-${role.name}`,
    execArgv: [],
  });
}

/** A port by which another thread calls the worker, as one more of its callers. */
export function portTo(worker: Worker): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const joining: Joining = { port: port2 };
  worker.postMessage(joining, [port2]);
  return port1;
}

/** What calls a worker goes over. */
export interface LinkEnd {
  post(calls: readonly Call[]): void;
  listen(onAnswer: (answer: Answer) => void, onEnd: (cause: unknown) => void): void;
  /** Calls no more; a worker of this thread goes on. */
  leave(): void;
}

/** The end of the thread that started the worker. */
export function endOfWorker(worker: Worker): LinkEnd {
  return {
    post: (calls) => worker.postMessage(calls),
    listen: (onAnswer, onEnd) => {
      worker.on("message", onAnswer);
      worker.on("error", onEnd);
      worker.once("exit", () => onEnd(new Error("the worker thread has ended")));
    },
    leave: () => undefined,
  };
}

/** The end of another thread. */
export function endOfPort(port: MessagePort): LinkEnd {
  return {
    post: (calls) => port.postMessage(calls),
    listen: (onAnswer, onEnd) => {
      port.on("message", onAnswer);
      port.once("close", () => onEnd(new Error("the way to the worker thread is closed")));
    },
    leave: () => port.close(),
  };
}

/**
 * The way to a worker thread, which is this thread's own or another's. Calls made in one turn of the loop
 * travel in one message, and are answered in their order.
 */
export class WorkerLink<Calls extends Functions<Calls>> {
  /** How long the worker's commits took, microseconds. */
  readonly commitUs: Histogram = new Histogram();
  readonly #end: LinkEnd;
  readonly #ended: Promise<void>;
  #outbox: Call[] = [];
  #waiting: Waiting[] = [];
  #figures: CommitFigures = noFigures;
  #failure: MyelinError | undefined;
  readonly #onLost: (error: MyelinError) => void;
  #isClosing = false;

  /** `onLost` is told when the thread ends without being asked to. */
  constructor(end: LinkEnd, onLost: (error: MyelinError) => void = () => undefined) {
    this.#onLost = onLost;
    this.#end = end;
    this.#ended = new Promise((resolve) => {
      end.listen(
        (answer) => this.#take(answer),
        (cause) => {
          this.#fail(cause);
          resolve();
        },
      );
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
    if (name === "close") this.#isClosing = true;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#outbox.push({ name, argument });
      if (this.#outbox.length === 1) setImmediate(() => this.#send());
    });
  }

  /** Resolves when the thread has ended by itself, or the port is closed. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Calls no more; a worker of this thread goes on. */
  leave(): void {
    this.#isClosing = true;
    this.#end.leave();
  }

  #send(): void {
    const calls = this.#outbox;
    this.#outbox = [];
    if (calls.length > 0) this.#end.post(calls);
  }

  #take({ outcomes, figures, commitsUs }: Answer): void {
    this.#figures = figures;
    for (const tookUs of commitsUs) this.commitUs.record(tookUs);
    const answered = this.#waiting.splice(0, outcomes.length);
    for (const [index, waiting] of answered.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || "value" in outcome) waiting.resolve(outcome?.value);
      else waiting.reject(MyelinError.fromDocument(outcome.error));
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure === undefined) {
      const message = "the store's thread has failed";
      this.#failure = new MyelinError("STORAGE_UNAVAILABLE", message, { cause });
      if (!this.#isClosing) this.#onLost(this.#failure);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#outbox = [];
    for (const { reject } of waiting) reject(this.#failure);
  }
}
