import type { InstructionId, PartName } from "@myelin/core/ids";
import type { InstructionMessage } from "@myelin/core/wire";
import type { Instruction } from "../instruction/index.ts";
import { Backlog } from "../scheduler/index.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";

/** Bounds of what dispatch keeps for one agent. */
export interface DeliveryBounds {
  /** Most instructions sent to one part and not ended. */
  readonly maxOutstanding: number;
  /** Most instructions of rules that wait for one part, and for an agent that is away. */
  readonly maxWaiting: number;
  readonly breaker: BreakerOptions;
  /** Of what waits scores below are raised by their age, by 1 in this time. */
  readonly delayBelow: number;
  readonly ageingUs: number;
}

/** What dispatch keeps for one part of an agent. */
export class PartDelivery {
  readonly name: PartName;
  /** Sent and not ended. */
  readonly outstanding: Map<InstructionId, Instruction> = new Map();
  /** Not sent, because the window of outstanding instructions is full. */
  readonly queued: Backlog;
  readonly breaker: Breaker;
  /**
   * Those that have a place in the window kept: on their way to it from `queued`, or their recipient
   * being written. Who comes later must not overtake them.
   */
  readonly claims: Set<Instruction> = new Set();
  readonly #maxOutstanding: number;

  constructor(name: PartName, bounds: DeliveryBounds) {
    this.name = name;
    this.#maxOutstanding = bounds.maxOutstanding;
    this.queued = new Backlog({ ...bounds, capacity: bounds.maxWaiting });
    this.breaker = new Breaker(bounds.breaker);
  }

  /** True while an earlier one of the same priority has its place kept, and was not sent. */
  isBehind({ createdAtUs, priority }: Instruction): boolean {
    for (const claim of this.claims)
      if (claim.createdAtUs < createdAtUs && claim.priority === priority) return true;
    return false;
  }

  /** How many more may be sent. */
  get room(): number {
    return this.#maxOutstanding - this.outstanding.size - this.claims.size;
  }

  /** True when the part has as many of rules as two runs of the node could have given it. */
  get isOverfull(): boolean {
    let ofRules = 0;
    for (const { isByHand } of this.outstanding.values()) if (!isByHand) ofRules += 1;
    return ofRules >= 2 * this.#maxOutstanding;
  }
}

/** What dispatch keeps for one agent while it is present, or anything of it is under way. */
export class Delivery {
  readonly parts: Map<PartName, PartDelivery> = new Map();
  /** Not sent, because the parts that handle it are away. */
  readonly parked: Backlog;
  readonly #bounds: DeliveryBounds;

  constructor(bounds: DeliveryBounds) {
    this.#bounds = bounds;
    this.parked = new Backlog({ ...bounds, capacity: bounds.maxWaiting });
  }

  partOf(name: PartName): PartDelivery {
    let part = this.parts.get(name);
    if (part === undefined) {
      part = new PartDelivery(name, this.#bounds);
      this.parts.set(name, part);
    }
    return part;
  }

  get outstandingCount(): number {
    let count = 0;
    for (const { outstanding } of this.parts.values()) count += outstanding.size;
    return count;
  }

  /** Parts whose breaker is open. */
  openBreakers(): PartName[] {
    return [...this.parts.values()].filter(({ breaker }) => breaker.isOpen).map(({ name }) => name);
  }

  /** Takes out all that waits. */
  takeWaiting(): Instruction[] {
    const taken: Instruction[] = [];
    const take = (backlog: Backlog): void => {
      for (let next = backlog.pop(); next !== undefined; next = backlog.pop()) taken.push(next);
    };
    take(this.parked);
    for (const { queued } of this.parts.values()) take(queued);
    return taken;
  }

  /** Takes out one that waits, wherever it does. */
  removeWaiting(instruction: Instruction): void {
    if (this.parked.remove(instruction)) return;
    for (const { queued } of this.parts.values()) if (queued.remove(instruction)) return;
  }

  /** Gives up the place that is kept for an instruction; returns where that was. */
  takeClaim(instruction: Instruction): PartDelivery | undefined {
    for (const part of this.parts.values()) if (part.claims.delete(instruction)) return part;
    return undefined;
  }

  /** True when nothing is under way. */
  get isIdle(): boolean {
    if (this.parked.size > 0) return false;
    for (const { outstanding, queued, claims } of this.parts.values())
      if (outstanding.size > 0 || queued.size > 0 || claims.size > 0) return false;
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
