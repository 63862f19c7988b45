import type { FleetFunction, WindowFunction } from "./expression.ts";
import { momentParts } from "./moments.ts";
import { didYouMean, nearest } from "./suggest.ts";

/** Functions over the samples of one metric in a window. */
export const windowFunctions: readonly WindowFunction[] = [
  "avg_over_time",
  "min_over_time",
  "max_over_time",
  "sum_over_time",
  "count_over_time",
  "stddev_over_time",
  "last_over_time",
  "quantile_over_time",
  "rate",
  "increase",
  "delta",
  "deriv",
  "changes",
  "resets",
];

const fleetFunctionNames: readonly FleetFunction[] = ["avg", "sum", "min", "max", "count"];
/** Functions over the latest values of all agents, by name. */
export const fleetFunctions: ReadonlyMap<string, FleetFunction> = new Map(
  fleetFunctionNames.map((name) => [`fleet_${name}`, name]),
);
/** Functions over the latest values of the agents with the same value of a label, by name. */
export const groupFunctions: ReadonlyMap<string, FleetFunction> = new Map(
  fleetFunctionNames.map((name) => [`group_${name}`, name]),
);

const metricFunctions: ReadonlySet<string> = new Set([
  ...windowFunctions,
  "age",
  "absent",
  ...fleetFunctions.keys(),
  ...groupFunctions.keys(),
]);

/** Functions written `name(…)`. */
const plainFunctions: readonly string[] = [
  "metric",
  "default",
  "size",
  "int",
  "uint",
  "double",
  "string",
  "bool",
  "bytes",
  "timestamp",
  "duration",
  "type",
  "dyn",
  "matches",
  "has",
  ...metricFunctions,
  "count_events",
];

/** Functions written `value.name(…)`, with the macros. */
const methods: readonly string[] = [
  "startsWith",
  "endsWith",
  "contains",
  "matches",
  "size",
  "all",
  "exists",
  "exists_one",
  "filter",
  "map",
  ...momentParts,
];

/** A problem's message and its mend. */
export interface Complaint {
  readonly message: string;
  readonly hint?: string;
}

/** What to say of a call to a function that cannot be called so. */
export function complainOfFunction(name: string, isMethod: boolean): Complaint {
  if (isMethod && plainFunctions.includes(name)) {
    return { message: `${name} is not a method`, hint: `write ${name}(…)` };
  }
  if (!isMethod && methods.includes(name)) {
    return { message: `${name} is a method`, hint: `write value.${name}(…)` };
  }
  const candidates = isMethod ? methods : plainFunctions;
  const isMetric = !isMethod && metricFunctions.has(nearest(name, candidates) ?? "");
  const kind = isMethod ? "method" : isMetric ? "metric function" : "function";
  const hint = didYouMean(name, candidates);
  return {
    message: `unknown ${kind} ${JSON.stringify(name)}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
