/** Runs one pair of rules and stream through the engine and the oracle, and says where they first differ. */
import assert from "node:assert/strict";
import type { RuleSource } from "@myelin/core/rules";
import fc from "fast-check";
import { defaultOracleSettings, type Happening, type OracleSettings } from "../history.ts";
import { Oracle } from "../oracle.ts";
import { EngineUnderTest } from "./engine-under-test.ts";
import type { Feature } from "./features.ts";
import { ruleSets, type Step, Story, steps } from "./streams.ts";

const longestStream = 80;
/** So few that windows pass to buckets, and back. */
const settings: OracleSettings = { ...defaultOracleSettings, windowSamples: 6 };

/** How many pairs to run, and of what. */
export interface DifferentialOptions {
  readonly features: readonly Feature[];
  readonly runs: number;
  readonly seed?: number;
  /** For how long samples wait for older ones; not at all unless given. */
  readonly latenessUs?: number;
}

/** Runs random pairs; one that fails is shrunk, and thrown with its seed. */
export function runDifferential({
  features,
  runs,
  seed,
  latenessUs = 0,
}: DifferentialOptions): void {
  const chosen = new Set(features);
  fc.assert(
    fc.property(
      ruleSets(chosen),
      fc.array(steps(chosen), { maxLength: longestStream, size: "max" }),
      (rules, stream) => comparePair(rules, stream, { ...settings, latenessUs }),
    ),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
}

/** @throws AssertionError at the first input after which the two differ */
function comparePair(
  rules: readonly RuleSource[],
  stream: readonly Step[],
  around: OracleSettings,
): void {
  const oracle = new Oracle(around);
  const engine = new EngineUnderTest(around);
  const story = new Story();
  for (const step of [{ kind: "rules", rules } as const, ...stream]) {
    for (const input of story.inputsOf(step, oracle.happenings)) {
      const from = oracle.happenings.length;
      oracle.tell(input);
      engine.tell(input);
      const what = JSON.stringify(input);
      assert.deepEqual(
        inOrder(engine.happenings.slice(from)),
        inOrder(oracle.happenings.slice(from)),
        what,
      );
      for (const agent of story.present)
        assert.deepEqual(engine.states(agent), oracle.states(agent), `${agent} after ${what}`);
      assert.deepEqual([engine.late, engine.future], [oracle.late, oracle.future], what);
    }
  }
}

/** Firings of one agent and instant in their order; among the rest of one input there is none. */
function inOrder(happenings: readonly Happening[]): readonly Happening[] {
  const place = (happening: Happening): string => {
    if (happening.kind === "breaker") return `breaker ${happening.rule}`;
    const { kind, agent, atUs } = happening;
    return `${kind} ${agent} ${atUs} ${kind === "ends" ? happening.rule : ""}`;
  };
  return happenings.toSorted((a, b) => {
    const [left, right] = [place(a), place(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
}
