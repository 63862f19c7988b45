import type { PlantedFault } from "./plant.ts";

const runtime = "node/src/engine/rule-runtime.ts";
const evaluator = "node/src/engine/evaluator.ts";
const engine = "node/src/engine/engine.ts";
const breaker = "node/src/engine/breaker.ts";

/** Faults of cooldowns, attempts, limits and modes. */
export const instructionFaults: Readonly<Record<string, PlantedFault>> = {
  "a cooldown is forgotten at an update": {
    pair: 55,
    edits: [{ file: runtime, find: "this.#episodes = former.#episodes;", by: "" }],
  },
  "a cooldown is forgotten when its agent leaves": {
    pair: 72,
    edits: [{ file: engine, find: "this.#departed.put(agent, cooldowns);", by: "" }],
  },
  "a cooldown in shadow waits for an end": {
    pair: 17,
    edits: [
      { file: runtime, find: "isHeldBack ? atUs + cooldownUs", by: "false ? atUs + cooldownUs" },
    ],
  },
  "an instruction of an earlier episode ends the cooldown of the present one": {
    pair: 46,
    edits: [
      {
        file: runtime,
        find: "page.emittedStartUs[cell] === startedAtUs && page.attempts[cell] === attempt",
        by: "startedAtUs > 0",
      },
    ],
  },
  "attempts have no bound": {
    pair: 0,
    edits: [{ file: runtime, find: " && attempts < this.plan.attempts", by: "" }],
  },
  "another attempt does not wait for the cooldown": {
    pair: 303,
    edits: [
      {
        file: runtime,
        find: "if (!mayRetry || atUs < (page.cooldownUntilUs[cell] as number)) return",
        by: "if (!mayRetry) return",
      },
    ],
  },
  "a breaker lets one firing too many pass": {
    pair: 6,
    edits: [
      {
        file: breaker,
        find: "kept < count ? never",
        by: "kept <= count ? never",
      },
    ],
  },
  "a breaker stays open though it was quiet": {
    pair: 31,
    edits: [
      {
        file: breaker,
        find: "return this.#latestUs + this.#limit.perUs;",
        by: "return this.#latestUs + 2 * this.#limit.perUs;",
      },
    ],
  },
  "what a breaker stops waits for its end": {
    pair: 31,
    edits: [
      {
        file: evaluator,
        find: "rule.emitted(slot, atUs, isShadow || isSuppressed, isSuppressed)",
        by: "rule.emitted(slot, atUs, isShadow, isSuppressed)",
      },
    ],
  },
  "a rule in shadow acts": {
    pair: 1,
    edits: [
      {
        file: evaluator,
        find: 'plan.mode === "shadow" || !this.isEnforcing',
        by: "!this.isEnforcing",
      },
    ],
  },
  "low scores come first": {
    pair: 17,
    edits: [
      { file: "node/src/engine/outbox.ts", find: "b.score - a.score", by: "a.score - b.score" },
    ],
  },
};
