/** Checks the functions that read windows, silence, events and other agents: {@link Reading}s. */
import { parseDuration } from "../clock/index.ts";
import { MyelinError } from "../errors/index.ts";
import type { Checking } from "./checking.ts";
import type { Expression, WindowFunction } from "./expression.ts";
import { fleetFunctions, groupFunctions, windowFunctions } from "./functions.ts";
import { limits } from "./limits.ts";
import type { Syntax } from "./syntax.ts";

type CallSyntax = Extract<Syntax, { kind: "call" }>;
type SeriesCheck = (syntax: CallSyntax, checking: Checking) => Expression | undefined;

const checks: ReadonlyMap<string, SeriesCheck> = new Map<string, SeriesCheck>([
  ...windowFunctions.map((name): [string, SeriesCheck] => [
    name,
    name === "quantile_over_time"
      ? checkQuantile
      : (syntax, checking) => checkWindow(name, syntax, checking),
  ]),
  ["age", checkAge],
  ["absent", checkAbsent],
  ["count_events", checkCountEvents],
  ...[...fleetFunctions.keys()].map((name): [string, SeriesCheck] => [name, checkFleet]),
  ...[...groupFunctions.keys()].map((name): [string, SeriesCheck] => [name, checkGroup]),
]);

/** How each is written, for mends. */
function formOf(name: string): string {
  if (name === "quantile_over_time") return 'quantile_over_time(0.99, latency, "1m")';
  if (name === "age") return "age(cpu_usage)";
  if (name === "count_events") return 'count_events("tool_call", "1m")';
  if (fleetFunctions.has(name)) return `${name}(cpu_usage)`;
  if (groupFunctions.has(name)) return `${name}(cpu_usage, "zone")`;
  return `${name}(cpu_usage, "30s")`;
}

/** True for a function of this file. */
export function isSeriesFunction(name: string): boolean {
  return checks.has(name);
}

/** Types a call of one of these functions; undefined when it reported an error. */
export function checkSeries(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const { name, offset } = syntax;
  if (checking.scope.readable !== "everything") {
    checking.report(
      offset,
      `${name} cannot be used here`,
      checking.scope.readable === "attributes"
        ? "only agent.id, agent.type, agent.tier, agent.labels and agent.capabilities can be read"
        : "it reads what a node keeps; declare a name for its value",
    );
    return undefined;
  }
  return checks.get(name)?.(syntax, checking);
}

/** The arguments, when there are as many as wanted. */
function argumentsOf(
  syntax: CallSyntax,
  count: number,
  { report }: Checking,
): readonly Syntax[] | undefined {
  if (syntax.args.length === count) return syntax.args;
  report(syntax.offset, `${syntax.name} takes other arguments`, `write ${formOf(syntax.name)}`);
  return undefined;
}

function checkWindow(
  name: WindowFunction,
  syntax: CallSyntax,
  checking: Checking,
): Expression | undefined {
  const args = argumentsOf(syntax, 2, checking);
  const metric = args && metricOf(args[0], syntax, checking);
  const widthUs = args && widthOf(args[1], syntax, checking);
  if (metric === undefined || widthUs === undefined) return undefined;
  return { op: "window", type: "double", function: name, metric, widthUs };
}

function checkQuantile(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 3, checking);
  if (args === undefined) return undefined;
  const [rank] = args;
  const quantile =
    rank?.kind === "literal" && (rank.type === "double" || rank.type === "int")
      ? Number(rank.value)
      : Number.NaN;
  if (!(quantile >= 0 && quantile <= 1)) {
    checking.report(
      rank?.offset ?? syntax.offset,
      "the quantile must be a literal from 0 to 1",
      `write ${formOf(syntax.name)}`,
    );
    return undefined;
  }
  const metric = metricOf(args[1], syntax, checking);
  const widthUs = widthOf(args[2], syntax, checking);
  if (metric === undefined || widthUs === undefined) return undefined;
  const name = "quantile_over_time";
  return { op: "window", type: "double", function: name, metric, widthUs, quantile };
}

function checkAge(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 1, checking);
  const metric = args && metricOf(args[0], syntax, checking);
  return metric === undefined ? undefined : { op: "age", type: "double", metric };
}

function checkAbsent(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 2, checking);
  const metric = args && metricOf(args[0], syntax, checking);
  const afterUs = args && widthOf(args[1], syntax, checking);
  if (metric === undefined || afterUs === undefined) return undefined;
  return { op: "absent", type: "bool", metric, afterUs };
}

function checkCountEvents(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 2, checking);
  if (args === undefined) return undefined;
  const event = literalText(args[0]);
  const isType = event !== undefined && event !== "" && event.length <= limits.eventTypeLength;
  if (!isType) {
    checking.report(
      args[0]?.offset ?? syntax.offset,
      `the type of the events must be a literal text of 1 to ${limits.eventTypeLength} characters`,
      `write ${formOf(syntax.name)}`,
    );
  }
  const widthUs = widthOf(args[1], syntax, checking);
  if (!isType || widthUs === undefined) return undefined;
  return { op: "count_events", type: "double", event, widthUs };
}

function checkFleet(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 1, checking);
  const metric = args && metricOf(args[0], syntax, checking);
  const name = fleetFunctions.get(syntax.name);
  if (metric === undefined || name === undefined) return undefined;
  return { op: "fleet", type: "double", function: name, metric };
}

function checkGroup(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const args = argumentsOf(syntax, 2, checking);
  if (args === undefined) return undefined;
  const metric = metricOf(args[0], syntax, checking);
  const groupBy = literalText(args[1]);
  const name = groupFunctions.get(syntax.name);
  if (groupBy === undefined || groupBy === "") {
    checking.report(
      args[1]?.offset ?? syntax.offset,
      "the label must be a literal text",
      `write ${formOf(syntax.name)} for agent.labels.zone`,
    );
    return undefined;
  }
  if (metric === undefined || name === undefined) return undefined;
  return { op: "fleet", type: "double", function: name, metric, groupBy };
}

function literalText(syntax: Syntax | undefined): string | undefined {
  return syntax?.kind === "literal" && syntax.type === "string" ? syntax.value : undefined;
}

/** The metric that an argument names. */
function metricOf(
  argument: Syntax | undefined,
  { name }: CallSyntax,
  checking: Checking,
): string | undefined {
  if (argument === undefined) return undefined;
  const isName =
    (argument.kind === "name" && !checking.isVariable(argument.name)) ||
    (argument.kind === "call" && argument.name === "metric");
  if (isName) {
    const expression = checking.check(argument);
    if (expression.op === "metric") return expression.metric;
    const isReported = expression.op === "literal" && expression.type === "dyn";
    if (isReported) return undefined;
  }
  const text = literalText(argument);
  checking.report(
    argument.offset,
    `${name} reads the samples of a metric, and this is none`,
    text === undefined ? `write ${formOf(name)}` : `write metric(${JSON.stringify(text)})`,
  );
  return undefined;
}

/** The width of a window, microseconds. */
function widthOf(
  argument: Syntax | undefined,
  { name }: CallSyntax,
  { report }: Checking,
): number | undefined {
  if (argument === undefined) return undefined;
  const text = literalText(argument);
  if (text === undefined) {
    const isNumber = argument.kind === "literal" && typeof argument.value !== "string";
    const mend = isNumber ? `write "${String(argument.value)}s"` : `write ${formOf(name)}`;
    report(argument.offset, "the window must be a literal text, a number with its unit", mend);
    return undefined;
  }
  try {
    const widthUs = parseDuration(text);
    if (widthUs > limits.windowUs) {
      report(
        argument.offset,
        "a window is at most 24h long",
        "have the agent report what is slower",
      );
      return undefined;
    }
    if (widthUs > 0) return widthUs;
    report(argument.offset, "a window must be longer than 0");
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    report(argument.offset, error.message, error.hint);
  }
  return undefined;
}
