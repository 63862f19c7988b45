/** Small faults of the engine, each of which the differential must notice. */
import { instructionFaults } from "./instruction-faults.ts";
import type { PlantedFault } from "./plant.ts";
import { stateFaults } from "./state-faults.ts";
import { timeFaults } from "./time-faults.ts";
import { windowFaults } from "./window-faults.ts";

/** All of them, by what is wrong. */
export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  ...stateFaults,
  ...instructionFaults,
  ...timeFaults,
  ...windowFaults,
};
