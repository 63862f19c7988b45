import { formatDuration } from "@myelin/core/clock";
import type { JsonObject } from "@myelin/core/json";
import type { RulePlan } from "@myelin/core/rules";
import type {
  Expectation,
  ExpectedInstruction,
  FilePlace,
  RuleTest,
  RuleTestSettings,
} from "@myelin/core/rule-tests";
import { type Excerpt, excerptOf, filledIn } from "./excerpt.ts";
import { type Input, inputsOf } from "./inputs.ts";
import { difference } from "./match.ts";
import { type Given, Stage } from "./stage.ts";

/** An expectation that was not met. */
export interface Failure {
  /** Where the expectation stands. */
  readonly line: number;
  readonly column: number;
  /** When it was looked at, microseconds from the test's beginning. */
  readonly atUs: number;
  /** What was expected, and what was there instead, a line each. */
  readonly expected: readonly string[];
  readonly actual: readonly string[];
  /** The series around the moment; undefined where it is about no agent. */
  readonly excerpt: Excerpt | undefined;
}

/** What became of a test. */
export interface RuleTestOutcome {
  readonly name: string;
  readonly line: number;
  readonly failures: readonly Failure[];
}

/** Where an expectation goes wrong: the rule, the agent and the instant to show. */
interface Moment {
  readonly rule: string | undefined;
  readonly agent: string | undefined;
  readonly atUs: number;
}

type Found = Omit<Failure, "excerpt"> & { readonly moment: Moment };

/** Runs a test against rules. The names in it must be of rules and agents that there are. */
export function runRuleTest(
  test: RuleTest,
  rules: readonly RulePlan[],
  settings: RuleTestSettings = {},
): RuleTestOutcome {
  const expectations = test.expectations.toSorted((a, b) => a.atUs - b.atUs);
  const inputs = inputsOf(test, expectations.at(-1)?.atUs ?? 0);
  const stage = new Stage(rules, test, settings);
  const run = new Run(stage, inputs);
  const found = expectations.flatMap((expectation): Found[] => {
    run.to(expectation.atUs);
    return [...statesFound(expectation, stage), ...instructionsFound(expectation, stage)];
  });
  const drafts = found.map(({ moment: { rule, agent, atUs } }) => {
    const plan = rule === undefined ? undefined : stage.rules.planAt(rule, atUs);
    if (plan === undefined || agent === undefined) return undefined;
    return excerptOf(plan, agent, atUs, inputs, stage.turns);
  });
  const present = drafts.filter((draft) => draft !== undefined);
  // It all happens once more: what functions gave at an instant is not known later.
  const again = new Run(new Stage(rules, test, settings), inputs);
  const excerpts = filledIn(present, ({ functions, agent }, atUs) => {
    if (functions.length === 0) return [];
    again.to(atUs);
    return again.stage.resultsOf(functions, agent);
  });
  const failures = found.map(({ moment: _, ...failure }, index): Failure => {
    const draft = drafts[index];
    return { ...failure, excerpt: draft && excerpts.get(draft) };
  });
  const inPlace = failures.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { name: test.name, line: test.line, failures: inPlace };
}

/** A stage, told inputs in the course of time. */
class Run {
  readonly stage: Stage;
  readonly #inputs: readonly Input[];
  #told = 0;

  constructor(stage: Stage, inputs: readonly Input[]) {
    this.stage = stage;
    this.#inputs = inputs;
  }

  /** Lets all happen up to an instant. */
  to(atUs: number): void {
    for (; (this.#inputs[this.#told]?.atUs ?? Number.POSITIVE_INFINITY) <= atUs; this.#told += 1)
      this.stage.tell(this.#inputs[this.#told] as Input);
    this.stage.passTo(atUs);
  }
}

function statesFound({ atUs, states }: Expectation, stage: Stage): Found[] {
  return states.flatMap(({ rule, agent, state, line, column }): Found[] => {
    const actual = stage.state(rule, agent);
    if (actual === state) return [];
    const subject = `rule ${rule}, agent ${agent}`;
    return [
      {
        ...{ line, column, atUs },
        expected: [`${subject}: ${state}`],
        actual: [`${subject}: ${actual ?? "the agent is not there"}`],
        moment: { rule, agent, atUs },
      },
    ];
  });
}

function instructionsFound(expectation: Expectation, stage: Stage): Found[] {
  const { atUs, rule, agent, instructions, line, column } = expectation;
  if (instructions === undefined) return [];
  const own = stage.given.filter(
    (given) => (rule ?? given.rule) === given.rule && (agent ?? given.agent) === given.agent,
  );
  const { missing, others } = difference(instructions, own);
  if (missing.length + others.length === 0) return [];
  const place: Pick<FilePlace, "line" | "column"> = missing[0] ?? { line, column };
  const moment = momentOf(expectation, missing[0], others[0]);
  return [
    {
      ...{ line: place.line, column: place.column, atUs },
      expected: instructions.map((item) => marked(missing.includes(item), textOf(item))),
      actual: own.map((given) => marked(others.includes(given), textOf(given))),
      moment,
    },
  ];
}

function momentOf(
  expectation: Expectation,
  missing: ExpectedInstruction | undefined,
  other: Given | undefined,
): Moment {
  return {
    rule: missing?.rule ?? expectation.rule ?? other?.rule,
    agent: missing?.agent ?? expectation.agent ?? other?.agent,
    atUs: missing?.atUs ?? other?.atUs ?? expectation.atUs,
  };
}

/** What fits nothing on the other side stands out. */
function marked(isLeft: boolean, text: string): string {
  return `${isLeft ? "*" : " "} ${text}`;
}

/** What is known of an instruction, in the order of the file's keys. */
function textOf(instruction: {
  readonly rule: string | undefined;
  readonly agent: string | undefined;
  readonly action: string | undefined;
  readonly args: JsonObject | undefined;
  readonly atUs: number | undefined;
  readonly attempt: number | undefined;
  readonly mode: string;
}): string {
  const { rule, agent, action, args, atUs, attempt, mode } = instruction;
  const parts = [
    rule,
    agent === undefined ? undefined : `-> ${agent}`,
    action,
    args === undefined ? undefined : JSON.stringify(args),
    atUs === undefined ? undefined : `at ${formatDuration(atUs)}`,
    attempt === undefined || attempt === 1 ? undefined : `attempt ${attempt}`,
    mode === "sent" ? undefined : mode,
  ];
  return parts.filter((part) => part !== undefined).join(" ") || "an instruction";
}
