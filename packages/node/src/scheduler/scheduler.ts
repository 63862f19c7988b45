/**
 * Orders what was decided: the highest score leaves first, within a budget of bytes a turn.
 *
 * Invariants
 * 1. What rules decided is bounded: at the bound the lowest score leaves (`onShed`). What a caller was told is accepted never does.
 * 2. A turn of the loop sends at most its budget and one instruction more, however often it is drained; the
 *    rest goes on in the next turn. (What earlier turns have spent counts too, up to one budget: to know
 *    where each turn ends would cost more than the turn that is lost now and then.)
 */
import type { Clock } from "@myelin/core/clock";
import type { Instruction } from "../instruction/index.ts";
import { Backlog } from "./backlog.ts";

export interface SchedulerOptions {
  readonly clock: Pick<Clock, "defer">;
  /** Most instructions of rules in the queue. */
  readonly capacity: number;
  /** Bytes of instructions that may be written in one turn of the loop. */
  readonly turnBudgetBytes: number;
  /** Sends one instruction on its way; returns the bytes it wrote. */
  readonly deliver: (instruction: Instruction) => number;
  /** Told what left the full queue. */
  readonly onShed: (instruction: Instruction) => void;
  /** Called after a turn of its own in which something was delivered. */
  readonly onTurnEnd: () => void;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: Backlog;
  /** What may still be written before a new turn must begin. */
  #leftBytes: number;
  #isTurnPlanned = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#queue = new Backlog(options.capacity);
    this.#leftBytes = options.turnBudgetBytes;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Queues an instruction; it leaves with the next `drain`. */
  push(instruction: Instruction): void {
    const shed = this.#queue.push(instruction);
    if (shed !== undefined) this.#options.onShed(shed);
  }

  /** Takes an instruction out of the queue; false when it was not in it. */
  remove(instruction: Instruction): boolean {
    return this.#queue.remove(instruction);
  }

  /** Delivers by score until the turn's budget is spent; what is left goes on by itself. */
  drain(): void {
    while (this.#leftBytes > 0) {
      const instruction = this.#queue.pop();
      if (instruction === undefined) return;
      this.#leftBytes -= this.#options.deliver(instruction);
    }
    if (this.#queue.size === 0 || this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    this.#options.clock.defer(() => {
      this.#isTurnPlanned = false;
      this.#leftBytes = this.#options.turnBudgetBytes;
      this.drain();
      this.#options.onTurnEnd();
    });
  }
}
