import { MyelinError } from "../errors/index.ts";
import { parseMetricName } from "../ids/index.ts";
import { checkSeries, isSeriesFunction } from "./check-series.ts";
import type { Checking } from "./checking.ts";
import { promoteLiteral } from "./check-operator.ts";
import type { Conversion, Expression, FunctionName } from "./expression.ts";
import { complainOfFunction } from "./functions.ts";
import { isDurationPart, type MomentPart, momentParts } from "./moments.ts";
import { patternProblem } from "./pattern.ts";
import type { Syntax } from "./syntax.ts";
import { describeType, isListType, isMapType, joinTypes, type ValueType } from "./types.ts";

type CallSyntax = Extract<Syntax, { kind: "call" }>;

/** The types each conversion accepts, beside `dyn`. */
const conversions: ReadonlyMap<string, readonly ValueType[]> = new Map([
  ["int", ["int", "uint", "double", "string", "timestamp"]],
  ["uint", ["int", "uint", "double", "string"]],
  ["double", ["int", "uint", "double", "string"]],
  ["string", ["int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration"]],
  ["bool", ["bool", "string"]],
  ["bytes", ["bytes", "string"]],
  ["timestamp", ["timestamp", "string", "int"]],
  ["duration", ["duration", "string"]],
]);
const stringTests: readonly string[] = ["startsWith", "endsWith", "contains", "matches"];
const macros: readonly string[] = ["all", "exists", "exists_one", "existsOne", "filter", "map"];

/** Types a call; undefined when it reported an error. */
export function checkCall(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const { name, target, args, offset } = syntax;
  const isMethod = target !== undefined;
  const all = isMethod ? [target, ...args] : args;
  if (stringTests.includes(name) && (isMethod || name === "matches")) {
    return checkStringTest(syntax, all, checking);
  }
  if (name === "size") return checkSize(syntax, all, checking);
  if (isMethod && isMomentPart(name)) return checkMomentPart(name, syntax, target, checking);
  if (isMethod) {
    const complaint = macros.includes(name)
      ? {
          message: `${name} takes the name of a variable and a condition`,
          hint: `write list.${name}(x, …)`,
        }
      : complainOfFunction(name, true);
    checking.report(offset, complaint.message, complaint.hint);
    return undefined;
  }
  switch (name) {
    case "metric":
      return checkMetric(syntax, checking);
    case "default":
      return checkDefault(syntax, checking);
    case "has":
      checking.report(
        offset,
        "has takes one field, as in has(twin.position)",
        "default(x, y) is y where x is unknown",
      );
      return undefined;
    case "int":
    case "uint":
    case "double":
    case "string":
    case "bool":
    case "bytes":
    case "timestamp":
    case "duration":
    case "type":
    case "dyn":
      return checkConversion(name, syntax, checking);
    default: {
      if (isSeriesFunction(name)) return checkSeries(syntax, checking);
      const { message, hint } = complainOfFunction(name, false);
      checking.report(offset, message, hint);
      return undefined;
    }
  }
}

/** Reports a wrong number of arguments. */
function hasCount(
  syntax: CallSyntax,
  given: number,
  wanted: number,
  form: string,
  checking: Checking,
): boolean {
  if (given === wanted) return true;
  checking.report(syntax.offset, `${syntax.name} takes other arguments`, `write ${form}`);
  return false;
}

function checkMetric(syntax: CallSyntax, checking: Checking): Expression | undefined {
  const form = 'metric("name")';
  if (!hasCount(syntax, syntax.args.length, 1, form, checking)) return undefined;
  const [argument] = syntax.args;
  if (argument?.kind !== "literal" || argument.type !== "string") {
    checking.report(
      argument?.offset ?? syntax.offset,
      "the name of a metric must be a literal text",
      `write ${form}`,
    );
    return undefined;
  }
  if (checking.scope.readable !== "everything") {
    checking.report(
      syntax.offset,
      "metrics cannot be read here",
      checking.scope.readable === "attributes"
        ? "only agent.id, agent.type, agent.tier, agent.labels and agent.capabilities can"
        : "only what was declared can",
    );
    return undefined;
  }
  try {
    return { op: "metric", type: "double", metric: parseMetricName(argument.value) };
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    checking.report(argument.offset, error.message, error.hint);
    return undefined;
  }
}

function checkDefault(syntax: CallSyntax, checking: Checking): Expression | undefined {
  if (!hasCount(syntax, syntax.args.length, 2, "default(x, y)", checking)) return undefined;
  const [valueSyntax, fallbackSyntax] = syntax.args;
  if (valueSyntax === undefined || fallbackSyntax === undefined) return undefined;
  const value = checking.check(valueSyntax);
  const written = checking.check(fallbackSyntax);
  // Numbers in a twin are doubles, so a literal beside a dyn value is meant as one.
  const fallback = promoteLiteral(
    fallbackSyntax,
    written,
    value.type === "dyn" ? "double" : value.type,
  );
  const type = joinTypes(value.type, fallback.type);
  if (type !== undefined) return { op: "call", type, function: "default", args: [value, fallback] };
  const types = `${describeType(value.type)} and ${describeType(fallback.type)}`;
  checking.report(fallbackSyntax.offset, `default needs two values of one type, found ${types}`);
  return undefined;
}

function checkConversion(
  name: Conversion,
  syntax: CallSyntax,
  checking: Checking,
): Expression | undefined {
  if (!hasCount(syntax, syntax.args.length, 1, `${name}(x)`, checking)) return undefined;
  const [argumentSyntax] = syntax.args;
  if (argumentSyntax === undefined) return undefined;
  const argument = checking.check(argumentSyntax);
  const accepted = conversions.get(name);
  if (accepted === undefined || argument.type === "dyn" || accepted.includes(argument.type)) {
    return { op: "call", type: name, function: name, args: [argument] };
  }
  checking.report(
    argumentSyntax.offset,
    `a ${describeType(argument.type)} cannot be converted to ${name}`,
  );
  return undefined;
}

function checkSize(
  syntax: CallSyntax,
  all: readonly Syntax[],
  checking: Checking,
): Expression | undefined {
  if (!hasCount(syntax, all.length, 1, "size(x)", checking)) return undefined;
  const [argumentSyntax] = all;
  if (argumentSyntax === undefined) return undefined;
  const argument = checking.check(argumentSyntax);
  const { type } = argument;
  const isText = type === "string" || type === "bytes";
  if (isText || type === "dyn" || isListType(type) || isMapType(type)) {
    return { op: "call", type: "int", function: "size", args: [argument] };
  }
  checking.report(argumentSyntax.offset, `a ${describeType(type)} has no size`);
  return undefined;
}

function checkStringTest(
  syntax: CallSyntax,
  all: readonly Syntax[],
  checking: Checking,
): Expression | undefined {
  const { name } = syntax;
  if (!hasCount(syntax, all.length, 2, `text.${name}("…")`, checking)) return undefined;
  const args = all.map((part) => checking.check(part));
  const wrong = args.findIndex(({ type }) => type !== "string" && type !== "dyn");
  if (wrong !== -1) {
    const offset = all[wrong]?.offset ?? syntax.offset;
    checking.report(
      offset,
      `${name} needs a string, found a ${describeType(args[wrong]?.type ?? "dyn")}`,
    );
    return undefined;
  }
  if (name === "matches" && !isPatternGood(all[1], checking)) return undefined;
  return { op: "call", type: "bool", function: stringTest(name), args };
}

function stringTest(name: string): FunctionName {
  if (name === "startsWith" || name === "endsWith" || name === "contains") return name;
  return "matches";
}

/** A literal pattern is compiled now, any other when it is known. */
function isPatternGood(pattern: Syntax | undefined, checking: Checking): boolean {
  if (pattern?.kind !== "literal" || pattern.type !== "string") return true;
  const problem = patternProblem(pattern.value);
  if (problem !== undefined)
    checking.report(
      pattern.offset,
      problem,
      "patterns are RE2: no back-references, no look-around",
    );
  return problem === undefined;
}

function isMomentPart(name: string): name is MomentPart {
  return momentParts.has(name);
}

/** `instant.getHours()`, `instant.getHours("Europe/Berlin")`, `duration.getHours()`. */
function checkMomentPart(
  name: MomentPart,
  syntax: CallSyntax,
  target: Syntax,
  checking: Checking,
): Expression | undefined {
  const operand = checking.check(target);
  const isDuration = operand.type === "duration" && isDurationPart(name);
  if (operand.type !== "timestamp" && operand.type !== "dyn" && !isDuration) {
    const found = describeType(operand.type);
    checking.report(syntax.offset, `a ${found} has no ${name}`, "write timestamp(…) around a text");
    return undefined;
  }
  const most = isDuration ? 0 : 1;
  if (syntax.args.length > most) {
    checking.report(syntax.offset, `${name} takes other arguments`, `write value.${name}()`);
    return undefined;
  }
  const zones = syntax.args.map((zone) => checking.check(zone));
  const wrong = zones.findIndex(({ type }) => type !== "string" && type !== "dyn");
  if (wrong === -1) return { op: "call", type: "int", function: name, args: [operand, ...zones] };
  checking.report(
    syntax.args[wrong]?.offset ?? syntax.offset,
    "a time zone is a text",
    `write value.${name}("Europe/Berlin") or value.${name}("+02:00")`,
  );
  return undefined;
}
