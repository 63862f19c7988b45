/** Faults planted into node and SDK, one at a time: a simulation that does not notice them checks nothing. */
import { PeerTime } from "@myelin/core/clock";
import { Attachment } from "../../../packages/agent/src/connection/attachment.ts";
import { AgentClock } from "../../../packages/agent/src/time/index.ts";
import { Engine } from "../../../packages/node/src/engine/index.ts";
import { EpisodeJournal } from "../../../packages/node/src/episodes/index.ts";
import { Ledger } from "../../../packages/node/src/ledger/index.ts";
import { Reception } from "../../../packages/node/src/session/reception.ts";
import { SessionIntake } from "../../../packages/node/src/ingest/session-intake.ts";

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
    seed: 1,
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
    plant: () => plant(EpisodeJournal.prototype, "takeUp", () => () => []),
  },
  "samples that come again are applied again": {
    seed: 1,
    plant: () => plant(SessionIntake.prototype, "goOn", () => () => undefined),
  },
  "what is sent is not kept": {
    seed: 1,
    plant: () => plant(EpisodeJournal.prototype, "sent", () => () => undefined),
  },
  "rules do not wait for the other parts": {
    seed: 1,
    plant: () => plant(Engine.prototype, "hold", () => () => undefined),
  },
  "the SDK passes over a step of its clock when it greets": {
    seed: 1,
    plant: () =>
      plant(
        Attachment.prototype,
        "greet",
        (original) =>
          function (this: Attachment, channel) {
            using _ = plant(AgentClock.prototype, "check", () => () => 0);
            original.call(this, channel);
          },
      ),
  },
  "the node passes over a step of a clock at a greeting": {
    seed: 1,
    plant: () =>
      plant(
        Reception.prototype,
        "admit",
        (original) =>
          function (this: Reception, ...given) {
            using _ = plant(PeerTime.prototype, "reset", () => () => undefined);
            original.apply(this, given);
          },
      ),
  },
  "an agent may forget what the ledger has dropped": {
    seed: 1,
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
