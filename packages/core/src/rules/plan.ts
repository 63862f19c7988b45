import type { ActionName, RuleName } from "../ids/index.ts";
import type { JsonObject } from "../json/index.ts";
import { type Expression, partsOfExpression } from "./expression.ts";
import type { ArgsTemplate } from "./template.ts";

/** A rule as written: durations, limit and expressions are text. Plain JSON. */
export interface RuleSource {
  readonly name: string;
  readonly description?: string;
  readonly where?: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly resolve?: string;
  readonly missing?: "reset" | "hold";
  readonly unless?: string;
  readonly action: string;
  readonly args?: JsonObject;
  readonly priority?: number;
  readonly sla?: string;
  readonly deadline?: string;
  readonly timeout?: string;
  readonly cooldown?: string;
  readonly attempts?: number;
  readonly limit?: string;
  readonly mode?: "enforce" | "shadow" | "off";
}

/** A function over the samples of one metric in the last `widthUs` microseconds. */
export interface WindowInput {
  readonly function: string;
  readonly metric: string;
  /** Width of the window, microseconds of event time. */
  readonly widthUs: number;
  readonly quantile?: number;
}

/** An instant, some time after a metric's last sample, at which the rule must be evaluated. */
export interface TimerInput {
  readonly kind: "absent" | "age";
  readonly metric: string;
  /** How long after the last sample, microseconds. */
  readonly afterUs: number;
}

/** An event that the rule names, or counts over a window. */
export interface EventInput {
  readonly type: string;
  /** Width of the window that they are counted over, microseconds; absent for an event that is only named. */
  readonly widthUs?: number;
}

/** A function over the latest values of all agents, or of those with one value of a label. */
export interface FleetInput {
  readonly function: string;
  readonly metric: string;
  readonly groupBy?: string;
}

/** What a rule's `expr` and `resolve` read: what must change for it to be evaluated. */
export interface RuleInputs {
  /** Names of metrics, sorted, each once. */
  readonly metrics: readonly string[];
  /** Ways to fields of the twin; the rule reads a field when either way begins with the other. `[]` is the whole twin. */
  readonly twinPaths: readonly (readonly string[])[];
  /** Whether an attribute other than `uptime` is read. */
  readonly readsAttributes: boolean;
  readonly readsUptime: boolean;
  readonly windows: readonly WindowInput[];
  readonly timers: readonly TimerInput[];
  readonly events: readonly EventInput[];
  readonly fleets: readonly FleetInput[];
}

/** A checked rule, with its defaults filled in: plain JSON, and all that a back end needs. */
export interface RulePlan {
  readonly name: RuleName;
  readonly source: RuleSource;
  /** Which agents; all when absent. Reads attributes only. */
  readonly where?: Expression;
  readonly condition: Expression;
  readonly resolve?: Expression;
  readonly unless?: RuleName;
  /** How long `expr` must hold before the rule fires, microseconds; 0: at once. */
  readonly forUs: number;
  /** How long the end must hold, microseconds; 0: at once. */
  readonly keepFiringForUs: number;
  readonly missing: "reset" | "hold";
  readonly action: ActionName;
  readonly args: ArgsTemplate;
  /** 1 to 10. */
  readonly priority: number;
  /** Target from the sample to executed, microseconds. */
  readonly slaUs?: number;
  /** Start by, microseconds after creation. */
  readonly deadlineUs: number;
  /** Finish by, microseconds once begun. */
  readonly timeoutUs: number;
  /** How long after the end of an instruction the rule does not fire again, microseconds. */
  readonly cooldownUs: number;
  /** 1 to 10. */
  readonly attempts: number;
  /** More than `count` firings within any `perUs` open the rule's breaker. */
  readonly limit?: { readonly count: number; readonly perUs: number };
  readonly mode: "enforce" | "shadow" | "off";
  readonly inputs: RuleInputs;
  /** Canonical text of where, expr, for, resolve, missing and keep_firing_for as parsed: two versions with the same text mean the same. */
  readonly meaning: string;
}

/** What expressions read, together. */
export function inputsOf(expressions: readonly Expression[]): RuleInputs {
  const metrics = new Set<string>();
  const twinPaths = new Map<string, readonly string[]>();
  let readsAttributes = false;
  let readsUptime = false;
  const visit = (expression: Expression): void => {
    const path = twinPathOf(expression);
    if (path !== undefined) {
      twinPaths.set(JSON.stringify(path), path);
      return;
    }
    if (expression.op === "metric") metrics.add(expression.metric);
    if (expression.op === "attribute") {
      if (expression.attribute === "uptime") readsUptime = true;
      else readsAttributes = true;
    }
    partsOfExpression(expression).forEach(visit);
  };
  expressions.forEach(visit);
  return {
    metrics: [...metrics].toSorted(),
    twinPaths: [...twinPaths.keys()].toSorted().map((key) => twinPaths.get(key) ?? []),
    readsAttributes,
    readsUptime,
    windows: [],
    timers: [],
    events: [],
    fleets: [],
  };
}

/** The way to the field of the twin that an expression reads, as far as it is fixed; undefined when it reads none directly. */
function twinPathOf(expression: Expression): readonly string[] | undefined {
  if (expression.op === "twin") return [];
  if (expression.op === "select" || expression.op === "has") {
    const path = twinPathOf(expression.operand);
    return path && [...path, expression.field];
  }
  if (expression.op !== "call" || expression.function !== "index") return undefined;
  const [operand, key] = expression.args;
  if (operand === undefined || key?.op !== "literal" || typeof key.value !== "string")
    return undefined;
  const path = key.type === "string" ? twinPathOf(operand) : undefined;
  return path && [...path, key.value];
}
