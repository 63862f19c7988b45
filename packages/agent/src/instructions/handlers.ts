import { MyelinError } from "@myelin/core/errors";
import { parseActionName } from "@myelin/core/ids";
import type { JsonObject } from "@myelin/core/json";
import type { Action } from "@myelin/core/wire";

/** A command to the agent, as its handler sees it. */
export interface Instruction {
  /** The same id is the same instruction, for ever. */
  readonly id: string;
  /** What to do: the name that the handler was given for. */
  readonly action: string;
  /** Arguments of the action; `{}` when there are none. */
  readonly args: JsonObject;
  /** Business weight, 1 to 10. */
  readonly priority: number;
  /** It was not to be begun after this, microseconds since the Unix epoch on the node's clock. */
  readonly deadlineUs: number;
  /** How long it may run, microseconds. */
  readonly timeoutUs: number;
  /** When it came to be, on the node's clock. */
  readonly createdAtUs: number;
}

/** What a handler is given beside the instruction. */
export interface HandlerContext {
  /** Aborted when the timeout is over or the agent closes; what the handler returns after that is not heard. */
  readonly signal: AbortSignal;
}

/**
 * Performs an instruction. What it returns, or its promise resolves to, is the result and must be
 * fit for JSON; what it throws makes the instruction `failed`, a MyelinError with its own code.
 */
export type Handler = (instruction: Instruction, context: HandlerContext) => unknown;

/** What an agent says about one of its actions. */
export interface HandlerOptions {
  /** Performing it twice does no harm, so a new incarnation may be told again what an earlier one left open. */
  readonly idempotent?: boolean;
}

interface Registration {
  readonly handler: Handler;
  readonly isIdempotent: boolean;
}

/** The actions that an agent handles. */
export class Handlers {
  readonly #registrations = new Map<string, Registration>();

  /**
   * @returns takes the handler away again
   * @throws MyelinError INVALID_ARGUMENT for a name that is none, ALREADY_EXISTS for an action that has a handler
   */
  add(action: string, handler: Handler, options: HandlerOptions): () => void {
    const name = parseActionName(action);
    if (typeof handler !== "function") {
      throw new MyelinError("INVALID_ARGUMENT", `the handler of ${name} is not a function`);
    }
    if (this.#registrations.has(name)) {
      throw new MyelinError("ALREADY_EXISTS", `the action ${name} has a handler already`);
    }
    const registration = { handler, isIdempotent: options.idempotent === true };
    this.#registrations.set(name, registration);
    return () => {
      if (this.#registrations.get(name) === registration) this.#registrations.delete(name);
    };
  }

  get isEmpty(): boolean {
    return this.#registrations.size === 0;
  }

  of(action: string): Handler | undefined {
    return this.#registrations.get(action)?.handler;
  }

  /** The actions as a hello declares them. */
  actions(): Action[] {
    return Array.from(this.#registrations, ([name, { isIdempotent }]) => ({ name, isIdempotent }));
  }
}
