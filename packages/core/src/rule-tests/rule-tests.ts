import type { JsonObject } from "../json/index.ts";
import type { AgentAttributes, RulePlan } from "../rules/index.ts";
import type { SeriesValues } from "./series.ts";

/** A place in the file, 1-based. */
export interface FilePlace {
  readonly line: number;
  readonly column: number;
  /** How many code units the piece there has. */
  readonly length: number;
}

/** Another file that this one names, and where it does. */
export interface NamedFile extends FilePlace {
  /** As written: relative to the file of tests. */
  readonly path: string;
}

/** A file of tests as read. Instants are microseconds from a test's beginning. */
export interface RuleTests {
  readonly ruleFiles: readonly NamedFile[];
  /** Rules that stand in the file itself. */
  readonly rules: readonly RulePlan[];
  readonly settings: RuleTestSettings;
  readonly tests: readonly RuleTest[];
}

/** Settings of the node that a rule's meaning depends on; absent: the node's default. */
export interface RuleTestSettings {
  readonly staleAfterUs?: number;
  readonly windowSamples?: number;
  readonly latenessUs?: number;
}

/** One test: what happens at some agents, and what is expected of the rules. */
export interface RuleTest extends FilePlace {
  readonly name: string;
  readonly agents: readonly TestAgent[];
  readonly events: readonly TestEvent[];
  readonly changes: readonly TestChange[];
  readonly ruleChanges: readonly TestRuleChanges[];
  /** In order of time; the node is back from one before the next. */
  readonly restarts: readonly TestRestart[];
  readonly outcomes: readonly TestOutcome[];
  readonly expectations: readonly Expectation[];
}

/** An agent: who it is, when it is there, and its samples. */
export interface TestAgent extends FilePlace {
  readonly attributes: AgentAttributes;
  /** Its state whenever it joins. */
  readonly twin: JsonObject;
  readonly joinsUs: readonly number[];
  readonly leavesUs: readonly number[];
  readonly series: readonly TestSeries[];
}

/** Samples of one metric, the first at `startUs`, then one every `intervalUs`; each comes `delayUs` after its time. */
export interface TestSeries {
  readonly metric: string;
  readonly startUs: number;
  readonly intervalUs: number;
  readonly delayUs: number;
  readonly values: SeriesValues;
}

/** Something that happens at an agent: `times` times, every `everyUs`. */
export interface TestEvent extends FilePlace {
  readonly agent: string;
  readonly atUs: number;
  readonly type: string;
  readonly attrs: JsonObject;
  readonly times: number;
  readonly everyUs: number;
}

/** An agent's state or its attributes change. */
export interface TestChange extends FilePlace {
  readonly agent: string;
  readonly atUs: number;
  /** Merged into its state (RFC 7396: null removes a field). */
  readonly twin: JsonObject | undefined;
  readonly attributes: Partial<Omit<AgentAttributes, "id">>;
}

/** Rules change at an instant, all at once. */
export interface TestRuleChanges extends FilePlace {
  readonly atUs: number;
  readonly rules: readonly TestRuleChange[];
}

/** What changes of one rule. */
export interface TestRuleChange extends FilePlace {
  readonly rule: string;
  /** Merged into the rule as written, field by field: null has the default; undefined: the rule is deleted. */
  readonly fields: JsonObject | undefined;
  /** Where each field stands. */
  readonly places: ReadonlyMap<string, FilePlace>;
}

/** The node stops at an instant, and is back `downUs` later. */
export interface TestRestart extends FilePlace {
  readonly atUs: number;
  readonly downUs: number;
}

export const outcomeStatuses = ["executed", "failed", "rejected", "expired", "canceled"] as const;
/** How an instruction ends. */
export type OutcomeStatus = (typeof outcomeStatuses)[number];

/** How the instructions end that fit; the first that fits counts. What fits none is executed at once. */
export interface TestOutcome extends FilePlace {
  readonly rule: string | undefined;
  readonly agent: string | undefined;
  readonly action: string | undefined;
  /** Which of an episode's instructions, from 1. */
  readonly attempt: number | undefined;
  readonly status: OutcomeStatus;
  /** How long after the instruction. */
  readonly afterUs: number;
}

export const ruleStates = ["inactive", "pending", "firing"] as const;
/** A state of a rule for an agent. */
export type RuleStateName = (typeof ruleStates)[number];

/** What is expected at an instant, when all that happens at it has been seen to. */
export interface Expectation extends FilePlace {
  readonly atUs: number;
  /** Whose states and instructions; instructions of all rules without it. */
  readonly rule: string | undefined;
  /** Whose instructions; those of all agents without it. */
  readonly agent: string | undefined;
  readonly states: readonly ExpectedState[];
  /** All instructions up to this instant, no other; undefined: whatever they are. */
  readonly instructions: readonly ExpectedInstruction[] | undefined;
}

/** A rule's state for one agent. */
export interface ExpectedState extends FilePlace {
  readonly rule: string;
  readonly agent: string;
  readonly state: RuleStateName;
}

export const instructionModes = ["sent", "shadow", "suppressed"] as const;
/** What becomes of what a rule decides: it is sent, or not because of the rule's mode, or of its breaker. */
export type InstructionMode = (typeof instructionModes)[number];

/** An instruction; what is undefined may be anything. */
export interface ExpectedInstruction extends FilePlace {
  readonly rule: string | undefined;
  readonly agent: string | undefined;
  readonly action: string | undefined;
  readonly args: JsonObject | undefined;
  readonly atUs: number | undefined;
  readonly attempt: number | undefined;
  readonly mode: InstructionMode;
}
