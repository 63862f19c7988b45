/** Faults planted into node and SDK, one at a time: a simulation that does not notice them checks nothing. */
import { agentFaults } from "./agent-faults.ts";
import { nodeFaults } from "./node-faults.ts";
import type { PlantedFault } from "./plant.ts";
import { windowFaults } from "./window-faults.ts";

/** All of them, by what is wrong. */
export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  ...nodeFaults,
  ...windowFaults,
  ...agentFaults,
};
