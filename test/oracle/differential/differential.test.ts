import { test } from "node:test";
import { runDifferential } from "./compare.ts";
import { executedFeatures } from "./features.ts";

test("the engine decides what the oracle decides, on random rules and streams", () => {
  runDifferential({ features: executedFeatures, runs: 1_000 });
});
