import { createMemoryStore } from "../../../packages/node/src/adapters/memory-store/index.ts";
import { Dispatch } from "../../../packages/node/src/dispatch/index.ts";
import { Engine, PastEpisodes } from "../../../packages/node/src/engine/index.ts";
import { EpisodeJournal } from "../../../packages/node/src/episodes/index.ts";
import { Ledger } from "../../../packages/node/src/ledger/index.ts";
import type { Store } from "../../../packages/node/src/ports/store.ts";
import { Scheduler } from "../../../packages/node/src/scheduler/index.ts";
import { ClockOffset, PeerTime } from "@myelin/core/clock";
import { plant, plantGetter, type PlantedFault } from "./plant.ts";

/** What all stores of the simulation are made of. */
function storePrototype(): Store {
  return Object.getPrototypeOf(createMemoryStore()) as Store;
}

/** Answers a write at once, though it is not synced. */
function unawaited<Arguments extends unknown[]>(
  original: (this: Store, ...given: Arguments) => Promise<void>,
): (this: Store, ...given: Arguments) => Promise<void> {
  return function (...given) {
    original.call(this, ...given).catch(() => undefined);
    return Promise.resolve();
  };
}

/** Faults of the node. */
export const nodeFaults: Readonly<Record<string, PlantedFault>> = {
  "acceptance is told before it is synced": {
    seed: 2,
    plant: () => plant(storePrototype(), "acceptInstructions", unawaited),
  },
  "a recipient is not awaited before it is sent to": {
    seed: 1,
    plant: () => plant(storePrototype(), "updateInstructions", unawaited),
  },
  "an end is told before it is on disk": {
    seed: 1,
    plant: () => plant(Dispatch.prototype, "shown", () => (instruction) => instruction),
  },
  "what waits for an agent is forgotten when it resumes": {
    seed: 1,
    plant: () => plant(Dispatch.prototype, "attached", () => () => undefined),
  },
  "what was open is not taken up after a restart": {
    seed: 2,
    plant: () => plant(Dispatch.prototype, "restore", () => () => true),
  },
  "an idempotency key is forgotten": {
    seed: 1,
    plant: () => plant(storePrototype(), "instructionsByKey", () => () => Promise.resolve([])),
  },
  "the queue of instructions by hand has no bound": {
    seed: 3,
    plant: () => plantGetter(Dispatch.prototype, "openByHandCount", () => 0),
  },
  "what leaves the queue is not delivered now and then": {
    seed: 1,
    plant: () => {
      let count = 0;
      return plant(
        Dispatch.prototype,
        "deliver",
        (original) =>
          function (this: Dispatch, instruction) {
            return ++count % 50 === 0 ? 0 : original.call(this, instruction);
          },
      );
    },
  },
  "every end counts as a failure": {
    seed: 1,
    plant: () =>
      plant(
        Engine.prototype,
        "instructionEnded",
        (original) =>
          function (this: Engine, rule, slot, end) {
            original.call(this, rule, slot, { ...end, succeeded: false });
          },
      ),
  },
  "a rule does not wait as long as it says": {
    seed: 1,
    plant: () =>
      plant(
        Engine.prototype,
        "prepareRules",
        (original) =>
          function (this: Engine, versions) {
            const hasty = versions.map((one) => ({ ...one, plan: { ...one.plan, forUs: 0 } }));
            return original.call(this, hasty);
          },
      ),
  },
  "a rule goes on firing though it should have ended": {
    seed: 1,
    plant: () =>
      plant(
        Engine.prototype,
        "prepareRules",
        (original) =>
          function (this: Engine, versions) {
            const slow = versions.map((one) => ({
              ...one,
              plan: { ...one.plan, keepFiringForUs: one.plan.keepFiringForUs * 100 },
            }));
            return original.call(this, slow);
          },
      ),
  },
  "an application of samples is lost now and then": {
    seed: 1,
    plant: () => {
      let count = 0;
      return plant(
        Engine.prototype,
        "apply",
        (original) =>
          function (this: Engine, ...given) {
            if (++count % 3 > 0) original.apply(this, given);
          },
      );
    },
  },
  "what is queued first leaves last": {
    seed: 102,
    plant: () =>
      plant(
        Scheduler.prototype,
        "push",
        (original) =>
          function (this: Scheduler, instruction) {
            const { createdAtUs } = instruction;
            Object.assign(instruction, { createdAtUs: -createdAtUs });
            original.call(this, instruction);
            Object.assign(instruction, { createdAtUs });
          },
      ),
  },
  "an episode is reinstated with another start": {
    seed: 4,
    plant: () =>
      plant(
        PastEpisodes.prototype,
        "reinstate",
        (original) =>
          function (this: PastEpisodes, slot, episode, how) {
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
    seed: 57,
    plant: () =>
      plant(EpisodeJournal.prototype, "takeUp", () => () => ({ episodes: [], pending: [] })),
  },
  "samples that come again are applied again": {
    seed: 2,
    plant: () => plant(EpisodeJournal.prototype, "takeMark", () => () => undefined),
  },
  "a clock that a slow exchange has told wrong is slewed only": {
    seed: 17,
    plant: () => {
      let isMapping = false;
      const faults = new DisposableStack();
      faults.use(
        plant(
          PeerTime.prototype,
          "toLocalOffsetUs",
          (original) =>
            function (this: PeerTime, ...given) {
              isMapping = true;
              const offsetUs = original.apply(this, given);
              isMapping = false;
              return offsetUs;
            },
        ),
      );
      faults.use(
        plant(
          ClockOffset.prototype,
          "uncertaintyUs",
          (original) =>
            function (this: ClockOffset, nowUs) {
              return isMapping ? Number.POSITIVE_INFINITY : original.call(this, nowUs);
            },
        ),
      );
      return faults;
    },
  },
  "an agent may forget what the ledger has dropped": {
    seed: 46,
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
