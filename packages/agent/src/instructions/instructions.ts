/*
 * Instructions at the agent: whether one begins, how it ends, and what the node is told of it.
 *
 * Invariants:
 * 1. Each id begins at most once, never after its deadline and never when it was canceled before.
 * 2. Each id that arrives is answered: with what is known of it, or with its first outcome.
 * 3. A handler that runs has a timer; at the timeout the instruction ends, and what comes later is not heard.
 * 4. What is told is kept first, so a lost acknowledgement is told again by the next hello.
 */
import type { Timer } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import type { JsonValue } from "@myelin/core/json";
import type { Acknowledgement, AcknowledgementError, InstructionMessage } from "@myelin/core/wire";
import { toJson } from "../json/index.ts";
import type { AgentClock, NodeTime } from "../time/index.ts";
import type { Handler, HandlerContext, Handlers } from "./handlers.ts";
import type { NodeInstant, OutcomeStore } from "./outcome-store.ts";

/** Bounds of a handler's result. */
const resultBounds = { maxBytes: 65_536 };
const maxMessageLength = 1024;

/** What Instructions needs. */
export interface InstructionsOptions {
  readonly clock: AgentClock;
  readonly nodeTime: NodeTime;
  readonly handlers: Handlers;
  readonly outcomes: OutcomeStore;
  /** Tells the node, if there is one just now. */
  readonly acknowledge: (acknowledgement: Acknowledgement) => void;
}

interface Run {
  readonly message: InstructionMessage;
  readonly receivedAtUs: number;
  readonly begunAtUs: number;
  /** `begunAtUs` on the clock that does not step. */
  readonly begunMonotonicUs: number;
  readonly context: Context;
  timer: Timer | undefined;
}

/** Makes its signal only when a handler asks for it: most do not, and it costs more than the rest. */
class Context implements HandlerContext {
  #controller: AbortController | undefined;
  #reason: MyelinError | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: MyelinError): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Receives instructions and performs them by the agent's handlers. */
export class Instructions {
  readonly #options: InstructionsOptions;
  readonly #running = new Map<string, Run>();
  readonly #idle: (() => void)[] = [];
  #isClosing = false;

  constructor(options: InstructionsOptions) {
    this.#options = options;
  }

  /** How many handlers run. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** An instruction has arrived, perhaps not for the first time. */
  receive(message: InstructionMessage): void {
    const { clock, nodeTime, handlers, outcomes } = this.#options;
    const known = outcomes.get(message.id);
    if (known !== undefined) {
      this.#options.acknowledge(known);
      return;
    }
    const receivedAtUs = clock.nowUs();
    if (outcomes.takeCancellation(message.id)) {
      this.#decline(message, receivedAtUs, "canceled", "CANCELED", "canceled before it arrived");
    } else if (nodeTime.nowUs() > message.deadlineUs) {
      this.#decline(
        message,
        receivedAtUs,
        "expired",
        "DEADLINE_EXCEEDED",
        "its deadline had passed when it arrived",
      );
    } else if (this.#isClosing) {
      this.#decline(message, receivedAtUs, "rejected", "UNAVAILABLE", "the agent is closing");
    } else {
      const handler = handlers.of(message.action);
      if (handler !== undefined) this.#begin(message, handler, receivedAtUs);
      else
        this.#decline(
          message,
          receivedAtUs,
          "rejected",
          "NO_HANDLER",
          `no handler for ${message.action}`,
        );
    }
  }

  /** The node calls an instruction off; nothing happens to one that has begun. */
  cancel(id: string): void {
    this.#options.outcomes.cancel(id);
  }

  /** Resolves when no handler runs. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running.size === 0) resolve();
      else this.#idle.push(resolve);
    });
  }

  /** Begins nothing any more. */
  refuse(): void {
    this.#isClosing = true;
  }

  /** Aborts the handlers that run; what they return is still heard. */
  abort(reason: MyelinError): void {
    for (const { context } of this.#running.values()) context.abort(reason);
  }

  /** Forgets what need not be kept; called now and then. */
  sweep(): void {
    this.#options.outcomes.sweep(this.#nodeInstant());
  }

  #begin(message: InstructionMessage, handler: Handler, receivedAtUs: number): void {
    const { clock } = this.#options;
    const run: Run = {
      message,
      receivedAtUs,
      begunAtUs: clock.nowUs(),
      begunMonotonicUs: clock.monotonicUs(),
      context: new Context(),
      timer: undefined,
    };
    if (!this.#keep(message, acknowledgementOf(run, "received", 0))) return;
    let returned: unknown;
    try {
      returned = handler(message, run.context);
    } catch (thrown) {
      this.#fail(run, thrown);
      return;
    }
    if (!isThenable(returned)) {
      this.#succeed(run, returned);
      return;
    }
    this.#running.set(message.id, run);
    run.timer = this.#options.clock.schedule(message.timeoutUs, () => this.#timeOut(run));
    returned.then(
      (result) => this.#succeed(run, result),
      (thrown: unknown) => this.#fail(run, thrown),
    );
  }

  #succeed(run: Run, returned: unknown): void {
    const { clock } = this.#options;
    if (clock.monotonicUs() - run.begunMonotonicUs > run.message.timeoutUs) {
      this.#timeOut(run);
      return;
    }
    let result: JsonValue;
    try {
      result = toJson(returned, "result", resultBounds).value;
    } catch (thrown) {
      this.#fail(run, thrown);
      return;
    }
    this.#end(run, { ...acknowledgementOf(run, "executed", clock.nowUs()), result });
  }

  #fail(run: Run, thrown: unknown): void {
    const error = errorOf(thrown);
    this.#end(run, { ...acknowledgementOf(run, "failed", this.#options.clock.nowUs()), error });
  }

  #timeOut(run: Run): void {
    const error = new MyelinError(
      "TIMEOUT",
      `did not end within ${run.message.timeoutUs / 1e3} ms`,
    );
    this.#fail(run, error);
    run.context.abort(error);
  }

  #end(run: Run, acknowledgement: Acknowledgement): void {
    if (!this.#options.outcomes.end(acknowledgement)) return;
    run.timer?.cancel();
    this.#options.acknowledge(acknowledgement);
    this.#running.delete(run.message.id);
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #decline(
    message: InstructionMessage,
    receivedAtUs: number,
    status: "rejected" | "expired" | "canceled",
    code: "UNAVAILABLE" | "NO_HANDLER" | "DEADLINE_EXCEEDED" | "CANCELED",
    reason: string,
  ): void {
    const ended = declined(message.id, receivedAtUs, status, { code, message: reason });
    if (status !== "expired") {
      this.#keep(message, ended);
      return;
    }
    // Told even when there is no room to keep it: the deadline alone will decline it again.
    this.#options.outcomes.insert(ended, message, message.deadlineUs, this.#nodeInstant());
    this.#options.acknowledge(ended);
  }

  /** Keeps and tells the first that is known of an id; without room for it, refuses the instruction and returns false. */
  #keep(message: InstructionMessage, acknowledgement: Acknowledgement): boolean {
    const lastUs = message.deadlineUs + message.timeoutUs;
    if (this.#options.outcomes.insert(acknowledgement, message, lastUs, this.#nodeInstant())) {
      this.#options.acknowledge(acknowledgement);
      return true;
    }
    const busy = { code: "BUSY", message: "too many outcomes are kept" };
    this.#options.acknowledge(declined(message.id, acknowledgement.receivedAtUs, "rejected", busy));
    return false;
  }

  #nodeInstant(): NodeInstant {
    const { nodeTime } = this.#options;
    return { nowUs: nodeTime.nowUs(), uncertaintyUs: nodeTime.uncertaintyUs };
  }
}

/** What is told of an instruction that has begun. Its action and episode are told by the next hello only. */
function acknowledgementOf(
  run: Run,
  status: Acknowledgement["status"],
  endedAtUs: number,
): Acknowledgement {
  const { receivedAtUs, begunAtUs } = run;
  return { instructionId: run.message.id, action: "", status, receivedAtUs, begunAtUs, endedAtUs };
}

/** What is told of an instruction that does not begin. */
function declined(
  instructionId: string,
  receivedAtUs: number,
  status: Acknowledgement["status"],
  error: AcknowledgementError,
): Acknowledgement {
  return {
    instructionId,
    action: "",
    status,
    error,
    receivedAtUs,
    begunAtUs: 0,
    endedAtUs: receivedAtUs,
  };
}

function errorOf(thrown: unknown): AcknowledgementError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof MyelinError ? thrown.code : "HANDLER_FAILED";
  return { code, message: message.slice(0, maxMessageLength) };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}
