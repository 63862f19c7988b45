import type { Instruction } from "../instruction/index.ts";
import { ScoreQueue, type ScoreQueueOptions } from "./score-queue.ts";

export interface BacklogOptions extends Omit<ScoreQueueOptions, "maxDelayUs"> {
  /** Most instructions of rules that wait. */
  readonly capacity: number;
}

/**
 * Instructions that wait for an agent, in the order of `ScoreQueue`: highest score first, low scores
 * raised by their age. What rules decided is bounded: beyond, the lowest is shed. What a caller was told
 * is accepted is never shed; it is bounded where it is accepted.
 */
export class Backlog {
  readonly #options: BacklogOptions;
  /** Made when something waits: most agents keep nothing waiting. */
  #queue: ScoreQueue | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#queue?.size ?? 0;
  }

  /** Adds an instruction; returns what was shed for it, which may be itself. */
  push(instruction: Instruction): Instruction | undefined {
    // Nothing is delayed here: what waits goes as soon as its agent can take it.
    this.#queue ??= new ScoreQueue({ ...this.#options, maxDelayUs: Number.POSITIVE_INFINITY });
    // One comes, so that one leaves at the most: the bound never sinks.
    const [shed] = this.#queue.push(instruction, this.#options.capacity);
    if (shed !== undefined) shed.shedFor = "agent";
    return shed;
  }

  /** Takes out the first. */
  pop(): Instruction | undefined {
    return this.#queue?.pop(Number.NaN, false);
  }

  /** Takes an instruction out; false when it does not wait here. */
  remove(instruction: Instruction): boolean {
    return this.#queue?.remove(instruction) ?? false;
  }
}
