import { VirtualClock } from "@myelin/core/clock";
import type { InstructionId } from "@myelin/core/ids";
import type { Instruction } from "../instruction/index.ts";
import { Scheduler, type SchedulerOptions } from "./index.ts";

/** An instruction of a score, by its business weight alone. */
export function instruction(id: string, score: number, isByHand = false): Instruction {
  // Of business weight alone, which the score takes by a share of 0.6.
  const priority = (score / 0.6) * 10;
  const times = { createdAtUs: 0, deadlineUs: 30_000_000 };
  return { id: id as InstructionId, priority, impact: 0, isByHand, ...times } as Instruction;
}

/** A scheduler in virtual time, and what it did. */
export interface Bench {
  readonly clock: VirtualClock;
  readonly scheduler: Scheduler;
  readonly delivered: string[];
  readonly shed: string[];
  readonly turnEnds: () => number;
}

export function bench(options: Partial<SchedulerOptions> = {}): Bench {
  const clock = new VirtualClock(0);
  const [delivered, shed]: [string[], string[]] = [[], []];
  let turns = 0;
  const scheduler = new Scheduler({
    clock,
    capacity: 10,
    overloadCapacity: 4,
    turnBudgetBytes: 1000,
    delayBelow: 0.5,
    ageingUs: 1_000_000,
    maxDelayUs: 500_000,
    weightsEvery: 1000,
    deliver: ({ id }) => {
      delivered.push(id);
      return 100;
    },
    onShed: (instruction) => {
      shed.push(instruction.id);
      scheduler.ended(instruction, { isExecuted: false, isViolated: false });
    },
    onTurnEnd: () => turns++,
    ...options,
  });
  return { clock, scheduler, delivered, shed, turnEnds: () => turns };
}
