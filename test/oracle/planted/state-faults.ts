import type { PlantedFault } from "./plant.ts";

const runtime = "node/src/engine/rule-runtime.ts";
const ruleSet = "node/src/engine/rule-set.ts";
const evaluator = "node/src/engine/evaluator.ts";
const engine = "node/src/engine/engine.ts";
const calls = "core/src/rules/javascript-call.ts";

/** Faults of the states of rules, and of when they are evaluated. */
export const stateFaults: Readonly<Record<string, PlantedFault>> = {
  "since is not set anew after a reset": {
    pair: 1,
    edits: [
      {
        file: runtime,
        find: "if (!isPending) page.sinceUs[cell] = atUs;",
        by: "if (!isPending && !((page.sinceUs[cell] as number) > 0)) page.sinceUs[cell] = atUs;",
      },
    ],
  },
  "for is over a microsecond late": {
    pair: 6,
    edits: [
      {
        file: runtime,
        find: "if (atUs < earliestUs || ",
        by: "if (atUs < earliestUs || (atUs === earliestUs && this.plan.forUs > 0) || ",
      },
    ],
  },
  "false leaves a rule pending": {
    pair: 1,
    edits: [
      {
        file: runtime,
        find: "if (this.states[slot] === PENDING && !this.#isHeld(slot, atUs, condition))",
        by: "if (this.states[slot] === PENDING && condition === UNKNOWN && !this.#isHeld(slot, atUs, condition))",
      },
    ],
  },
  "unknown resets where it is to be held": {
    pair: 99,
    edits: [{ file: runtime, find: 'this.plan.missing === "hold"', by: "false" }],
  },
  "unknown is held where it is to reset": {
    pair: 58,
    edits: [{ file: runtime, find: 'this.plan.missing === "hold"', by: "true" }],
  },
  "unknown ends an episode as false does": {
    pair: 97,
    edits: [
      {
        file: runtime,
        find: "this.linked.resolve(slot) === TRUE : condition === FALSE",
        by: "this.linked.resolve(slot) === TRUE : condition !== TRUE",
      },
    ],
  },
  "unknown is taken for false by a comparison": {
    pair: 33,
    edits: [
      {
        file: calls,
        find: "(${holds}?1:${a.again}${relation.fails}${b.again}?0:2)",
        by: "(${holds}?1:0)",
      },
    ],
  },
  "false && unknown is unknown": {
    pair: 6,
    edits: [
      {
        file: calls,
        find: "const both = `${left.again}===${neutral}||${right.first}===${deciding}`",
        by: "const both = `${left.again}===${neutral}`",
      },
      {
        file: calls,
        find: "(${right.first},${left.again}===${neutral}||${value}===${deciding}?${value}:2))",
        by: "(${right.first},${left.again}===${neutral}?${value}:2))",
      },
    ],
  },
  "resolve is looked at though expr is true": {
    pair: 14,
    edits: [
      {
        file: runtime,
        find: "if (condition === TRUE) return false;\n    return this.linked",
        by: "return this.linked",
      },
    ],
  },
  "keep_firing_for counts from the episode's start": {
    pair: 38,
    edits: [
      {
        file: runtime,
        find: "page.endingSinceUs[cell] = atUs;",
        by: "page.endingSinceUs[cell] = page.sinceUs[cell] as number;",
      },
    ],
  },
  "keep_firing_for goes on counting where the end does not hold": {
    pair: 117,
    edits: [
      {
        file: runtime,
        find: "} else page.endingSinceUs[cell] = Number.NaN;\n    const attempts",
        by: "}\n    const attempts",
      },
    ],
  },
  "unless reads the present state": {
    pair: 38,
    edits: [
      {
        file: runtime,
        find: "page !== undefined && page.changedAtUs[cell] === atUs",
        by: "page !== undefined && false",
      },
    ],
  },
  "where is not looked at again": {
    pair: 26,
    edits: [
      {
        file: engine,
        find: "if (rule.match(slot, evaluationUs)) outbox.ends(rule);",
        by: "rule.sees(slot);",
      },
    ],
  },
  "an attribute evaluates no rule": {
    pair: 27,
    edits: [
      {
        file: engine,
        find: "for (const rule of this.#rules.attributeReaders) this.#evaluator.note(rule);\n    for (const rule of unmatched)",
        by: "\n    for (const rule of unmatched)",
      },
    ],
  },
  "an event goes on after its evaluation": {
    pair: 8,
    edits: [
      {
        file: evaluator,
        find: "if (!isEvent || !rule.plan.isEventRule) continue;",
        by: "continue;",
      },
    ],
  },
  "a change of the rest begins a rule afresh": {
    pair: 11,
    edits: [
      {
        file: ruleSet,
        find: "const isSameMeaning = present?.meaningVersion === version.meaningVersion;",
        by: "const isSameMeaning = false;",
      },
    ],
  },
  "a rule that is switched off fires on": {
    pair: 20,
    edits: [
      {
        file: ruleSet,
        find: "if (wasOff !== present.isOff) present.makeUnseen(nowUs, (slot) => onEnd(present, slot));",
        by: "",
      },
    ],
  },
  "a new meaning takes the state over": {
    pair: 1,
    edits: [
      {
        file: ruleSet,
        find: "present.end(nowUs, (slot) => onEnd(present, slot));\n      this.#byId",
        by: "runtime.states = present.states.slice();\n      this.#byId",
      },
    ],
  },
};
