/** A rule as the oracle reads it: syntax from the parser, and what it reads, found by walking that. */
import { parseDuration } from "@myelin/core/clock";
import { parseExpression, type RuleSource, type Syntax } from "@myelin/core/rules";
import { metricNameOf, textOf, widthOf } from "./interpret.ts";

/** A silence that a timer waits for. */
export interface Silence {
  readonly kind: "absent" | "age";
  readonly metric: string;
  /** How long after the last sample the truth changes. */
  readonly afterUs: number;
}

/** What conditions read. */
export interface Reads {
  readonly metrics: ReadonlySet<string>;
  readonly twinPaths: readonly (readonly string[])[];
  readonly attributes: boolean;
  readonly event: boolean;
  readonly countedEvents: ReadonlySet<string>;
  readonly silences: readonly Silence[];
  /** `metric width` of windows, `event type width` of counts. */
  readonly windows: ReadonlySet<string>;
}

/** A rule in force. */
export interface OracleRule {
  readonly name: string;
  readonly source: RuleSource;
  readonly where: Syntax | undefined;
  readonly expr: Syntax;
  readonly resolve: Syntax | undefined;
  readonly forUs: number;
  readonly keepUs: number;
  readonly cooldownUs: number;
  readonly attempts: number;
  readonly limit: { readonly count: number; readonly perUs: number } | undefined;
  readonly reads: Reads;
  /** `expr` names an event. */
  readonly isOfEvents: boolean;
  /** The same for two versions that mean the same. */
  readonly meaning: string;
}

/** Reads a rule that is known to be right. */
export function readRule(source: RuleSource): OracleRule {
  const where = source.where === undefined ? undefined : read(source.where);
  const expr = read(source.expr);
  const resolve = source.resolve === undefined ? undefined : read(source.resolve);
  const durationUs = (text: string | undefined): number =>
    text === undefined ? 0 : parseDuration(text);
  const forUs = durationUs(source.for);
  const keepUs = durationUs(source.keep_firing_for);
  const { missing = "reset" } = source;
  const [count, per] = source.limit?.split("/") ?? [];
  return {
    name: source.name,
    source,
    where,
    expr,
    resolve,
    forUs,
    keepUs,
    cooldownUs: durationUs(source.cooldown),
    attempts: source.attempts ?? 1,
    limit: per === undefined ? undefined : { count: Number(count), perUs: parseDuration(per) },
    reads: readsOf(resolve === undefined ? [expr] : [expr, resolve]),
    isOfEvents: readsOf([expr]).event,
    meaning: JSON.stringify([where, expr, resolve, forUs, keepUs, missing], withoutPlaces),
  };
}

function read(text: string): Syntax {
  const syntax = parseExpression(text, (offset, message) => {
    throw new Error(`${text}: ${offset}: ${message}`);
  });
  if (syntax === undefined) throw new Error(`${text} cannot be read`);
  return syntax;
}

function withoutPlaces(key: string, value: unknown): unknown {
  if (key === "offset") return undefined;
  if (typeof value === "bigint") return `${value} whole`;
  if (Object.is(value, -0)) return "-0";
  return typeof value === "number" ? `${value} double` : value;
}

function readsOf(conditions: readonly Syntax[]): Reads {
  const found = {
    metrics: new Set<string>(),
    twinPaths: [] as (readonly string[])[],
    attributes: false,
    event: false,
    countedEvents: new Set<string>(),
    silences: [] as Silence[],
    windows: new Set<string>(),
  };
  const visit = (syntax: Syntax, variables: readonly string[]): void => {
    const path = twinPathOf(syntax, variables);
    if (path !== undefined) {
      found.twinPaths.push(path);
      return;
    }
    switch (syntax.kind) {
      case "name":
        if (!variables.includes(syntax.name)) found.metrics.add(syntax.name);
        return;
      case "select":
      case "has": {
        const root = syntax.operand.kind === "name" ? syntax.operand.name : "";
        const isRoot = ["agent", "event"].includes(root) && !variables.includes(root);
        if (!isRoot) visit(syntax.operand, variables);
        else if (root === "event") found.event = true;
        else if (syntax.field !== "uptime") found.attributes = true;
        return;
      }
      case "macro":
        visit(syntax.range, variables);
        for (const part of [syntax.predicate, syntax.body])
          if (part !== undefined) visit(part, [...variables, syntax.variable]);
        return;
      case "call":
        visitCall(syntax, variables);
        return;
      default:
        found.silences.push(...ageCrossings(syntax));
        for (const part of partsOf(syntax)) visit(part, variables);
    }
  };
  const visitCall = (
    syntax: Extract<Syntax, { kind: "call" }>,
    variables: readonly string[],
  ): void => {
    const { name, args, target } = syntax;
    const [first, second, third] = args;
    const isWindow = /_over_time$|^(rate|increase|delta|deriv|changes|resets)$/.test(name);
    const isOfMetric = isWindow || /^(fleet_|group_|age$|absent$|metric$)/.test(name);
    if (name === "count_events") {
      found.countedEvents.add(textOf(first));
      found.windows.add(`event ${textOf(first)} ${widthOf(second)}`);
    } else if (isOfMetric) {
      const isQuantile = name === "quantile_over_time";
      const metric = name === "metric" ? textOf(first) : metricNameOf(isQuantile ? second : first);
      found.metrics.add(metric);
      if (isWindow) found.windows.add(`${metric} ${widthOf(isQuantile ? third : second)}`);
      if (name === "absent")
        found.silences.push({ kind: "absent", metric, afterUs: widthOf(second) });
    } else {
      for (const part of target === undefined ? args : [target, ...args]) visit(part, variables);
    }
  };
  for (const condition of conditions) visit(condition, []);
  return found;
}

function partsOf(syntax: Syntax): readonly Syntax[] {
  if (syntax.kind === "operator") return syntax.operands;
  if (syntax.kind === "list") return syntax.elements;
  return syntax.kind === "map" ? syntax.entries.flat() : [];
}

/** The way to the field of the twin that is read, as far as it is written. */
function twinPathOf(syntax: Syntax, variables: readonly string[]): readonly string[] | undefined {
  if (syntax.kind === "name")
    return syntax.name === "twin" && !variables.includes("twin") ? [] : undefined;
  if (syntax.kind === "select" || syntax.kind === "has") {
    const path = twinPathOf(syntax.operand, variables);
    return path === undefined ? undefined : [...path, syntax.field];
  }
  if (syntax.kind !== "operator" || syntax.operator !== "[]") return undefined;
  const [operand, key] = syntax.operands;
  if (operand === undefined || key?.kind !== "literal" || key.type !== "string") return undefined;
  const path = twinPathOf(operand, variables);
  return path === undefined ? undefined : [...path, key.value];
}

const mirrored: Readonly<Record<string, string>> = { ">": "<", "<": ">", ">=": "<=", "<=": ">=" };

/** Where `age(m)` is compared with a literal: when that changes its truth. */
function ageCrossings(syntax: Syntax): readonly Silence[] {
  if (syntax.kind !== "operator") return [];
  const [left, right] = syntax.operands;
  const isAge = (side: Syntax | undefined): boolean => side?.kind === "call" && side.name === "age";
  const [age, literal] = isAge(left) ? [left, right] : [right, left];
  if (!isAge(age) || literal?.kind !== "literal" || age?.kind !== "call") return [];
  const metric = metricNameOf(age.args[0]);
  const sign = isAge(left) ? syntax.operator : (mirrored[syntax.operator] ?? syntax.operator);
  const limitUs = Number(literal.value) * 1e6;
  const reachUs = Math.max(0, Math.ceil(limitUs));
  const passUs = Math.max(0, Math.floor(limitUs) + 1);
  const crossings: Readonly<Record<string, readonly number[]>> = {
    ">": [passUs],
    "<=": [passUs],
    ">=": [reachUs],
    "<": [reachUs],
    "==": [reachUs, passUs],
    "!=": [reachUs, passUs],
  };
  return (crossings[sign] ?? []).map((afterUs) => ({ kind: "age", metric, afterUs }));
}
