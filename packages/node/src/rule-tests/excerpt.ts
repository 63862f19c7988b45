import { formatDuration } from "@myelin/core/clock";
import type { RulePlan } from "@myelin/core/rules";
import type { RuleStateName } from "@myelin/core/rule-tests";
import { type FunctionResult, functionsOf, type RuleFunction } from "./functions.ts";
import type { Input } from "./inputs.ts";
import type { Turn } from "./stage.ts";

/** What a rule was told of an agent around an instant, and its state then. */
export interface Excerpt {
  readonly rule: string;
  readonly agent: string;
  /** Names of the metrics that the rule reads. */
  readonly metrics: readonly string[];
  /** The functions over the past and over other agents that the rule's conditions have, as they stand there; the first six. */
  readonly functions: readonly string[];
  readonly rows: readonly ExcerptRow[];
}

/** One instant. */
export interface ExcerptRow {
  /** Microseconds from the test's beginning. */
  readonly atUs: number;
  /** The instant that it is about. */
  readonly isMoment: boolean;
  /** By metric; undefined where there is no sample. NaN and infinities as texts. */
  readonly values: readonly (number | string | undefined)[];
  /** By function what it gave then; undefined where that is unknown. Infinities as texts. */
  readonly results: readonly FunctionResult[];
  /** What else happened. */
  readonly notes: readonly string[];
  readonly state: RuleStateName;
}

type DraftRow = Omit<ExcerptRow, "results">;

/** An excerpt of which is not known yet what the functions gave. */
export interface ExcerptDraft extends Omit<Excerpt, "functions" | "rows"> {
  readonly functions: readonly RuleFunction[];
  readonly rows: readonly DraftRow[];
}

const rowsBefore = 6;
const rowsAfter = 3;
const longestNote = 60;

/** The inputs around an instant that concern a rule at an agent. */
export function excerptOf(
  plan: RulePlan,
  agent: string,
  atUs: number,
  inputs: readonly Input[],
  turns: readonly Turn[],
): ExcerptDraft {
  const { metrics } = plan.inputs;
  const own = inputs.filter(
    (input) => (agentOf(input) ?? agent) === agent && concerns(plan, input),
  );
  const instants = [...new Set([...own.map((input) => input.atUs), atUs])].toSorted(
    (a, b) => a - b,
  );
  const moment = instants.indexOf(atUs);
  const shown = instants.slice(Math.max(0, moment - rowsBefore), moment + 1 + rowsAfter);
  const ownTurns = turns.filter((turn) => turn.rule === plan.name && turn.agent === agent);
  const rows = shown.map((instantUs): DraftRow => {
    const there = own.filter((input) => input.atUs === instantUs);
    return {
      atUs: instantUs,
      isMoment: instantUs === atUs,
      values: metrics.map((metric) => valueOf(metric, there)),
      notes: there.flatMap((input) => noteOf(input, plan.name) ?? []),
      state: ownTurns.findLast((turn) => turn.atUs <= instantUs)?.state ?? "inactive",
    };
  });
  return { rule: plan.name, agent, metrics, functions: functionsOf(plan), rows };
}

/** Fills drafts in, from `resultsAt`, which is asked for instants in their order. */
export function filledIn(
  drafts: readonly ExcerptDraft[],
  resultsAt: (draft: ExcerptDraft, atUs: number) => readonly FunctionResult[],
): ReadonlyMap<ExcerptDraft, Excerpt> {
  const cells = drafts
    .flatMap((draft) => draft.rows.map((row) => ({ draft, row })))
    .toSorted((a, b) => a.row.atUs - b.row.atUs);
  const results = new Map(cells.map(({ draft, row }) => [row, resultsAt(draft, row.atUs)]));
  return new Map(
    drafts.map((draft) => {
      const rows = draft.rows.map((row) => ({ ...row, results: results.get(row) ?? [] }));
      return [draft, { ...draft, functions: draft.functions.map(({ text }) => text), rows }];
    }),
  );
}

/** Whom it is about; undefined where that is everybody. */
function agentOf(input: Input): string | undefined {
  switch (input.kind) {
    case "restart":
    case "rules":
      return undefined;
    case "join":
      return input.agent.attributes.id;
    case "change":
      return input.change.agent;
    default:
      return input.agent;
  }
}

function concerns({ name, inputs }: RulePlan, input: Input): boolean {
  if (input.kind === "rules") return input.change.rules.some(({ rule }) => rule === name);
  if (input.kind === "event")
    return inputs.readsEvent || inputs.events.some(({ type }) => type === input.type);
  if (input.kind !== "samples") return true;
  return input.samples.some(({ metric }) => inputs.metrics.includes(metric));
}

/** The latest value of a metric at an instant. */
function valueOf(metric: string, inputs: readonly Input[]): number | string | undefined {
  const samples = inputs.flatMap((input) => (input.kind === "samples" ? input.samples : []));
  const value = samples.findLast((sample) => sample.metric === metric)?.value;
  return value === undefined || Number.isFinite(value) ? value : String(value);
}

function noteOf(input: Input, ownRule: string): string | undefined {
  switch (input.kind) {
    case "restart": {
      const downUs = input.backUs - input.atUs;
      return downUs === 0 ? "node restarts" : `node is down for ${formatDuration(downUs)}`;
    }
    case "rules": {
      const { fields } = input.change.rules.find(({ rule }) => rule === ownRule) ?? {};
      return fields === undefined ? "rule deleted" : cut(`rule ${JSON.stringify(fields)}`);
    }
    case "samples": {
      const late = input.samples.find(({ timeUs }) => timeUs < input.atUs);
      return late === undefined ? undefined : `from ${formatDuration(late.timeUs)}`;
    }
    case "join":
      return "joins";
    case "leave":
      return "leaves";
    case "event":
      return cut(`${input.type} ${JSON.stringify(input.attrs)}`);
    case "change": {
      const { twin, attributes } = input.change;
      return cut(JSON.stringify({ ...attributes, ...(twin === undefined ? {} : { twin }) }));
    }
  }
}

function cut(text: string): string {
  return text.length <= longestNote ? text : `${text.slice(0, longestNote - 1)}…`;
}
