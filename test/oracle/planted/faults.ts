/** Small faults of the engine, each of which the differential must notice. */
import { instructionFaults } from "./instruction-faults.ts";
import type { Edit } from "./plant.ts";
import { stateFaults } from "./state-faults.ts";
import { timeFaults } from "./time-faults.ts";
import { windowFaults } from "./window-faults.ts";

/** A fault, and a pair that shows it. */
export interface PlantedFault {
  /** One of the pairs that are searched; where a change of rules or streams has it show nothing any more, another is found. */
  readonly pair: number;
  readonly edits: readonly Edit[];
}

/** All of them, by what is wrong. */
export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  ...stateFaults,
  ...instructionFaults,
  ...timeFaults,
  ...windowFaults,
};
