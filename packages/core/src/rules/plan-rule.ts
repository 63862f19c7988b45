import { type ActionName, parseActionName, parseRuleName, type RuleName } from "../ids/index.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json/index.ts";
import { checkCondition } from "./check.ts";
import type { Scope } from "./checking.ts";
import { type SamplingInterval, warnOfRule } from "./doubts.ts";
import { type Expression, partsOfExpression } from "./expression.ts";
import { fieldNames, FieldReader, type Locate } from "./fields.ts";
import { limits } from "./limits.ts";
import { parseExpression } from "./parse.ts";
import { inputsOf, type RulePlan, type RuleSource } from "./plan.ts";
import { pieceLength, placeOf, type RuleProblem } from "./problem.ts";
import { scanExpression } from "./scan.ts";
import { canonicalText } from "./syntax.ts";
import { type ArgsTemplate, expressionsOf, parseArgs } from "./template.ts";

/** How rules are checked. */
export interface PlanOptions {
  /** How often metrics come, where that is known: windows that are too short for that are warned of. */
  readonly samplingIntervalUs?: SamplingInterval;
}

/** A plan, unless there are errors; and the problems, warnings among them. */
export interface PlanResult {
  readonly plan?: RulePlan;
  readonly problems: readonly RuleProblem[];
}

/**
 * Checks one rule that did not come from a file. Lines and columns of problems count in the text of
 * the field they name.
 */
export function planRule(source: RuleSource, options: PlanOptions = {}): PlanResult {
  return planFields(
    source,
    (path, offset) => {
      let value: unknown = source;
      for (const key of path) {
        value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
      }
      if (typeof value !== "string" || offset === "key") return { line: 1, column: 1 };
      return { ...placeOf(value, offset), length: pieceLength(value, offset) };
    },
    options,
  );
}

/** Checks one rule from fields of any origin. */
export function planFields(
  fields: unknown,
  locate: Locate,
  { samplingIntervalUs }: PlanOptions = {},
): PlanResult {
  if (!isJsonObject(fields)) {
    const problem = {
      severity: "error",
      ...locate([], 0),
      message: "a rule must be a map of fields",
    } as const;
    return { problems: [problem] };
  }
  const reader = new FieldReader(fields, locate);
  reader.refuseUnknownFields();
  const scope: Scope = { readable: "everything" };
  const identity = readIdentity(reader, scope);
  const conditions = readConditions(reader, scope, identity?.args);
  const delivery = readDelivery(reader);
  const isWhole = !reader.hasErrors && identity !== undefined && conditions !== undefined;
  if (!isWhole) return { problems: inOrder(reader.problems) };
  const plan = { source: sourceOf(fields), ...identity, ...conditions, ...delivery };
  warnOfRule(plan, reader, samplingIntervalUs);
  return { plan, problems: inOrder(reader.problems) };
}

function inOrder(problems: readonly RuleProblem[]): readonly RuleProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

type Identity = Pick<RulePlan, "name" | "unless" | "action" | "args">;

function readIdentity(reader: FieldReader, scope: Scope): Identity | undefined {
  const name = reader.name<RuleName>("name", reader.requiredText("name"), parseRuleName);
  const unless = reader.name<RuleName>("unless", reader.text("unless"), parseRuleName);
  const action = reader.name<ActionName>("action", reader.requiredText("action"), parseActionName);
  const description = reader.text("description");
  if (description !== undefined && description.length > limits.descriptionLength) {
    reader.refuse(
      ["description"],
      0,
      `the description is longer than ${limits.descriptionLength} characters`,
    );
  }
  if (unless !== undefined && unless === name) {
    reader.refuse(["unless"], 0, "the rule names itself", "name another rule");
  }
  const args: ArgsTemplate = parseArgs(reader.args(), scope, (path, offset, message, hint) =>
    reader.refuse(path, offset, message, hint),
  );
  if (name === undefined || action === undefined) return undefined;
  return { name, ...(unless === undefined ? {} : { unless }), action, args };
}

type Conditions = Pick<
  RulePlan,
  | "where"
  | "condition"
  | "resolve"
  | "forUs"
  | "keepFiringForUs"
  | "missing"
  | "isEventRule"
  | "inputs"
  | "meaning"
>;

function readConditions(
  reader: FieldReader,
  scope: Scope,
  args: ArgsTemplate | undefined,
): Conditions | undefined {
  const attributes: Scope = { ...scope, readable: "attributes" };
  const where = readCondition(reader, "where", reader.text("where"), attributes);
  const { expr, forUs } = readExpr(reader);
  const condition = readCondition(reader, "expr", expr, scope);
  const resolve = readCondition(reader, "resolve", reader.text("resolve"), scope);
  const isEventRule = condition !== undefined && namesEvent(condition.expression);
  if (isEventRule && forUs > 0) {
    const message = "an event is there at its own instant only, so for can never be reached";
    const mend = 'leave for out; count_events("type", "1m") > 3 is for what goes on';
    reader.refuse([reader.isGiven("for") ? "for" : "expr"], 0, message, mend);
  }
  const keepFiringForUs = reader.duration("keep_firing_for", false) ?? 0;
  const missing = reader.word("missing", ["reset", "hold"]) ?? "reset";
  if (condition === undefined) return undefined;
  const meaning = [
    `where ${where?.meaning ?? ""}`,
    `expr ${condition.meaning}`,
    `for ${forUs}`,
    `resolve ${resolve?.meaning ?? ""}`,
    `missing ${missing}`,
    `keep_firing_for ${keepFiringForUs}`,
  ].join("\n");
  return {
    ...(where === undefined ? {} : { where: where.expression }),
    condition: condition.expression,
    ...(resolve === undefined ? {} : { resolve: resolve.expression }),
    forUs,
    keepFiringForUs,
    missing,
    isEventRule,
    inputs: inputsOf(
      [condition, resolve].flatMap((part) => part?.expression ?? []),
      args === undefined ? [] : expressionsOf(args),
    ),
    meaning,
  };
}

function namesEvent(expression: Expression): boolean {
  return expression.op === "event" || partsOfExpression(expression).some(namesEvent);
}

/** `expr`, without the `for` of its one-line form, and how long it must hold. */
function readExpr(reader: FieldReader): { expr: string | undefined; forUs: number } {
  const text = reader.requiredText("expr");
  const givenUs = reader.duration("for", false);
  if (text === undefined || text.length > limits.expressionLength)
    return { expr: text, forUs: givenUs ?? 0 };
  const scan = scanExpression(text);
  if (
    scan.problem !== undefined ||
    scan.forOffset === undefined ||
    scan.text.slice(0, scan.forOffset).trim() === ""
  ) {
    return { expr: text, forUs: givenUs ?? 0 };
  }
  const expr = text.slice(0, scan.forOffset);
  const after = scan.text.slice(scan.forOffset + "for".length);
  if (reader.isGiven("for")) {
    reader.refuse(
      ["expr"],
      scan.forOffset,
      "for is given twice",
      "keep the one in expr or the field for",
    );
    return { expr, forUs: 0 };
  }
  const durationOffset = scan.forOffset + "for".length + (after.length - after.trimStart().length);
  const forUs = reader.durationText(["expr"], durationOffset, after.trim(), false);
  return { expr, forUs: forUs ?? 0 };
}

function readCondition(
  reader: FieldReader,
  field: "where" | "expr" | "resolve",
  text: string | undefined,
  scope: Scope,
): { expression: Expression; meaning: string } | undefined {
  if (text === undefined) return undefined;
  const report = (offset: number, message: string, hint?: string): void =>
    reader.refuse([field], offset, message, hint);
  const syntax = parseExpression(text, report);
  const expression = syntax && checkCondition(syntax, scope, report);
  return expression && syntax && { expression, meaning: canonicalText(syntax) };
}

type Delivery = Pick<
  RulePlan,
  "priority" | "slaUs" | "deadlineUs" | "timeoutUs" | "cooldownUs" | "attempts" | "limit" | "mode"
>;

const secondUs = 1_000_000;

function readDelivery(reader: FieldReader): Delivery {
  const slaUs = reader.duration("sla", true);
  const limit = reader.limit();
  return {
    priority: reader.whole("priority", 1, 10) ?? 5,
    ...(slaUs === undefined ? {} : { slaUs }),
    deadlineUs:
      reader.duration("deadline", true) ?? (slaUs === undefined ? 30 * secondUs : 100 * slaUs),
    timeoutUs: reader.duration("timeout", true) ?? 60 * secondUs,
    cooldownUs: reader.duration("cooldown", false) ?? 0,
    attempts: reader.whole("attempts", 1, limits.attempts) ?? 1,
    ...(limit === undefined ? {} : { limit }),
    mode: reader.word("mode", ["enforce", "shadow", "off"]) ?? "enforce",
  };
}

/** The rule as written, its known fields only; they have been checked. */
function sourceOf(fields: JsonObject): RuleSource {
  const source: Record<string, JsonValue> = {};
  for (const name of fieldNames) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value !== undefined && value !== null) source[name] = copyOf(value);
  }
  // The reader has checked each field against the type that RuleSource gives it.
  return source as unknown as RuleSource;
}

/** A copy that shares nothing with the value; in a third of the time that structuredClone takes. */
function copyOf(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copyOf(field)]));
}
