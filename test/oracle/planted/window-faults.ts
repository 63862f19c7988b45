import type { PlantedFault } from "./plant.ts";

const windows = "node/src/engine/windows";
const readings = "node/src/engine/readings.ts";

/** Faults of windows, fleets and groups. */
export const windowFaults: Readonly<Record<string, PlantedFault>> = {
  "a window is open on the wrong side": {
    pair: 124,
    edits: [
      {
        file: `${windows}/aggregate-window.ts`,
        find: "log.timeUs(slot, head) <= edgeUs) head += 1;",
        by: "log.timeUs(slot, head) < edgeUs) head += 1;",
      },
    ],
  },
  "NaN enters windows": {
    pair: 38,
    edits: [{ file: `${windows}/series-log.ts`, find: "if (value !== value) return;", by: "" }],
  },
  "a sample of a former time line is put at the end of its window": {
    pair: 54,
    edits: [
      {
        file: `${windows}/series-log.ts`,
        find: "if (timeUs < newestUs) this.#insert(slot, end, timeUs, value);\n    else this.#write",
        by: "this.#write",
      },
    ],
  },
  "a queue drops a sample when it turns over": {
    pair: 24,
    edits: [
      {
        file: `${windows}/aggregate-window.ts`,
        find: "for (let number = end - 2; number >= head; number -= 1) {\n      at -= cells;",
        by: "for (let number = end - 2; number >= head; number -= 1) {\n      at -= cells;\n      if (number === end - 2) { one(front, at, log.timeUs(slot, number), log.value(slot, number)); continue; }",
      },
    ],
  },
  "a window never passes to buckets": {
    pair: 982,
    edits: [
      {
        file: `${windows}/window-span.ts`,
        find: "return this.#reachesBeyondBound(slot, nowUs - this.widthUs);",
        by: "return false;",
      },
    ],
  },
  "a window passes to buckets a sample too early": {
    pair: 508,
    edits: [{ file: `${windows}/window-span.ts`, find: "- log.bound - 1;", by: "- log.bound;" }],
  },
  "a bucket leaves too early": {
    pair: 773,
    edits: [{ file: `${windows}/buckets.ts`, find: "/ widthUs) + 1;", by: "/ widthUs) + 2;" }],
  },
  "the rank of a quantile is off by one": {
    pair: 62,
    edits: [
      {
        file: `${windows}/quantile-window.ts`,
        find: "const rank = quantile * (count - 1);",
        by: "const rank = Math.max(0, quantile * count - 1);",
      },
    ],
  },
  "the sketch is never used": {
    pair: 998,
    edits: [
      {
        file: `${windows}/quantile-window.ts`,
        find: "if (this.span.isBeyondBound(slot, nowUs))",
        by: "if (false)",
      },
    ],
  },
  "a counter's restart is not seen": {
    pair: 274,
    edits: [{ file: `${windows}/aggregate.ts`, find: "if (after >= before)\n", by: "if (true)\n" }],
  },
  "the deviation is a sample's": {
    pair: 137,
    edits: [
      {
        file: `${windows}/functions.ts`,
        find: "ratio(high, cells[at + 4] as number, cells[at] as number, 0, 1)",
        by: "ratio(high, cells[at + 4] as number, (cells[at] as number) - 1, 0, 1)",
      },
    ],
  },
  "windows begin anew at an update": {
    pair: 1,
    edits: [
      {
        file: readings,
        find: "const known = this.#held.spans.get(key) ?? before.spans.get(key);",
        by: "const known = this.#held.spans.get(key);",
      },
      {
        file: readings,
        find: "(this.#held.windows.get(key) ?? before.windows.get(key))",
        by: "this.#held.windows.get(key)",
      },
    ],
  },
  "an infinity leaves a trace in a fleet": {
    pair: 85,
    edits: [
      {
        file: "node/src/engine/fleet/exact-sum.ts",
        find: "if (value > 0) this.#positiveInfinities += sign;",
        by: "if (value > 0) this.#positiveInfinities += Math.max(sign, 0);",
      },
    ],
  },
  "a value is stale in a fleet a microsecond too early": {
    pair: 14,
    edits: [
      {
        file: "node/src/engine/fleet/fleet-metric.ts",
        find: "const horizonUs = nowUs - this.#staleAfterUs;",
        by: "const horizonUs = nowUs - this.#staleAfterUs + 1;",
      },
    ],
  },
  "a value that was stale for another agent stays out of a fleet": {
    pair: 521,
    edits: [
      {
        file: "node/src/engine/fleet/fleet-metric.ts",
        find: "while (-this.#stale.firstKey >= horizonUs) {",
        by: "while (false) {",
      },
    ],
  },
  "a change of the label moves no value to another group": {
    pair: 89,
    edits: [
      {
        file: readings,
        find: "for (const fleet of this.#held.fleets.values()) fleet.leaveGroups(slot);",
        by: "",
      },
      {
        file: readings,
        find: "for (const fleet of this.#held.fleets.values()) fleet.enterGroups(slot);",
        by: "",
      },
    ],
  },
  "NaN counts in a fleet as the value before it": {
    pair: 1,
    edits: [
      {
        file: "node/src/engine/fleet/fleet-metric.ts",
        find: "if (value !== value) {\n      this.#takeOut(slot);\n      return;",
        by: "if (value !== value) {\n      return;",
      },
    ],
  },
  "windows are empty after a restart": {
    pair: 29,
    edits: [
      {
        file: "node/src/engine/histories.ts",
        find: "log.load(slot, from);\n    if (!isAll)",
        by: "if (isAll)",
      },
    ],
  },
};
