/** Runs one pair of rules and stream through the engine and the oracle, and says where they first differ. */
import assert from "node:assert/strict";
import type { RuleSource } from "@myelin/core/rules";
import fc, { type RunDetails } from "fast-check";
import type { Engine } from "../../../packages/node/src/engine/index.ts";
import { defaultOracleSettings, type Happening, type OracleSettings } from "../history.ts";
import { Oracle } from "../oracle.ts";
import { EngineUnderTest } from "./engine-under-test.ts";
import type { Feature } from "./features.ts";
import { addOccurrences, PairObserver } from "./occurrences.ts";
import { ruleSets, type Step, Story, steps } from "./streams.ts";

const longestStream = 80;
/** Values go stale, and with some windows pass to buckets and back. */
const settings: fc.Arbitrary<OracleSettings> = fc
  .constantFrom(2, 6, 1_024, 1_024)
  .map((windowSamples) => ({ ...defaultOracleSettings, windowSamples, staleAfterUs: 4_000_000 }));

/** Rules and what happens under them. */
export type Pair = [rules: readonly RuleSource[], stream: Step[], settings: OracleSettings];

/** How many pairs to run, and of what. */
export interface DifferentialOptions {
  readonly features: readonly Feature[];
  readonly runs: number;
  readonly seed?: number;
  /** For how long samples wait for older ones; not at all unless given. */
  readonly latenessUs?: number;
  /** An engine that decides otherwise, where that is to be noticed. */
  readonly Made?: typeof Engine;
  /** The first pair of the seed's that is run. */
  readonly from?: number;
  /** Whether a pair that fails is left as it is. */
  readonly isUnshrunk?: boolean;
  /** In how many pairs something occurred is added to these. */
  readonly occurrences?: Map<string, number>;
}

/** Runs random pairs; one that fails is shrunk, and told with its seed. */
export function checkDifferential(options: DifferentialOptions): RunDetails<Pair> {
  const { features, runs, seed, latenessUs = 0, Made, from, occurrences } = options;
  const { isUnshrunk = false } = options;
  const chosen = new Set(features);
  return fc.check(
    fc.property(
      ruleSets(chosen),
      fc.array(steps(chosen), { maxLength: longestStream, size: "max" }),
      settings,
      (rules, stream, chosenSettings) =>
        comparePair([rules, stream, { ...chosenSettings, latenessUs }], Made, occurrences),
    ),
    {
      numRuns: runs,
      endOnFailure: isUnshrunk,
      ...(seed === undefined ? {} : { seed }),
      ...(from === undefined ? {} : { path: String(from) }),
    },
  );
}

/** @throws AssertionError at the first input after which the two differ */
function comparePair(
  [rules, stream, chosen]: Readonly<Pair>,
  Made: typeof Engine | undefined,
  occurrences: Map<string, number> | undefined,
): void {
  const oracle = new Oracle(chosen);
  const engine = new EngineUnderTest(chosen, Made);
  const story = new Story();
  const observer = new PairObserver();
  // Into buckets the engine takes what is put behind a newest sample as if it came with that: of new time lines only.
  const isExact = chosen.windowSamples === defaultOracleSettings.windowSamples;
  const told = stream.filter(({ kind }) => isExact || kind !== "line");
  for (const each of [{ kind: "rules", rules } as const, ...told]) {
    const step = chosen.latenessUs > 0 ? unlimited(each) : each;
    for (const input of story.inputsOf(step, oracle.happenings)) {
      const from = oracle.happenings.length;
      oracle.tell(input);
      engine.tell(input);
      observer.input(input);
      compareAfter(input, oracle, engine, from, story);
    }
  }
  observer.happenings(oracle.happenings);
  observer.counters(oracle.late, oracle.future);
  if (occurrences !== undefined) addOccurrences(occurrences, observer.seen);
}

/** Which agent's samples are let go first is not said where they wait, so what is counted over agents may differ. */
function unlimited(step: Step): Step {
  if (step.kind !== "rules") return step;
  return { ...step, rules: step.rules.map(({ limit: _, ...rest }) => rest) };
}

function compareAfter(
  input: object,
  oracle: Oracle,
  engine: EngineUnderTest,
  from: number,
  story: Story,
): void {
  // Most inputs come to nothing: so much is cheap to tell.
  const isQuiet = engine.happenings.length === from && oracle.happenings.length === from;
  const what = (): string => JSON.stringify(input);
  if (!isQuiet)
    assert.deepEqual(
      inOrder(engine.happenings.slice(from)),
      inOrder(oracle.happenings.slice(from)),
      what(),
    );
  for (const agent of story.present) {
    const [told, expected] = [engine.states(agent), oracle.states(agent)];
    const isSame =
      told.length === expected.length &&
      told.every(([name, state], at) => expected[at]?.[0] === name && expected[at][1] === state);
    if (!isSame) assert.deepEqual(told, expected, `${agent} after ${what()}`);
  }
  if (engine.late !== oracle.late || engine.future !== oracle.future)
    assert.deepEqual([engine.late, engine.future], [oracle.late, oracle.future], what());
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
