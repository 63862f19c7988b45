import { MemoryLog } from "../../../packages/node/src/adapters/memory-log/index.ts";
import { Histories } from "../../../packages/node/src/engine/index.ts";
import { HistoryJournal } from "../../../packages/node/src/history/index.ts";
import { SessionIntake } from "../../../packages/node/src/ingest/index.ts";
import { plant, type PlantedFault } from "./plant.ts";

/** Faults of what windows keep over restarts. */
export const windowFaults: Readonly<Record<string, PlantedFault>> = {
  "windows are not taken up": {
    seed: 5,
    plant: () => plant(HistoryJournal.prototype, "takeUp", () => () => undefined),
  },
  "a record of windows is appended twice": {
    seed: 2,
    plant: () =>
      plant(
        MemoryLog.prototype,
        "append",
        (original) =>
          function (this: MemoryLog, entry) {
            void original.call(this, entry).catch(() => undefined);
            return original.call(this, entry);
          },
      ),
  },
  "what windows have is not told to intake": {
    seed: 5,
    plant: () =>
      plant(
        HistoryJournal.prototype,
        "takeUp",
        (original) =>
          function (this: HistoryJournal, agent, slot) {
            original.call(this, agent, slot, () => undefined);
          },
      ),
  },
  "events that come again are counted again": {
    seed: 37,
    plant: () => plant(HistoryJournal.prototype, "takeEventMark", () => () => undefined),
  },
  "the journal of windows is trimmed a segment too early": {
    seed: 19,
    plant: () =>
      plant(
        MemoryLog.prototype,
        "trim",
        (original) =>
          function (this: MemoryLog, segment) {
            return original.call(this, segment + 1);
          },
      ),
  },
  "an agent that has left stays in the journal of windows": {
    seed: 115,
    plant: () => plant(Histories.prototype, "hasLeft", () => () => false),
  },
  "how far parts had come that are away is not told once more": {
    seed: 59,
    plant: () =>
      plant(
        Histories.prototype,
        "write",
        (original) =>
          function (this: Histories, slot, into, partTime, awaited) {
            return original.call(this, slot, into, partTime, awaited === undefined ? awaited : []);
          },
      ),
  },
  "what was applied is forgotten when the node places a clock anew": {
    seed: 167,
    plant: () => plant(SessionIntake.prototype, "goOnAnew", () => () => undefined),
  },
  "what was applied is forgotten in a part's next session": {
    seed: 569,
    plant: () => plant(SessionIntake.prototype, "follow", () => () => undefined),
  },
};
