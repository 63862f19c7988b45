import { OutcomeStore } from "../../../packages/agent/src/instructions/index.ts";
import { Outbox } from "../../../packages/agent/src/connection/index.ts";
import { Telemetry } from "../../../packages/agent/src/telemetry/index.ts";
import { AgentClock, NodeTime } from "../../../packages/agent/src/time/index.ts";
import { plant, plantGetter, type PlantedFault } from "./plant.ts";

/** An interval of heartbeats, as the node sets it by default. */
const intervalUs = 500_000;

/** Faults of the SDK. */
export const agentFaults: Readonly<Record<string, PlantedFault>> = {
  "an id that comes again is begun again": {
    seed: 1,
    plant: () => plant(OutcomeStore.prototype, "get", () => () => undefined),
  },
  "a deadline is off by one interval": {
    seed: 16,
    plant: () =>
      plant(
        NodeTime.prototype,
        "nowUs",
        (original) =>
          function (this: NodeTime) {
            return original.call(this) - intervalUs;
          },
      ),
  },
  "an agent forgets its outcomes when it resumes": {
    seed: 1,
    plant: () => plant(OutcomeStore.prototype, "unsettled", () => () => []),
  },
  "what was under way is not sent again after a resume": {
    seed: 1,
    plant: () =>
      plant(
        Telemetry.prototype,
        "resume",
        (original) =>
          function (this: Telemetry) {
            original.call(this, Number.POSITIVE_INFINITY);
          },
      ),
  },
  "telemetry is taken for confirmed one frame too early": {
    seed: 46,
    plant: () =>
      plant(
        Outbox.prototype,
        "confirmed",
        (original) =>
          function (this: Outbox, sequence) {
            original.call(this, sequence + 1);
          },
      ),
  },
  "a step of the clock is ignored at the greeting": {
    seed: 78,
    plant: () => plantGetter(AgentClock.prototype, "isSetBack", () => true),
  },
};
