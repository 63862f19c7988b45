import { type Checking, literalExpression } from "./checking.ts";
import type { Expression, FunctionName } from "./expression.ts";
import type { Operator, Syntax } from "./syntax.ts";
import {
  describeType,
  isListType,
  isMapType,
  isNumericType,
  joinTypes,
  type ValueType,
} from "./types.ts";

type OperatorSyntax = Extract<Syntax, { kind: "operator" }>;

const functionNames: Readonly<Record<Operator, FunctionName>> = {
  "&&": "and",
  "||": "or",
  "!": "not",
  neg: "negate",
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "modulo",
  "==": "equal",
  "!=": "notEqual",
  "<": "less",
  "<=": "lessOrEqual",
  ">": "greater",
  ">=": "greaterOrEqual",
  in: "in",
  "?:": "if",
  "[]": "index",
};

/**
 * An `int` literal beside a double is a double; nothing else is promoted.
 * @param written The operand's syntax, which alone tells a literal.
 */
export function promoteLiteral(
  written: Syntax,
  operand: Expression,
  beside: ValueType,
): Expression {
  if (beside !== "double" || written.kind !== "literal" || written.type !== "int") return operand;
  const value = Number(written.value);
  return literalExpression({ kind: "literal", type: "double", value, offset: written.offset });
}

/** Types an operator's operands and result; undefined when it reported an error. */
export function checkOperator(syntax: OperatorSyntax, checking: Checking): Expression | undefined {
  const operands = syntax.operands.map((operand) => checking.check(operand));
  switch (syntax.operator) {
    case "&&":
    case "||":
    case "!":
      return checkLogic(syntax, operands, checking);
    case "?:":
      return checkConditional(syntax, operands, checking);
    case "neg":
      return checkNegation(syntax, operands, checking);
    default:
      return checkBinary(syntax, operands, checking);
  }
}

function call(operator: Operator, type: ValueType, args: readonly Expression[]): Expression {
  return { op: "call", type, function: functionNames[operator], args };
}

function mayBe(type: ValueType, wanted: ValueType): boolean {
  return type === wanted || type === "dyn";
}

function checkLogic(
  syntax: OperatorSyntax,
  operands: readonly Expression[],
  { report }: Checking,
): Expression | undefined {
  const wrong = operands.findIndex((operand) => !mayBe(operand.type, "bool"));
  if (wrong === -1) return call(syntax.operator, "bool", operands);
  const type = describeType(operands[wrong]?.type ?? "dyn");
  const offset = syntax.operands[wrong]?.offset ?? syntax.offset;
  report(
    offset,
    `${syntax.operator} needs a bool, found a ${type}`,
    "compare it with something, as in x > 0.9",
  );
  return undefined;
}

function checkConditional(
  syntax: OperatorSyntax,
  operands: readonly Expression[],
  { report }: Checking,
): Expression | undefined {
  const [condition, whenTrue, whenFalse] = operands;
  if (condition === undefined || whenTrue === undefined || whenFalse === undefined)
    return undefined;
  if (!mayBe(condition.type, "bool")) {
    report(
      syntax.operands[0]?.offset ?? syntax.offset,
      `? needs a bool, found a ${describeType(condition.type)}`,
    );
    return undefined;
  }
  const type = joinTypes(whenTrue.type, whenFalse.type);
  if (type !== undefined) return call("?:", type, operands);
  const branches = `${describeType(whenTrue.type)} and ${describeType(whenFalse.type)}`;
  report(
    syntax.operands[2]?.offset ?? syntax.offset,
    `the branches of ?: differ in type: ${branches}`,
    numericHint(whenTrue.type, whenFalse.type),
  );
  return undefined;
}

function checkNegation(
  syntax: OperatorSyntax,
  operands: readonly Expression[],
  { report }: Checking,
): Expression | undefined {
  const type = operands[0]?.type ?? "dyn";
  if (type === "double" || type === "int" || type === "dyn") return call("neg", type, operands);
  report(syntax.offset, `- needs a number, found a ${describeType(type)}`);
  return undefined;
}

function checkBinary(
  syntax: OperatorSyntax,
  operands: readonly Expression[],
  { report }: Checking,
): Expression | undefined {
  const [leftSyntax, rightSyntax] = syntax.operands;
  const [leftAsIs, rightAsIs] = operands;
  if (!leftSyntax || !rightSyntax || !leftAsIs || !rightAsIs) return undefined;
  const isPromoting = !["in", "[]", "%"].includes(syntax.operator);
  const left = isPromoting ? promoteLiteral(leftSyntax, leftAsIs, rightAsIs.type) : leftAsIs;
  const right = isPromoting ? promoteLiteral(rightSyntax, rightAsIs, leftAsIs.type) : rightAsIs;
  const type = binaryType(syntax.operator, left.type, right.type);
  if (type !== undefined) return call(syntax.operator, type, [left, right]);
  const typeName = [leftSyntax, rightSyntax].find((part, side) => isTypeName(part, operands[side]));
  if (typeName !== undefined) {
    const { message, hint } = complainOfTypeName(typeName.name);
    report(typeName.offset, message, hint);
    return undefined;
  }
  const types = `${describeType(left.type)} and ${describeType(right.type)}`;
  const hint = numericHint(left.type, right.type) ?? membershipHint(syntax.operator, right.type);
  const operator = syntax.operator === "[]" ? "indexing" : `operator ${syntax.operator}`;
  report(syntax.offset, `there is no ${operator} for ${types}`, hint);
  return undefined;
}

function isTypeName(
  syntax: Syntax,
  operand: Expression | undefined,
): syntax is Extract<Syntax, { kind: "name" }> {
  return syntax.kind === "name" && operand?.op === "literal" && operand.type === "type";
}

function complainOfTypeName(name: string): { message: string; hint: string } {
  return {
    message: `${name} is the name of a type`,
    hint: `write metric("${name}") for a metric of that name`,
  };
}

function binaryType(operator: Operator, left: ValueType, right: ValueType): ValueType | undefined {
  switch (operator) {
    case "+":
      return (
        momentType(operator, left, right) ??
        (addable(left) && addable(right) ? joinTypes(left, right) : undefined)
      );
    case "-":
      return (
        momentType(operator, left, right) ??
        (isNumber(left) && isNumber(right) ? joinTypes(left, right) : undefined)
      );
    case "*":
    case "/":
      return isNumber(left) && isNumber(right) ? joinTypes(left, right) : undefined;
    case "%":
      return left === "double" || right === "double" ? undefined : binaryType("-", left, right);
    case "==":
    case "!=":
      return joinTypes(left, right) === undefined ? undefined : "bool";
    case "<":
    case "<=":
    case ">":
    case ">=":
      return areOrdered(left, right) ? "bool" : undefined;
    case "in":
      return isMember(left, right) ? "bool" : undefined;
    case "[]":
      return elementType(left, right);
    default:
      return undefined;
  }
}

const isNumber = (type: ValueType): boolean => isNumericType(type) || type === "dyn";

const addable = (type: ValueType): boolean =>
  isNumber(type) || type === "string" || type === "bytes" || isListType(type);

/** What moving an instant, or joining durations, gives; undefined where neither has to do with time. */
function momentType(operator: "+" | "-", left: ValueType, right: ValueType): ValueType | undefined {
  if (left === "timestamp") {
    if (right === "duration") return "timestamp";
    if (right === "dyn") return operator === "+" ? "timestamp" : "dyn";
    return right === "timestamp" && operator === "-" ? "duration" : undefined;
  }
  if (left === "duration") {
    if (right === "duration") return "duration";
    if (right === "dyn") return operator === "+" ? "dyn" : "duration";
    return right === "timestamp" && operator === "+" ? "timestamp" : undefined;
  }
  if (left !== "dyn") return undefined;
  if (right === "timestamp") return operator === "+" ? "timestamp" : "duration";
  return right === "duration" ? "dyn" : undefined;
}

const orderedTypes: readonly ValueType[] = ["string", "bool", "bytes", "timestamp", "duration"];

/** Numbers of all types stand on one line; the others are ordered among themselves. */
function areOrdered(left: ValueType, right: ValueType): boolean {
  if (isNumber(left) && isNumber(right)) return true;
  return orderedTypes.some((type) =>
    [left, right].every((side) => side === type || side === "dyn"),
  );
}

function isMember(element: ValueType, container: ValueType): boolean {
  if (container === "dyn") return true;
  if (isListType(container)) return joinTypes(element, container.list) !== undefined;
  return isMapType(container) && joinTypes(element, container.key) !== undefined;
}

function elementType(container: ValueType, index: ValueType): ValueType | undefined {
  if (container === "dyn") return typeof index === "object" || index === "null" ? undefined : "dyn";
  if (isListType(container)) return index === "int" || index === "dyn" ? container.list : undefined;
  if (!isMapType(container)) return undefined;
  return joinTypes(index, container.key) === undefined ? undefined : container.value;
}

function numericHint(left: ValueType, right: ValueType): string | undefined {
  const isMixed = isNumericType(left) && isNumericType(right) && left !== right;
  return isMixed ? "convert one side with double(…) or int(…)" : undefined;
}

function membershipHint(operator: Operator, container: ValueType): string | undefined {
  if (operator === "in" && isListType(container)) {
    const mend = container.list === "int" ? ": write them as doubles, such as 1.0" : "";
    return `the list holds values of type ${describeType(container.list)}${mend}`;
  }
  if (operator === "[]" && isListType(container))
    return "a list is indexed by an int; convert with int(…)";
  return undefined;
}
