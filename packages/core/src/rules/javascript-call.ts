/** Writes the JavaScript of operators and functions: fast where the types are known, through the run time else. */
import { type Code, type CodeWriter, type Form, formOf } from "./code.ts";
import type { Expression, FunctionName } from "./expression.ts";
import { momentParts } from "./moments.ts";

type Call = Extract<Expression, { op: "call" }>;

const relations: ReadonlyMap<FunctionName, { readonly holds: string; readonly fails: string }> =
  new Map([
    ["less", { holds: "<", fails: ">=" }],
    ["lessOrEqual", { holds: "<=", fails: ">" }],
    ["greater", { holds: ">", fails: "<=" }],
    ["greaterOrEqual", { holds: ">=", fails: "<" }],
  ]);
const doubleOperators: ReadonlyMap<FunctionName, string> = new Map([
  ["add", "+"],
  ["subtract", "-"],
  ["multiply", "*"],
  ["divide", "/"],
]);
const unknownOf: Readonly<Record<Form, string>> = { double: "NaN", tri: "2", value: "undefined" };

const compound = (text: string, form: Form, isKnown = false): Code => ({
  text,
  form,
  isKnown,
  isAtom: false,
});

/** The code of a call. */
export function writeCall(call: Call, writer: CodeWriter): Code {
  const [first, second] = call.args;
  if (first === undefined) throw new TypeError(`a plan calls ${call.function} without arguments`);
  if (second === undefined) return writeUnary(call, first, writer);
  switch (call.function) {
    case "and":
    case "or":
      return writeLogic(call.function === "and" ? 0 : 1, call.args, writer);
    case "if":
      return writeConditional(call, writer);
    case "default":
      return writeDefault(call, first, second, writer);
    case "equal":
    case "notEqual":
      return writeEquality(call.function === "equal", first, second, writer);
    case "less":
    case "lessOrEqual":
    case "greater":
    case "greaterOrEqual":
      return writeOrder(call.function, first, second, writer);
    case "add":
    case "subtract":
    case "multiply":
    case "divide":
    case "modulo":
      return writeArithmetic(call, first, second, writer);
    default:
      return writeBinary(call, first, second, writer);
  }
}

function writeUnary(call: Call, argument: Expression, writer: CodeWriter): Code {
  const code = writer.expression(argument);
  const value = (): string => writer.as(code, "value").text;
  switch (call.function) {
    case "not":
      return writeNot(writer.as(code, "tri"), writer);
    case "negate":
      if (code.form === "double") return compound(`(-${code.text})`, "double", code.isKnown);
      return writer.fromValue(`V.negate(${value()})`, call.type, false);
    case "size":
      return compound(`V.size(${value()})`, "value");
    case "int":
      return compound(`V.toInt(${value()})`, "value");
    case "uint":
      return compound(`V.toUint(${value()})`, "value");
    case "double":
      return code.form === "double" ? code : compound(`V.toDouble(${value()})`, "double");
    case "bool":
      return code.form === "tri" ? code : writer.fromValue(`V.toBool(${value()})`, "bool", false);
    case "string":
      return argument.type === "string" ? code : compound(`V.toText(${value()})`, "value");
    case "bytes":
      return compound(`V.toBytes(${value()})`, "value");
    case "timestamp":
      return compound(`V.toTimestamp(${value()})`, "value");
    case "duration":
      return compound(`V.toDuration(${value()})`, "value");
    case "type":
      return compound(`V.typeOf(${value()})`, "value");
    case "dyn":
      return writer.as(code, "value");
    default:
      if (momentParts.has(call.function))
        return compound(`V.momentPart(${value()},${writer.constant(call.function)})`, "value");
      throw new TypeError(`a plan calls ${call.function} with one argument`);
  }
}

function writeNot(code: Code, writer: CodeWriter): Code {
  if (code.isKnown) return compound(`(1-${code.text})`, "tri", true);
  const { first, again } = writer.reuse(code);
  return compound(`(${first}===2?2:1-${again})`, "tri");
}

/** `&&` for 0, `||` for 1: the deciding value decides whatever stands beside it, unknown too. */
function writeLogic(deciding: 0 | 1, args: readonly Expression[], writer: CodeWriter): Code {
  const [head, ...rest] = args;
  if (head === undefined) throw new TypeError("a plan has an empty && or ||");
  const code = writer.as(writer.expression(head), "tri");
  if (rest.length === 0) return code;
  const left = writer.reuse(code);
  const others = writeLogic(deciding, rest, writer);
  if (code.isKnown) {
    const text = `(${left.first}===${deciding}?${deciding}:${others.text})`;
    return compound(text, "tri", others.isKnown);
  }
  const right = writer.reuse(others);
  const neutral = 1 - deciding;
  const both = `${left.again}===${neutral}||${right.first}===${deciding}`;
  if (others.isAtom)
    return compound(`(${left.first}===${deciding}?${deciding}:${both}?${right.again}:2)`, "tri");
  const value = right.again;
  return compound(
    `(${left.first}===${deciding}?${deciding}:(${right.first},${left.again}===${neutral}||${value}===${deciding}?${value}:2))`,
    "tri",
  );
}

function writeConditional(call: Call, writer: CodeWriter): Code {
  const [condition, whenTrue, whenFalse] = call.args;
  if (!condition || !whenTrue || !whenFalse) throw new TypeError("a plan has an incomplete ?:");
  const form = formOf(call.type);
  const test = writer.as(writer.expression(condition), "tri");
  const { first, again } = writer.reuse(test);
  const yes = writer.as(writer.expression(whenTrue), form);
  const no = writer.as(writer.expression(whenFalse), form);
  const isKnown = test.isKnown && yes.isKnown && no.isKnown;
  if (test.isKnown) return compound(`(${first}===1?${yes.text}:${no.text})`, form, isKnown);
  return compound(`(${first}===1?${yes.text}:${again}===0?${no.text}:${unknownOf[form]})`, form);
}

function writeDefault(
  call: Call,
  value: Expression,
  fallback: Expression,
  writer: CodeWriter,
): Code {
  const form = formOf(call.type);
  const code = writer.as(writer.expression(value), form);
  const otherwise = writer.as(writer.expression(fallback), form);
  if (code.isKnown) return code;
  const { first, again } = writer.reuse(code);
  const isUnknown = form === "double" ? `${first}!==${again}` : `${first}===${unknownOf[form]}`;
  return compound(`(${isUnknown}?${otherwise.text}:${again})`, form, otherwise.isKnown);
}

function writeEquality(
  isEqual: boolean,
  left: Expression,
  right: Expression,
  writer: CodeWriter,
): Code {
  const [yes, no] = isEqual ? ["1", "0"] : ["0", "1"];
  const leftCode = writer.expression(left);
  const rightCode = writer.expression(right);
  const isSame = left.type === right.type;
  const isPlain = isSame && (left.type === "string" || left.type === "int");
  const areDoubles = leftCode.form === "double" && rightCode.form === "double";
  const areBools = leftCode.form === "tri" && rightCode.form === "tri";
  if (!isPlain && !areDoubles && !areBools) {
    const values = `${writer.as(leftCode, "value").text},${writer.as(rightCode, "value").text}`;
    const code = compound(`V.equal(${values},${writer.steps()})`, "tri");
    return isEqual ? code : writeNot(code, writer);
  }
  const a = writer.reuse(leftCode);
  const b = writer.reuse(rightCode);
  const unknown = unknownOf[leftCode.form];
  const unknowns = [leftCode, rightCode].flatMap((code, side) => {
    const { again } = side === 0 ? a : b;
    return code.isKnown
      ? []
      : [code.form === "double" ? `${again}!==${again}` : `${again}===${unknown}`];
  });
  if (unknowns.length === 0) return compound(`(${a.first}===${b.first}?${yes}:${no})`, "tri", true);
  // NaN equals nothing; one undefined never equals what is known.
  if (areDoubles || unknowns.length === 1) {
    return compound(`(${a.first}===${b.first}?${yes}:${unknowns.join("||")}?2:${no})`, "tri");
  }
  // Both may be unknown and then equal each other, so that is asked first; || must not skip `b.first`.
  const set = [a, b].flatMap(({ first, again }) => (first === again ? [] : [first]));
  const test = `${unknowns.join("||")}?2:${a.again}===${b.again}?${yes}:${no}`;
  return compound(`(${[...set, test].join(",")})`, "tri");
}

function writeOrder(
  name: FunctionName,
  left: Expression,
  right: Expression,
  writer: CodeWriter,
): Code {
  const relation = relations.get(name);
  if (relation === undefined) throw new TypeError(`${name} is no relation`);
  const leftCode = writer.expression(left);
  const rightCode = writer.expression(right);
  if (leftCode.form === "double" && rightCode.form === "double") {
    const a = writer.reuse(leftCode);
    const b = writer.reuse(rightCode);
    if (leftCode.isKnown && rightCode.isKnown) {
      return compound(`(${a.first}${relation.holds}${b.first}?1:0)`, "tri", true);
    }
    const holds = `${a.first}${relation.holds}${b.first}`;
    return compound(`(${holds}?1:${a.again}${relation.fails}${b.again}?0:2)`, "tri");
  }
  const values = `${writer.as(leftCode, "value").text},${writer.as(rightCode, "value").text}`;
  const { first, again } = writer.reuse(compound(`V.order(${values})`, "double"));
  return compound(`(${first}${relation.holds}0?1:${again}${relation.fails}0?0:2)`, "tri");
}

function writeArithmetic(
  call: Call,
  left: Expression,
  right: Expression,
  writer: CodeWriter,
): Code {
  const operator = doubleOperators.get(call.function);
  const leftCode = writer.expression(left);
  const rightCode = writer.expression(right);
  if (operator !== undefined && leftCode.form === "double" && rightCode.form === "double") {
    return compound(`(${leftCode.text}${operator}${rightCode.text})`, "double");
  }
  const [a, b] = writeOperands(left, leftCode, right, rightCode, writer);
  const steps = call.function === "add" ? `,${writer.steps()}` : "";
  return writer.fromValue(`V.${call.function}(${a},${b}${steps})`, call.type, false);
}

/** An `int` literal beside what proves to be a double at run time is a double. */
function writeOperands(
  left: Expression,
  leftCode: Code,
  right: Expression,
  rightCode: Code,
  writer: CodeWriter,
): readonly [string, string] {
  const a = writer.as(leftCode, "value");
  const b = writer.as(rightCode, "value");
  if (isIntLiteral(right) && left.type === "dyn") {
    const { first, again } = writer.reuse(a);
    return [first, `typeof ${again}==="number"?${asDouble(right)}:${b.text}`];
  }
  if (isIntLiteral(left) && right.type === "dyn") {
    const { first, again } = writer.reuse(b);
    return [`typeof ${first}==="number"?${asDouble(left)}:${a.text}`, again];
  }
  return [a.text, b.text];
}

function isIntLiteral(
  expression: Expression,
): expression is Extract<Expression, { op: "literal" }> {
  return expression.op === "literal" && expression.type === "int";
}

function asDouble(literal: Extract<Expression, { op: "literal" }>): string {
  return `(${Number(literal.value)})`;
}

function writeBinary(call: Call, left: Expression, right: Expression, writer: CodeWriter): Code {
  const a = writer.value(left);
  switch (call.function) {
    case "in":
      return compound(`V.contains(${a},${writer.value(right)},${writer.steps()})`, "tri");
    case "index":
      return writer.fromValue(`V.index(${a},${writer.value(right)})`, call.type, false);
    case "startsWith":
    case "endsWith":
      return compound(`V.${call.function}(${a},${writer.value(right)})`, "tri");
    case "contains":
      return compound(`V.containsText(${a},${writer.value(right)},${writer.steps()})`, "tri");
    case "matches": {
      if (right.op === "literal") {
        const matcher = writer.matcher(String(right.value));
        return compound(`V.matches(${a},${matcher},${writer.steps()})`, "tri");
      }
      const pattern = writer.value(right);
      const rest = `${writer.patternCache()},${writer.steps()}`;
      return compound(`V.matchesText(${a},${pattern},${rest})`, "tri");
    }
    default:
      if (momentParts.has(call.function)) {
        const name = writer.constant(call.function);
        return compound(`V.momentPart(${a},${name},${writer.value(right)})`, "value");
      }
      throw new TypeError(`a plan calls ${call.function} with two arguments`);
  }
}
