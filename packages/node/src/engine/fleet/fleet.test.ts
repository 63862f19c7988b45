import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FleetFunction } from "@myelin/core/rules";
import fc from "fast-check";
import { exactSum } from "../test-exact.ts";
import { ExactSum } from "./exact-sum.ts";
import { Division, FleetMetric } from "./index.ts";

const functions: readonly FleetFunction[] = ["avg", "sum", "min", "max", "count"];
const slots = 4;
const staleAfterUs = 30;
const number = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.constantFrom(1e300, -1e300, 5e-324, 1e-300, Infinity, -Infinity, Number.NaN),
);

type Step =
  | {
      readonly kind: "sample";
      readonly slot: number;
      readonly gapUs: number;
      readonly value: number;
    }
  | { readonly kind: "label"; readonly slot: number; readonly label: string | undefined }
  | { readonly kind: "leave"; readonly slot: number }
  | { readonly kind: "read"; readonly slot: number; readonly afterUs: number };

const slot = fc.integer({ min: 0, max: slots - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("sample" as const),
      slot,
      gapUs: fc.integer({ min: -5, max: 10 }),
      value: number,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("label" as const),
      slot,
      label: fc.constantFrom("a", "b", undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), slot }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      slot,
      afterUs: fc.integer({ min: -20, max: 60 }),
    }),
  },
);

/** Infinities have a sum if they are of one sign. */
function sum(values: readonly number[]): number {
  const infinities = values.filter((value) => !Number.isFinite(value));
  return infinities.length > 0 ? infinities.reduce((a, b) => a + b) : exactSum(values);
}

function naive(name: FleetFunction, values: readonly number[]): number {
  if (name === "count") return values.length;
  if (values.length === 0) return Number.NaN;
  if (name === "min") return Math.min(...values);
  if (name === "max") return Math.max(...values);
  return name === "sum" ? sum(values) : sum(values) / values.length;
}

describe("the aggregates of a fleet and its groups", () => {
  test("are what comes of all latest values that are not stale, whoever asks when", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const column = {
          values: new Float64Array(slots).fill(Number.NaN),
          timesUs: new Float64Array(slots).fill(Number.NaN),
        };
        const labels: (string | undefined)[] = ["a", "a", "b", undefined];
        const fleet = new FleetMetric(column, staleAfterUs, slots);
        const all = new Division(new Set(functions), slots, () => "");
        const byLabel = new Division(new Set(functions), slots, (each) => labels[each]);
        fleet.add(all);
        let nowUs = 1_000;
        for (const [index, each] of steps.entries()) {
          if (index === 5) fleet.add(byLabel);
          if (each.kind === "sample") {
            nowUs += each.gapUs;
            column.values[each.slot] = each.value;
            column.timesUs[each.slot] = nowUs;
            fleet.sample(each.slot, nowUs, each.value);
          } else if (each.kind === "label") {
            fleet.leaveGroups(each.slot);
            labels[each.slot] = each.label;
            fleet.enterGroups(each.slot);
          } else if (each.kind === "leave") {
            fleet.release(each.slot);
            column.values[each.slot] = Number.NaN;
            column.timesUs[each.slot] = Number.NaN;
          } else if (index > 5) {
            const atUs = nowUs + each.afterUs;
            fleet.settle(atUs);
            const present = [...column.values.keys()].filter(
              (other) =>
                (column.timesUs[other] ?? 0) >= atUs - staleAfterUs &&
                !Number.isNaN(column.values[other]),
            );
            const own = labels[each.slot];
            const group = present.filter((other) => labels[other] === own);
            const valuesOf = (some: readonly number[]): number[] =>
              some.map((other) => column.values[other] as number);
            for (const name of functions) {
              const expected = own === undefined ? Number.NaN : naive(name, valuesOf(group));
              // Adding 0 makes one of both zeros.
              assert.equal(all.read(each.slot, name) + 0, naive(name, valuesOf(present)) + 0, name);
              assert.equal(byLabel.read(each.slot, name) + 0, expected + 0, `${name} of ${own}`);
            }
          }
        }
      }),
    );
  });

  test("sum exactly what is there, whatever was there before", () => {
    fc.assert(
      fc.property(fc.array(number), fc.array(number), (gone, values) => {
        const total = new ExactSum();
        const terms = values.filter((value) => !Number.isNaN(value));
        const others = gone.filter((value) => !Number.isNaN(value));
        for (const value of others) total.add(value);
        for (const value of terms) total.add(value);
        for (const value of others) total.subtract(value);
        assert.equal(total.value + 0, sum(terms) + 0);
      }),
    );
  });

  test("carry on what a million changes leave", () => {
    const total = new ExactSum();
    for (let change = 0; change < 2 ** 21; change += 1) total.add(0.1);
    total.add(1e17);
    for (let change = 0; change < 2 ** 21 - 1; change += 1) total.subtract(0.1);
    assert.equal(total.value, 1e17);
    total.subtract(1e17);
    assert.equal(total.value, 0.1);
  });
});
