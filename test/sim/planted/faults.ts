/** Faults planted into node and SDK, one at a time: a simulation that does not notice them checks nothing. */
import { Engine } from "../../../packages/node/src/engine/index.ts";
import { EpisodeJournal } from "../../../packages/node/src/episodes/index.ts";
import { Ledger } from "../../../packages/node/src/ledger/index.ts";

/** Replaces a method until the end of the block. */
function plant<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  fault: (original: Class[Name]) => Class[Name],
): Disposable {
  const original = prototype[name];
  prototype[name] = fault(original);
  return {
    [Symbol.dispose]: () => {
      prototype[name] = original;
    },
  };
}

/** A fault, and a seed that shows it; a change of the simulated world may ask for another. */
export interface PlantedFault {
  readonly seed: number;
  readonly plant: () => Disposable;
}

/** By what is wrong. */
export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  "an episode is reinstated with another start": {
    seed: 21,
    plant: () =>
      plant(
        Engine.prototype,
        "reinstate",
        (original) =>
          function (this: Engine, slot, episode, how) {
            return original.call(
              this,
              slot,
              { ...episode, startedAtUs: episode.startedAtUs + 1 },
              how,
            );
          },
      ),
  },
  "episodes on disk are not reinstated": {
    seed: 1,
    plant: () =>
      plant(EpisodeJournal.prototype, "takeUp", () => () => ({ episodes: [], pending: [] })),
  },
  "samples that come again are applied again": {
    seed: 137,
    plant: () => plant(EpisodeJournal.prototype, "takeMark", () => () => undefined),
  },
  "an agent may forget what the ledger has dropped": {
    seed: 12,
    plant: () =>
      plant(
        Ledger.prototype,
        "account",
        (original) =>
          function (this: Ledger, instruction) {
            const account = original.call(this, instruction);
            return { ...account, isOnDisk: account.isOnDisk.then(() => true) };
          },
      ),
  },
};
