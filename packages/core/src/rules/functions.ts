import { didYouMean, nearest } from "./suggest.ts";

/** Functions of the language that read windows of samples; they come with the engine's windows. */
const windowFunctions = [
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
] as const;

/** Functions of the language over one metric's silence. */
const timerFunctions = ["age", "absent"] as const;

/** Functions of the language over the agents of a node. */
const fleetFunctions = [
  "fleet_avg",
  "fleet_sum",
  "fleet_min",
  "fleet_max",
  "fleet_count",
  "group_avg",
  "group_sum",
  "group_min",
  "group_max",
  "group_count",
] as const;

const metricFunctions: ReadonlySet<string> = new Set([
  ...windowFunctions,
  ...timerFunctions,
  ...fleetFunctions,
]);

/** Functions that are part of the language but that this engine does not run yet. */
const laterFunctions: ReadonlySet<string> = new Set([...metricFunctions, "count_events"]);

/** Functions written `name(…)`. */
const plainFunctions = [
  "metric",
  "default",
  "size",
  "int",
  "uint",
  "double",
  "string",
  "bool",
  "dyn",
  "matches",
  "has",
];

/** Functions written `value.name(…)`, with the macros. */
const methods = [
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
];

/** A problem's message and its mend. */
interface Complaint {
  readonly message: string;
  readonly hint?: string;
}

/** What to say of a call to a function that cannot be called so. */
export function complainOfFunction(name: string, isMethod: boolean): Complaint {
  if (laterFunctions.has(name)) {
    return {
      message: `${name} is not available yet`,
      hint: "this version reads latest values only: a metric by its name, agent.* and twin.*",
    };
  }
  if (isMethod && plainFunctions.includes(name)) {
    return { message: `${name} is not a method`, hint: `write ${name}(…)` };
  }
  if (!isMethod && methods.includes(name)) {
    return { message: `${name} is a method`, hint: `write value.${name}(…)` };
  }
  const candidates = isMethod ? methods : [...plainFunctions, ...laterFunctions];
  const isMetric = !isMethod && metricFunctions.has(nearest(name, candidates) ?? "");
  const kind = isMethod ? "method" : isMetric ? "metric function" : "function";
  const hint = didYouMean(name, candidates);
  return {
    message: `unknown ${kind} ${JSON.stringify(name)}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
