/**
 * Writes checked expressions as standard SQL: unknown is NULL, a double DOUBLE PRECISION, a bool BOOLEAN. What SQL cannot
 * say with the same meaning is refused by its name.
 */
import type { Expression, FunctionName, Reading } from "./expression.ts";

/** What of a rule cannot be said in SQL, and why. */
export interface SqlRefusal {
  /** A function, a field of the rule, or a kind of value. */
  readonly what: string;
  readonly why: string;
}

/** A window that the query keeps. */
export type SqlWindow = Extract<Reading, { op: "window" }>;

const operators: ReadonlyMap<FunctionName, string> = new Map([
  ["and", "AND"],
  ["or", "OR"],
  ["add", "+"],
  ["subtract", "-"],
  ["multiply", "*"],
  ["divide", "/"],
  ["equal", "="],
  ["notEqual", "<>"],
  ["less", "<"],
  ["lessOrEqual", "<="],
  ["greater", ">"],
  ["greaterOrEqual", ">="],
]);

/** Functions over windows that frames of SQL give exactly. */
const windowFunctions: ReadonlySet<string> = new Set([
  "avg_over_time",
  "sum_over_time",
  "min_over_time",
  "max_over_time",
  "count_over_time",
  "last_over_time",
]);

const reasons: Readonly<Record<string, string>> = {
  age: "it needs timers, and a query sees samples only",
  absent: "it needs timers, and a query sees samples only",
  count_events: "events are no samples",
  event: "events are no samples",
  twin: "the twin is no sample",
  fleet: "it reads other agents at the instant of the evaluation",
  comprehension: "SQL has no macros over lists",
};

/** A text as SQL. */
export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Writes the expressions of one rule, and notes what they read and what of them is refused. */
export class SqlWriter {
  /** Metrics whose latest values are read, in the order of their columns `latest_N`. */
  readonly latest: string[] = [];
  /** In the order of their columns `window_N`. */
  readonly windows: SqlWindow[] = [];
  readonly refusals: SqlRefusal[] = [];
  #isWhere = false;

  /** A condition over latest values and windows. */
  condition(expression: Expression): string {
    this.#isWhere = false;
    return this.#write(expression);
  }

  /** A condition over the attributes of the agent of a row of `samples`. */
  where(expression: Expression): string {
    this.#isWhere = true;
    return this.#write(expression);
  }

  refuse(what: string, why: string): string {
    if (!this.refusals.some((refusal) => refusal.what === what)) this.refusals.push({ what, why });
    return "NULL";
  }

  #write(expression: Expression): string {
    switch (expression.op) {
      case "literal":
        return this.#literal(expression);
      case "metric":
        return `latest_${placeIn(this.latest, expression.metric)}`;
      case "window":
        return this.#window(expression);
      case "call":
        return this.#call(expression);
      case "attribute":
      case "select":
      case "has":
        return this.#attribute(expression);
      case "fleet": {
        const kind = expression.groupBy === undefined ? "fleet" : "group";
        return this.refuse(`${kind}_${expression.function}`, reasons["fleet"] ?? "");
      }
      default:
        return this.refuse(
          expression.op,
          reasons[expression.op] ?? "the tables have nothing that it could be of",
        );
    }
  }

  #literal({ type, value }: Extract<Expression, { op: "literal" }>): string {
    if (type === "bool") return value === true ? "TRUE" : "FALSE";
    if (type === "double") {
      const text = String(value);
      return /^-?\d+$/.test(text) ? `${text}.0` : text;
    }
    if (type === "string" && this.#isWhere && typeof value === "string") {
      // A NUL would end the query, and half a character is none.
      const isPlain = !value.includes("\0") && value.isWellFormed();
      return isPlain ? textLiteral(value) : this.refuse("a text", "it holds what is no character");
    }
    const name = typeof type === "string" ? type : "a list or map";
    return this.refuse(`a value of type ${name}`, "conditions in SQL are over doubles and bools");
  }

  #window(window: SqlWindow): string {
    if (!windowFunctions.has(window.function))
      return this.refuse(window.function, "no frame of SQL gives it exactly");
    const same = this.windows.findIndex(
      (other) =>
        other.function === window.function &&
        other.metric === window.metric &&
        other.widthUs === window.widthUs,
    );
    return `window_${same === -1 ? this.windows.push(window) - 1 : same}`;
  }

  #call(call: Extract<Expression, { op: "call" }>): string {
    const { args } = call;
    const [first, second, third] = args;
    const operator = operators.get(call.function);
    if (operator !== undefined) return this.#operation(call, operator);
    if (first === undefined) return this.refuse(call.function, "it is not known here");
    switch (call.function) {
      case "not":
        return `(NOT ${this.#write(first)})`;
      case "negate":
        return this.#isDouble(first, call.function) ? `(- ${this.#write(first)})` : "NULL";
      case "double":
        return this.#isDouble(first, call.function) ? this.#write(first) : "NULL";
      case "default":
        return second === undefined
          ? "NULL"
          : `COALESCE(${this.#write(first)}, ${this.#write(second)})`;
      case "if":
        if (second === undefined || third === undefined) return "NULL";
        return `(CASE ${this.#write(first)} WHEN TRUE THEN ${this.#write(second)} WHEN FALSE THEN ${this.#write(third)} END)`;
      case "index":
        return this.#attribute(call);
      case "in":
        return this.#membership(first, second);
      default:
        return this.refuse(call.function, "it has no counterpart in SQL");
    }
  }

  #operation({ function: name, args }: Extract<Expression, { op: "call" }>, sign: string): string {
    const isArithmetic = ["add", "subtract", "multiply", "divide"].includes(name);
    if (isArithmetic && !args.every((arg) => this.#isDouble(arg, name))) return "NULL";
    const [, divisor] = args;
    const isSafe = divisor?.op === "literal" && divisor.value !== 0;
    if (name === "divide" && !isSafe)
      return this.refuse(
        "a division by what may be 0",
        "its infinities are no values in SQL: multiply by the reciprocal, or divide by a number",
      );
    return `(${args.map((arg) => this.#write(arg)).join(` ${sign} `)})`;
  }

  #isDouble({ type }: Expression, name: string): boolean {
    if (type === "double") return true;
    this.refuse(`${name} of other than doubles`, "conditions in SQL are over doubles and bools");
    return false;
  }

  /** `agent.id`, `agent.type`, `agent.tier` and labels, in `where`. */
  #attribute(expression: Expression): string {
    const isRead = "agent's attributes";
    if (!this.#isWhere)
      return expression.op === "attribute" || isOfAttributes(expression)
        ? this.refuse(isRead, "they may stand in where only: their changes are no samples")
        : this.refuse("twin", "only samples are rows: the twin, events and maps are not");
    if (expression.op === "attribute") {
      const { attribute } = expression;
      if (attribute === "id") return "samples.agent";
      if (attribute === "type" || attribute === "tier")
        return `(SELECT agents.${attribute} FROM agents WHERE agents.agent = samples.agent)`;
    }
    const label = labelOf(expression);
    if (label === undefined)
      return this.refuse(isRead, "id, type, tier and labels can be read, and no others");
    const from = `FROM labels WHERE labels.agent = samples.agent AND labels.label = ${textLiteral(label)}`;
    return expression.op === "has" ? `EXISTS (SELECT 1 ${from})` : `(SELECT labels.value ${from})`;
  }

  #membership(item: Expression, list: Expression | undefined): string {
    const isOfTexts =
      list?.op === "list" &&
      list.elements.length > 0 &&
      list.elements.every((element) => element.op === "literal");
    if (!isOfTexts) return this.refuse("in", "it may stand before a list of literals only");
    return `(${this.#write(item)} IN (${list.elements.map((element) => this.#write(element)).join(", ")}))`;
  }
}

/** The place of an item in a list, put there if it is new. */
function placeIn<Item>(items: Item[], item: Item): number {
  const found = items.indexOf(item);
  return found === -1 ? items.push(item) - 1 : found;
}

function isOfAttributes(expression: Expression): boolean {
  if (expression.op === "attribute") return true;
  if (expression.op === "select" || expression.op === "has")
    return isOfAttributes(expression.operand);
  const [operand] = expression.op === "call" ? expression.args : [];
  return operand !== undefined && isOfAttributes(operand);
}

/** The label that is read, or asked for by `has`. */
function labelOf(expression: Expression): string | undefined {
  const isLabels = (operand: Expression | undefined): boolean =>
    operand?.op === "attribute" && operand.attribute === "labels";
  if (expression.op === "select" || expression.op === "has")
    return isLabels(expression.operand) ? expression.field : undefined;
  if (expression.op !== "call") return undefined;
  const [operand, key] = expression.args;
  if (key?.op !== "literal" || typeof key.value !== "string" || key.value.includes("\0"))
    return undefined;
  return isLabels(operand) ? key.value : undefined;
}
