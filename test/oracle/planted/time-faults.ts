import type { PlantedFault } from "./plant.ts";

const applier = "node/src/engine/applier.ts";
const calm = "node/src/engine/calm-frames.ts";
const evaluator = "node/src/engine/evaluator.ts";
const engine = "node/src/engine/engine.ts";
const timers = "node/src/engine/rule-timers.ts";

/** Faults of time: what is late, what comes first, and what is due. */
export const timeFaults: Readonly<Record<string, PlantedFault>> = {
  "a late sample is applied": {
    pair: 0,
    edits: [
      {
        file: applier,
        find: "while (from < end && (timesUs[from] as number) < newestUs) from += 1;",
        by: "",
      },
    ],
  },
  "a sample of the newest instant is late": {
    pair: 1,
    edits: [
      {
        file: applier,
        find: "(timesUs[from] as number) < newestUs) from",
        by: "(timesUs[from] as number) <= newestUs) from",
      },
    ],
  },
  "a sample behind another part's is applied": {
    pair: 0,
    edits: [
      {
        file: applier,
        find: "if (writer === part || writer === noPart) return true;",
        by: "return true;",
      },
    ],
  },
  "a sample from far ahead is applied": {
    pair: 0,
    edits: [
      {
        file: applier,
        find: "while (end > 0 && !((timesUs[end - 1] as number) <= limitUs)) end -= 1;",
        by: "",
      },
    ],
  },
  "of two samples of one instant the first is the value": {
    pair: 6,
    edits: [
      {
        file: applier,
        find: "column.values[slot] = value;",
        by: "if (timeUs !== column.timesUs[slot]) column.values[slot] = value;",
      },
    ],
  },
  "a frame is one evaluation": {
    pair: 1,
    edits: [
      { file: applier, find: "if ((timesUs[end - 1] as number) > sampleUs) {", by: "if (false) {" },
    ],
  },
  "an agent's time goes back": {
    pair: 3,
    edits: [{ file: calm, find: "if (atUs >= presentUs) return atUs;", by: "return atUs;" }],
  },
  "two evaluations behind the agent's time share an instant": {
    pair: 24,
    edits: [
      {
        file: calm,
        find: "return evaluatedUs === presentUs ? presentUs + 1 : presentUs;",
        by: "return presentUs;",
      },
    ],
  },
  "a rule is passed over though a value is at the edge of what it asks for": {
    pair: 1,
    edits: [
      {
        file: applier,
        find: "value > (readerHighs[reader] as number)",
        by: "value >= (readerHighs[reader] as number)",
      },
    ],
  },
  "a rule is passed over though it is not inactive": {
    pair: 58,
    edits: [
      {
        file: applier,
        find: /if \(isOutside && .*\) \{/,
        by: "if (isOutside) {",
      },
    ],
  },
  "an evaluation that is passed over does not count": {
    pair: 1770,
    edits: [
      {
        file: applier,
        find: "else if (this.#passedCount > 0) agents.evaluatedUs[slot] = instantUs;",
        by: "",
      },
    ],
  },
  "a frame is calm though a rule is pending or firing": {
    pair: 58,
    edits: [{ file: calm, find: "agents.busyRules[slot] !== 0 || ", by: "" }],
  },
  "an instant is calm though a value is at the edge of what a rule asks for": {
    pair: 167,
    edits: [
      {
        file: calm,
        find: "value > (highs[metric] as number))) return false;\n      const {",
        by: "value >= (highs[metric] as number))) return false;\n      const {",
      },
    ],
  },
  "a frame is calm though a value is at the edge of what a rule asks for": {
    pair: 152,
    edits: [
      {
        file: calm,
        find: "value > (highs[metric] as number))) return false;\n      if (",
        by: "value >= (highs[metric] as number))) return false;\n      if (",
      },
    ],
  },
  "an instant is calm though another part is ahead": {
    pair: 17,
    edits: [
      {
        file: calm,
        find: "slot < seriesUs.length && sampleUs >= (seriesUs[slot] as number)",
        by: "slot < seriesUs.length && !Number.isNaN(seriesUs[slot])",
      },
    ],
  },
  "a frame is calm though another part is ahead": {
    pair: 17,
    edits: [{ file: calm, find: "if (sampleUs < seriesUs) return false;", by: "" }],
  },
  "an instant is calm though something is due before it": {
    pair: 24,
    edits: [
      {
        file: calm,
        find: "if (this.#evaluator.isDueBefore(slot, instantUs)) return false;",
        by: "",
      },
    ],
  },
  "a frame is calm though something is due before it": {
    pair: 50,
    edits: [
      {
        file: calm,
        find: "if (this.#evaluator.isDueBefore(slot, presentUs)) return false;",
        by: "",
      },
    ],
  },
  "a calm instant does not move the agent's time": {
    pair: 17,
    edits: [{ file: calm, find: "presentUs[slot] = instantUs;", by: "" }],
  },
  "of a calm frame the first sample of a metric is the value": {
    pair: 13,
    edits: [{ file: calm, find: "if (frames[metric] === frame) continue;", by: "" }],
  },
  "what is due before a sample comes behind it": {
    pair: 1,
    edits: [
      {
        file: applier,
        find: "if (\n        evaluator.isDueBefore(slot, instantUs) &&\n        evaluator.runTimersBefore(slot, instantUs, nowUs)\n      )\n        continue;",
        by: "",
      },
    ],
  },
  "timers are rounded down": {
    pair: 0,
    edits: [
      {
        file: "node/src/engine/timer-heap.ts",
        find: "Math.ceil(atUs / resolutionUs)",
        by: "Math.floor(atUs / resolutionUs)",
      },
    ],
  },
  "absence counts from a last sample only": {
    pair: 4,
    edits: [{ file: timers, find: /return lastUs > (\w+) \? lastUs : \w+;/, by: "return lastUs;" }],
  },
  "a pending rule that reads silence is not evaluated when for is over": {
    pair: 0,
    edits: [{ file: timers, find: "if (pendingUs > evaluatedUs) nextUs = pendingUs;", by: "" }],
  },
  "absence is not looked at when a rule comes into force": {
    pair: 6,
    edits: [
      {
        file: engine,
        find: "for (const rule of silent) if (!rule.isOff) this.#evaluator.note(rule);",
        by: "",
      },
    ],
  },
  "a time line that has ended goes on": {
    pair: 39,
    edits: [{ file: engine, find: "column.writers[slot] = noPart;", by: "continue;" }],
  },
  "what a former agent sent stays in its slot": {
    pair: 11,
    edits: [
      {
        file: engine,
        find: "for (const index of this.#agents.series[slot] ?? []) this.#columns.all[index]?.clear(slot);",
        by: "",
      },
    ],
  },
  "a rule that was noted is not evaluated for a new agent's attributes": {
    pair: 0,
    edits: [
      {
        file: evaluator,
        find: "for (const rule of this.#rules.attributeReaders) this.note(rule);",
        by: "",
      },
    ],
  },
  "silence counts from before a restart": {
    pair: 6,
    edits: [{ file: engine, find: "this.#agents.restartedUs = atUs;", by: "" }],
  },
};
