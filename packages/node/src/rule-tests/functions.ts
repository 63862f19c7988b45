import { formatDuration } from "@myelin/core/clock";
import {
  type Expression,
  isReading,
  partsOfExpression,
  type Reading,
  type RulePlan,
  TRUE,
  UNKNOWN,
} from "@myelin/core/rules";
import type { Engine } from "../engine/index.ts";

/** Most functions of a rule that are shown. */
const mostShown = 6;
const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A function over the past or over other agents that a rule's conditions have in them. */
export interface RuleFunction {
  /** As it stands in the rule. */
  readonly text: string;
  readonly reading: Reading;
}

/** Infinities as texts; undefined where it is unknown. */
export type FunctionResult = number | string | boolean | undefined;

/** The functions of a rule's conditions, each once, the first of them. */
export function functionsOf({ condition, resolve }: RulePlan): readonly RuleFunction[] {
  const found = new Map<string, Reading>();
  const visit = (expression: Expression): void => {
    if (isReading(expression)) found.set(textOf(expression), expression);
    for (const part of partsOfExpression(expression)) visit(part);
  };
  visit(condition);
  if (resolve !== undefined) visit(resolve);
  return [...found].slice(0, mostShown).map(([text, reading]) => ({ text, reading }));
}

/** What a function gave at the last evaluation of the agent in a slot. */
export function resultOf(engine: Engine, slot: number, { reading }: RuleFunction): FunctionResult {
  const value = engine.readingValue(slot, reading);
  if (reading.op === "absent") return value === UNKNOWN ? undefined : value === TRUE;
  if (Number.isNaN(value)) return undefined;
  return Number.isFinite(value) ? value : String(value);
}

function textOf(reading: Reading): string {
  const text = JSON.stringify;
  switch (reading.op) {
    case "window": {
      const { function: name, metric, widthUs, quantile } = reading;
      const first = quantile === undefined ? "" : `${quantile}, `;
      return `${name}(${first}${metricText(metric)}, ${text(formatDuration(widthUs))})`;
    }
    case "age":
      return `age(${metricText(reading.metric)})`;
    case "absent":
      return `absent(${metricText(reading.metric)}, ${text(formatDuration(reading.afterUs))})`;
    case "count_events":
      return `count_events(${text(reading.event)}, ${text(formatDuration(reading.widthUs))})`;
    case "fleet": {
      const { function: name, metric, groupBy } = reading;
      return groupBy === undefined
        ? `fleet_${name}(${metricText(metric)})`
        : `group_${name}(${metricText(metric)}, ${text(groupBy)})`;
    }
  }
}

function metricText(metric: string): string {
  return plainName.test(metric) ? metric : `metric(${JSON.stringify(metric)})`;
}
