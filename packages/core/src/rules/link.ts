import type { JsonObject, JsonValue } from "../json/index.ts";
import * as arithmetic from "./arithmetic.ts";
import * as comprehension from "./comprehension.ts";
import * as convert from "./convert.ts";
import type { Reading } from "./expression.ts";
import { type Wanted, writeJavaScript } from "./javascript.ts";
import * as moments from "./moments.ts";
import type { RulePlan } from "./plan.ts";
import { type ArgsTemplate, expressionsOf, fillTemplate } from "./template.ts";
import * as texts from "./texts.ts";
import { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";
import { Steps, type Value } from "./values.ts";
import * as values from "./values.ts";

/** The latest values of one metric. */
export interface Column {
  /**
   * By agent slot; NaN is unknown. Replaced by a longer array when it grows, so read it through the
   * column each time. A slot beyond its end is unknown.
   */
  values: Float64Array;
}

/** What is known of an agent beside its samples. Only own properties of `labels` are labels. */
export interface AgentAttributes {
  readonly id: string;
  readonly type: string;
  readonly tier: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
}

/** The event that is being evaluated. */
export interface PresentEvent {
  readonly type: string;
  readonly attrs: Readonly<JsonObject>;
}

/** A value that an engine keeps for an expression: a window, a silence, a count of events, an aggregate. */
export interface KeptValue {
  /** The value at the present evaluation: a double with NaN as unknown; of `absent` a {@link Tri}. */
  value(slot: number): number;
}

/** What the engine gives linked rules to read; one for each engine. */
export interface EvaluationContext {
  /** The evaluation's instant, microseconds since the Unix epoch; set before each evaluation. */
  nowUs: number;
  /** The column of a metric, made if there is none; asked while linking only. */
  column(metric: string): Column;
  /** What `where` and `agent.…` read of the agent in a slot. */
  attributes(slot: number): AgentAttributes;
  /** When the agent joined, microseconds since the Unix epoch. */
  joinedAtUs(slot: number): number;
  /** The agent's reported state; `{}` when it reported none. */
  twin(slot: number): Readonly<JsonObject>;
  /** What keeps the value of a reading, made if there is none; asked while linking only. None where a rule with readings is refused. */
  kept?(reading: Reading): KeptValue;
  /** The event that is being evaluated; undefined at any other evaluation. */
  event?(): PresentEvent | undefined;
  /** The value that a declared name is bound to. */
  binding?(name: string): Value;
}

/** A rule compiled for one engine. No function throws. */
export interface LinkedRule {
  /** Whether the rule is for the agent; always true without `where`. */
  where(slot: number): Tri;
  /** Whether `expr` holds for the agent. */
  condition(slot: number): Tri;
  readonly hasResolve: boolean;
  /** Whether the rule resolves; always unknown without `resolve`, see `hasResolve`. */
  resolve(slot: number): Tri;
  /** The arguments of an instruction. Without `${…}` it is one frozen object for all. */
  args(slot: number): JsonObject;
}

/** What generated code finds as `V`. */
const library = {
  ...arithmetic,
  ...comprehension,
  ...convert,
  momentPart: moments.momentPart,
  ...texts,
  ...values,
  tri: (value: Value): Tri => (value === true ? TRUE : value === false ? FALSE : UNKNOWN),
  truth: (tri: Tri): Value => (tri === UNKNOWN ? undefined : tri === TRUE),
};

type SlotFunction<Result> = (slot: number) => Result;

/** Compiles expressions to functions of a slot, in their order; each answers in the form that was wanted. */
export function compile(
  wanted: readonly Wanted[],
  context: EvaluationContext,
): readonly SlotFunction<unknown>[] {
  const { source, metrics, readings, constants } = writeJavaScript(wanted);
  const columns = metrics.map((metric) => context.column(metric));
  const kept = readings.map((reading) => {
    const value = context.kept?.(reading);
    if (value === undefined) throw new TypeError(`nothing keeps ${reading.op} for a plan`);
    return value;
  });
  // oxlint-disable-next-line typescript/no-implied-eval -- the source holds nothing a user wrote
  const factory = new Function("X", "C", "R", "K", "V", "S", source);
  return factory(context, columns, kept, constants, library, new Steps());
}

/** Compiles a rule's plan to JavaScript and binds it to an engine's state. */
export function linkRule(plan: RulePlan, context: EvaluationContext): LinkedRule {
  const conditions = [plan.condition, plan.where, plan.resolve];
  const present = conditions.flatMap((expression) => expression ?? []);
  const texts = expressionsOf(plan.args);
  const compiled = compile(
    [
      ...present.map((expression): Wanted => ({ expression, form: "tri" })),
      ...texts.map((expression): Wanted => ({ expression, form: "value" })),
    ],
    context,
  );
  // The first functions were wanted as Tri, and the writer makes what is wanted.
  const tests = compiled.slice(0, present.length) as SlotFunction<Tri>[];
  const next = (expression: unknown, otherwise: SlotFunction<Tri>): SlotFunction<Tri> =>
    expression === undefined ? otherwise : (tests.shift() ?? otherwise);
  const always = (): Tri => TRUE;
  const never = (): Tri => UNKNOWN;
  return {
    condition: next(plan.condition, never),
    where: next(plan.where, always),
    resolve: next(plan.resolve, never),
    hasResolve: plan.resolve !== undefined,
    args: linkArgs(plan.args, compiled.slice(present.length)),
  };
}

function linkArgs(
  template: ArgsTemplate,
  texts: readonly SlotFunction<unknown>[],
): SlotFunction<JsonObject> {
  if (template.kind === "constant") {
    // `args` is a map of fields: the planner has made sure of it.
    const args = freeze(structuredClone(template.value)) as JsonObject;
    return () => args;
  }
  const textOf = (slot: number, number: number): string => {
    try {
      return convert.showValue(texts[number]?.(slot));
    } catch {
      return "unknown";
    }
  };
  return (slot) => fillTemplate(template, (number) => textOf(slot, number)) as JsonObject;
}

function freeze(value: JsonValue): JsonValue {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}
