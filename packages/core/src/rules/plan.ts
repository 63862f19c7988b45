import type { ActionName, RuleName } from "../ids/index.ts";
import type { JsonObject } from "../json/index.ts";
import {
  type Expression,
  type FleetFunction,
  isReading,
  partsOfExpression,
  type Reading,
  type WindowFunction,
} from "./expression.ts";
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
  readonly function: WindowFunction;
  readonly metric: string;
  /** Width of the window, microseconds of event time. */
  readonly widthUs: number;
  readonly quantile?: number;
}

/** An instant, some time after a metric's last sample, at which the rule must be evaluated. */
export interface TimerInput {
  /** `absent` counts from the agent's joining, too. */
  readonly kind: "absent" | "age";
  readonly metric: string;
  /** How long after the last sample its truth changes, microseconds; the timer comes at the next whole millisecond. */
  readonly afterUs: number;
}

/** Events of a type, counted over a window. */
export interface EventInput {
  readonly type: string;
  /** Width of the window, microseconds of event time. */
  readonly widthUs: number;
}

/** A function over the latest values of all agents, or of those with one value of a label. */
export interface FleetInput {
  readonly function: FleetFunction;
  readonly metric: string;
  readonly groupBy?: string;
}

/**
 * What a rule reads. What changes of `metrics`, `twinPaths`, attributes and events evaluates it, and so do `timers`: of these
 * there is what `expr` and `resolve` read. Of `windows`, `events` and `fleets`, which have to be kept, there is also what
 * `args` read.
 */
export interface RuleInputs {
  /** Names of metrics, sorted, each once; those of windows, silences and fleets among them. */
  readonly metrics: readonly string[];
  /** Ways to fields of the twin; the rule reads a field when either way begins with the other. `[]` is the whole twin. */
  readonly twinPaths: readonly (readonly string[])[];
  /** Whether an attribute other than `uptime` is read. */
  readonly readsAttributes: boolean;
  readonly readsUptime: boolean;
  /** Whether `expr` or `resolve` name `event`: every event of the agent evaluates the rule. */
  readonly readsEvent: boolean;
  /** Types of events that are counted by `expr` or `resolve`, sorted: each evaluates the rule. */
  readonly countedEvents: readonly string[];
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
  /** Whether `expr` names `event`: then it is false right after each event, so that each is an episode. */
  readonly isEventRule: boolean;
  readonly inputs: RuleInputs;
  /** Canonical text of where, expr, for, resolve, missing and keep_firing_for as parsed: two versions with the same text mean the same. */
  readonly meaning: string;
}

/** What a rule reads: `conditions` are its `expr` and `resolve`, `others` what only has to be kept for it. */
export function inputsOf(
  conditions: readonly Expression[],
  others: readonly Expression[] = [],
): RuleInputs {
  const found = new Findings();
  for (const condition of conditions) found.visit(condition);
  const {
    metrics,
    twinPaths,
    readsAttributes,
    readsUptime,
    readsEvent,
    countedEvents,
    timers,
    kept,
  } = found;
  const also = new Findings();
  for (const other of others) also.visit(other);
  for (const [key, reading] of also.kept) kept.set(key, reading);
  const readings = valuesInOrder(kept);
  return {
    metrics: [...metrics].toSorted(),
    twinPaths: valuesInOrder(twinPaths),
    readsAttributes,
    readsUptime,
    readsEvent,
    countedEvents: [...countedEvents].toSorted(),
    windows: readings.flatMap((reading) => {
      if (reading.op !== "window") return [];
      const { function: name, metric, widthUs, quantile } = reading;
      return [{ function: name, metric, widthUs, ...(quantile === undefined ? {} : { quantile }) }];
    }),
    timers: valuesInOrder(timers),
    events: readings.flatMap((reading) =>
      reading.op === "count_events" ? [{ type: reading.event, widthUs: reading.widthUs }] : [],
    ),
    fleets: readings.flatMap((reading) => {
      if (reading.op !== "fleet") return [];
      const { function: name, metric, groupBy } = reading;
      return [{ function: name, metric, ...(groupBy === undefined ? {} : { groupBy }) }];
    }),
  };
}

function valuesInOrder<Item>(byKey: ReadonlyMap<string, Item>): Item[] {
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

/** What a walk through expressions comes upon. */
class Findings {
  readonly metrics = new Set<string>();
  readonly twinPaths = new Map<string, readonly string[]>();
  readonly timers = new Map<string, TimerInput>();
  readonly kept = new Map<string, Reading>();
  readonly countedEvents = new Set<string>();
  readsAttributes = false;
  readsUptime = false;
  readsEvent = false;

  visit(expression: Expression): void {
    const path = twinPathOf(expression);
    if (path !== undefined) {
      this.twinPaths.set(JSON.stringify(path), path);
      return;
    }
    if (isReading(expression)) this.#visitReading(expression);
    if (expression.op === "metric") this.metrics.add(expression.metric);
    if (expression.op === "event") this.readsEvent = true;
    if (expression.op === "attribute") {
      if (expression.attribute === "uptime") this.readsUptime = true;
      else this.readsAttributes = true;
    }
    for (const timer of ageTimersOf(expression)) this.#time(timer);
    for (const part of partsOfExpression(expression)) this.visit(part);
  }

  #visitReading(reading: Reading): void {
    this.kept.set(JSON.stringify(reading), reading);
    if (reading.op === "count_events") this.countedEvents.add(reading.event);
    else this.metrics.add(reading.metric);
    if (reading.op === "absent")
      this.#time({ kind: "absent", metric: reading.metric, afterUs: reading.afterUs });
  }

  #time(timer: TimerInput): void {
    this.timers.set(`${timer.kind} ${timer.metric} ${timer.afterUs}`, timer);
  }
}

const longestTimerUs = 30 * 86_400e6;

/** When `age(m)` crosses a literal that it is compared with: at it where it is within, else a microsecond later. */
function ageTimersOf(expression: Expression): readonly TimerInput[] {
  if (expression.op !== "call" || expression.args.length !== 2) return [];
  const [left, right] = expression.args;
  const age = [left, right].find((side) => side?.op === "age");
  const seconds = [left, right].map(numberOf).find((number) => number !== undefined);
  if (age?.op !== "age" || seconds === undefined) return [];
  const isAgeLeft = age === left;
  const reachUs = Math.max(0, Math.ceil(seconds * 1e6));
  const passUs = Math.max(0, Math.floor(seconds * 1e6) + 1);
  const timer = (afterUs: number): TimerInput[] =>
    afterUs <= longestTimerUs ? [{ kind: "age", metric: age.metric, afterUs }] : [];
  switch (expression.function) {
    case "greater":
    case "lessOrEqual":
      return timer(isAgeLeft ? passUs : reachUs);
    case "less":
    case "greaterOrEqual":
      return timer(isAgeLeft ? reachUs : passUs);
    case "equal":
    case "notEqual":
      return [...timer(reachUs), ...timer(passUs)];
    default:
      return [];
  }
}

/** The number that a literal is, signed ones too. */
function numberOf(expression: Expression | undefined): number | undefined {
  if (expression?.op !== "literal") return undefined;
  const isNumber = ["double", "int", "uint"].some((type) => type === expression.type);
  return isNumber ? Number(expression.value) : undefined;
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
