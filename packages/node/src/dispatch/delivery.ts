import type { InstructionId, PartName } from "@myelin/core/ids";
import { BoundedPriorityQueue } from "@myelin/core/schedule";
import type { InstructionMessage } from "@myelin/core/wire";
import type { Instruction } from "../instruction/index.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";

/** What dispatch keeps for one agent while anything of it is under way. */
export class Delivery {
  /** Sent and not ended. */
  readonly outstanding: Map<InstructionId, Instruction> = new Map();
  /** Not sent: the agent is away, or its window of outstanding instructions is full. Highest score first. */
  readonly waiting: BoundedPriorityQueue<Instruction>;
  readonly #breakers = new Map<PartName, Breaker>();

  constructor(maxWaiting: number) {
    this.waiting = new BoundedPriorityQueue(maxWaiting);
  }

  breakerOf(part: PartName, options: BreakerOptions): Breaker {
    let breaker = this.#breakers.get(part);
    if (breaker === undefined) {
      breaker = new Breaker(options);
      this.#breakers.set(part, breaker);
    }
    return breaker;
  }

  /** Parts whose breaker is open. */
  openBreakers(): PartName[] {
    return [...this.#breakers].filter(([, breaker]) => breaker.isOpen).map(([part]) => part);
  }

  /** True when there is nothing left to remember. */
  get isIdle(): boolean {
    if (this.outstanding.size > 0 || this.waiting.size > 0) return false;
    for (const breaker of this.#breakers.values()) if (!breaker.isPristine) return false;
    return true;
  }
}

/** An instruction as the wire carries it. */
export function messageOf(instruction: Instruction): InstructionMessage {
  return {
    id: instruction.id,
    action: instruction.action,
    args: instruction.args,
    priority: instruction.priority,
    deadlineUs: instruction.deadlineUs,
    timeoutUs: instruction.timeoutUs,
    createdAtUs: instruction.createdAtUs,
    ...(instruction.episode === undefined ? {} : { episode: instruction.episode }),
  };
}
