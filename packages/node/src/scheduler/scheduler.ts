/**
 * Orders what was decided: the highest score leaves first, within a budget of bytes a turn.
 *
 * Invariants
 * 1. What rules decided is bounded: at the bound the lowest score leaves (`onShed`). What a caller was told is accepted never does.
 * 2. A turn of the loop sends at most its budget and one instruction more, however often it is drained; the
 *    rest goes on in the next turn. (What earlier turns have spent counts too, up to one budget: to know
 *    where each turn ends would cost more than the turn that is lost now and then.)
 * 3. Nothing starves: under overload minor scores wait until they are due (`ScoreQueue`), which is soon and
 *    well before their deadlines, and of those that are due one goes first in each turn of the scheduler's
 *    own. What is not dispatched expires, and is counted.
 */
import type { Clock, Timer } from "@myelin/core/clock";
import {
  AdaptingWeights,
  type EndOfInstruction,
  type OverloadLevel,
  score,
  type ScoreWeights,
} from "@myelin/core/schedule";
import type { Instruction, ShedReason } from "../instruction/index.ts";
import type { LoadShares } from "./overload.ts";
import { ScoreQueue } from "./score-queue.ts";

export interface SchedulerOptions {
  readonly clock: Pick<Clock, "defer" | "nowUs" | "schedule">;
  /** Most instructions of rules in the queue. */
  readonly capacity: number;
  /** The same while the node sheds. */
  readonly overloadCapacity: number;
  /** Bytes of instructions that may be written in one turn of the loop. */
  readonly turnBudgetBytes: number;
  /** Scores below are delayed while the node is overloaded. */
  readonly delayBelow: number;
  /** Time in which age raises a score by 1 in the order of what waits. */
  readonly ageingUs: number;
  /** Longest time for which a score is delayed. */
  readonly maxDelayUs: number;
  /** Executions after which the weights move. */
  readonly weightsEvery: number;
  /** Sends one instruction on its way; returns the bytes it wrote. */
  readonly deliver: (instruction: Instruction) => number;
  /** Told what left the full queue. */
  readonly onShed: (instruction: Instruction) => void;
  /** Called after a turn of its own in which something was delivered. */
  readonly onTurnEnd: () => void;
}

/** What has been delayed and given up since the start. */
export interface SchedulerCounters {
  /** Instructions that had to wait for their low score. */
  delayed: number;
  /** Instructions given up, by the bound at which they were. */
  readonly shed: Record<ShedReason, number>;
  /** Instructions whose deadline passed in the queue. */
  expired: number;
}

/** How loaded the node is, and what it did about it since the start. */
export interface OverloadFigures extends SchedulerCounters {
  readonly level: OverloadLevel;
  /** Shares of what may be, at the latest look. */
  readonly load: LoadShares;
  readonly weights: ScoreWeights;
  /** Instructions in the queue now. */
  readonly waiting: number;
  /** Frames of bulk that came while bulk was not read. */
  readonly bulkFramesHeld: number;
}

export class Scheduler {
  readonly counters: SchedulerCounters = {
    delayed: 0,
    shed: { queue: 0, overload: 0, agent: 0, open: 0 },
    expired: 0,
  };
  readonly #options: SchedulerOptions;
  readonly #queue: ScoreQueue;
  readonly #weights: AdaptingWeights;
  #level: OverloadLevel = 0;
  /** What may still be written before a new turn must begin. */
  #leftBytes: number;
  #isTurnPlanned = false;
  /** Wakes for the delayed instruction that is due next. */
  #dueTimer: Timer | undefined;
  #dueUs = Number.POSITIVE_INFINITY;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#queue = new ScoreQueue(options);
    this.#weights = new AdaptingWeights(options.weightsEvery);
    this.#leftBytes = options.turnBudgetBytes;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Instructions that wait now for their low score. */
  get delayedSize(): number {
    return this.#isDelaying ? this.#queue.minorSize : 0;
  }

  get weights(): ScoreWeights {
    return this.#weights.weights;
  }

  /** Relieves the node as far as the level says. */
  setLevel(level: OverloadLevel): void {
    const wasDelaying = this.#isDelaying;
    this.#level = level;
    if (this.#isDelaying === wasDelaying) return;
    if (this.#isDelaying) this.counters.delayed += this.#queue.minorSize;
    this.#goOn();
  }

  /** Scores an instruction by the weights of now and queues it; it leaves with the next `drain`. */
  push(instruction: Instruction): void {
    const { capacity, overloadCapacity, onShed } = this.#options;
    instruction.score = score(instruction, this.#weights.weights);
    if (this.#isDelaying && this.#queue.isMinor(instruction)) this.counters.delayed += 1;
    const isShedding = this.#level === 3 && overloadCapacity < capacity;
    for (const shed of this.#queue.push(instruction, isShedding ? overloadCapacity : capacity)) {
      shed.shedFor = isShedding ? "overload" : "queue";
      onShed(shed);
    }
  }

  /** Takes an instruction out of the queue; false when it was not in it. */
  remove(instruction: Instruction): boolean {
    const isRemoved = this.#queue.remove(instruction);
    if (isRemoved && instruction.status === "expired") this.counters.expired += 1;
    return isRemoved;
  }

  /** Notes how an instruction ended, for the weights, and why it was shed if it was. */
  ended(instruction: Instruction, end: EndOfInstruction): void {
    const reason = instruction.shedFor ?? (isRefused(instruction) ? "open" : undefined);
    if (reason !== undefined) this.counters.shed[reason] += 1;
    this.#weights.ended(instruction, end);
  }

  /** Delivers by score until the turn's budget is spent; what is left goes on by itself. */
  drain(): void {
    while (this.#leftBytes > 0) {
      if (this.#queue.size === 0) return;
      const instruction = this.#queue.pop(this.#options.clock.nowUs(), this.#isDelaying);
      if (instruction === undefined) {
        this.#planDue();
        return;
      }
      this.#leftBytes -= this.#options.deliver(instruction);
    }
    if (this.#queue.size > 0) this.#goOn();
  }

  /** Stops its timer. */
  stop(): void {
    this.#dueTimer?.cancel();
  }

  get #isDelaying(): boolean {
    return this.#level >= 2;
  }

  /** Goes on in a turn of its own. */
  #goOn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    const { clock, turnBudgetBytes, deliver, onTurnEnd } = this.#options;
    clock.defer(() => {
      this.#isTurnPlanned = false;
      this.#leftBytes = turnBudgetBytes;
      const due = this.#queue.popDue(clock.nowUs());
      if (due !== undefined) this.#leftBytes -= deliver(due);
      this.drain();
      onTurnEnd();
    });
  }

  /** Keeps one timer at the instant at which the next delayed instruction is due. */
  #planDue(): void {
    const { clock } = this.#options;
    const { dueUs } = this.#queue;
    if (dueUs === this.#dueUs) return;
    this.#dueTimer?.cancel();
    this.#dueUs = dueUs;
    this.#dueTimer = clock.schedule(Math.max(0, dueUs - clock.nowUs()), () => {
      this.#dueUs = Number.POSITIVE_INFINITY;
      this.#goOn();
    });
  }
}

/** True for what a rule decided while too many were open, so that it never waited anywhere. */
function isRefused({ error, recipient }: Instruction): boolean {
  return error?.code === "SHED" && recipient === undefined;
}
