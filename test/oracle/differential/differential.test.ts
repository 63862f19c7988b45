import assert from "node:assert/strict";
import { test } from "node:test";
import { planRule } from "@myelin/core/rules";
import fc from "fast-check";
import { Oracle } from "../oracle.ts";
import { checkDifferential } from "./compare.ts";
import { allFeatures, executedFeatures, type Feature } from "./features.ts";
import { ruleSets, steps, Story } from "./streams.ts";

test("the engine decides what the oracle decides where samples wait for older ones", () => {
  const features = executedFeatures.filter((feature) => feature !== "fleets");
  const details = checkDifferential({ features, runs: 200, latenessUs: 750_000 });
  assert.ok(!details.failed, fc.defaultReportMessage(details) ?? "");
});

test("random rules of the whole language pass the checker, and the oracle has a meaning for each", () => {
  const features = new Set<Feature>(allFeatures);
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      ruleSets(features),
      fc.array(steps(features), { maxLength: 40, size: "max" }),
      (rules, stream) => {
        const oracle = new Oracle();
        const story = new Story();
        for (const step of [{ kind: "rules", rules } as const, ...stream]) {
          if (step.kind === "rules") {
            for (const rule of step.rules) {
              const { plan, problems } = planRule(rule);
              assert.ok(plan !== undefined, `${rule.expr}: ${JSON.stringify(problems)}`);
            }
          }
          for (const input of story.inputsOf(step, oracle.happenings)) oracle.tell(input);
        }
        for (const happening of oracle.happenings) seen.add(happening.kind);
      },
    ),
    { numRuns: 300 },
  );
  assert.deepEqual([...seen].toSorted(), ["breaker", "ends", "fires"]);
});
