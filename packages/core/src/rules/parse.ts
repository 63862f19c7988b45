import { parse as parseCel } from "@bufbuild/cel";
import { limits } from "./limits.ts";
import { parsePlain } from "./parse-plain.ts";
import type { Report } from "./problem.ts";
import { scanExpression } from "./scan.ts";
import type { LiteralSyntax, Macro, Operator, Syntax } from "./syntax.ts";

type CelParsed = ReturnType<typeof parseCel>;
type CelExpr = NonNullable<CelParsed["expr"]>;
type CelConstant = Extract<CelExpr["exprKind"], { case: "constExpr" }>["value"]["constantKind"];
type CelComprehension = Extract<CelExpr["exprKind"], { case: "comprehensionExpr" }>["value"];

const operators: ReadonlyMap<string, Operator> = new Map([
  ["_&&_", "&&"],
  ["_||_", "||"],
  ["!_", "!"],
  ["-_", "neg"],
  ["_+_", "+"],
  ["_-_", "-"],
  ["_*_", "*"],
  ["_/_", "/"],
  ["_%_", "%"],
  ["_==_", "=="],
  ["_!=_", "!="],
  ["_<_", "<"],
  ["_<=_", "<="],
  ["_>_", ">"],
  ["_>=_", ">="],
  ["@in", "in"],
  ["_?_:_", "?:"],
  ["_[_]", "[]"],
]);

/** Text that ends where an operand must follow. */
const unfinished = /(?:[-+*/%<>=!?:.]|&&|\|\||\bin)\s*$/;

/** Thrown inside this file only, and turned into a report at its door. */
class Refusal extends Error {
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(offset: number, message: string, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

/** Reads one CEL expression, or reports why it cannot be read. */
export function parseExpression(source: string, report: Report): Syntax | undefined {
  if (source.length > limits.expressionLength) {
    report(
      0,
      `the expression is longer than ${limits.expressionLength} characters`,
      "split it into several rules",
    );
    return undefined;
  }
  const scan = scanExpression(source);
  if (scan.problem !== undefined) {
    report(scan.problem.offset, scan.problem.message, scan.problem.hint);
    return undefined;
  }
  if (scan.text.trim() === "") {
    report(0, "the expression is empty");
    return undefined;
  }
  const plain = scan.quotedFields.size === 0 ? parsePlain(scan.text) : undefined;
  if (plain !== undefined) return plain;
  try {
    return parseAny(scan.text, scan.quotedFields);
  } catch (thrown) {
    const refusal = thrown instanceof Refusal ? thrown : refusalOf(thrown, scan.text);
    report(refusal.offset, refusal.message, refusal.hint);
    return undefined;
  }
}

/**
 * Reads any expression without comments.
 * @param quotedFields What fields are called whose names stand in backquotes, by the names that stand for them.
 * @throws what {@link refusalOf} reads
 */
export function parseAny(
  text: string,
  quotedFields: ReadonlyMap<string, string> = new Map(),
): Syntax {
  return new Converter(text, parseCel(text), quotedFields).convertRoot();
}

/** Reads what the parser threw: a syntax error carries its location. */
function refusalOf(thrown: unknown, text: string): Refusal {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const location: unknown =
    thrown instanceof Error && "location" in thrown ? thrown.location : undefined;
  const offset = startOffsetOf(location) ?? 0;
  if (offset >= text.length || unfinished.test(text)) {
    return new Refusal(text.trimEnd().length, "the expression ends too early");
  }
  const rest = text.slice(offset).trimStart();
  if (/^(?:==?=|=)/.test(rest) && !rest.startsWith("==")) {
    return new Refusal(offset, 'found "="', "write == to compare");
  }
  const found = /^(?:[\w.]+|.)/u.exec(rest)?.[0] ?? "";
  if (location === undefined) return new Refusal(0, message);
  if (typeof thrown === "object" && thrown !== null && !("expected" in thrown)) {
    return reservedRefusal(text, offset);
  }
  const mend =
    found === "and" || found === "or" ? `write ${found === "and" ? "&&" : "||"}` : undefined;
  return new Refusal(skipSpace(text, offset), `syntax error at ${JSON.stringify(found)}`, mend);
}

/** The one error of the parser that is not about what it expected; it points at or behind the word. */
function reservedRefusal(text: string, offset: number): Refusal {
  let start = Math.min(offset, text.length - 1);
  while (start > 0 && /\s/.test(text.charAt(start))) start -= 1;
  while (start > 0 && /\w/.test(text.charAt(start - 1))) start -= 1;
  const name = /^\w+/.exec(text.slice(start))?.[0] ?? "";
  return new Refusal(
    start,
    `${JSON.stringify(name)} is a reserved word`,
    `write metric("${name}") for a metric of that name`,
  );
}

function startOffsetOf(location: unknown): number | undefined {
  if (typeof location !== "object" || location === null || !("start" in location)) return undefined;
  const { start } = location;
  if (typeof start !== "object" || start === null || !("offset" in start)) return undefined;
  return typeof start.offset === "number" ? start.offset : undefined;
}

function skipSpace(text: string, offset: number): number {
  let position = offset;
  while (position < text.length && /\s/.test(text.charAt(position))) position += 1;
  return position < text.length ? position : offset;
}

/** Turns the parser's tree into ours: macros as written, chains flat, literals in range. */
class Converter {
  readonly #text: string;
  readonly #positions: Readonly<Record<string, number>>;
  readonly #macroCalls: Readonly<Record<string, CelExpr>>;
  readonly #root: CelExpr;
  readonly #quotedFields: ReadonlyMap<string, string>;

  constructor(text: string, parsed: CelParsed, quotedFields: ReadonlyMap<string, string>) {
    if (parsed.expr === undefined) throw new Refusal(0, "the expression is empty");
    this.#text = text;
    this.#quotedFields = quotedFields;
    this.#root = parsed.expr;
    this.#positions = parsed.sourceInfo?.positions ?? {};
    this.#macroCalls = parsed.sourceInfo?.macroCalls ?? {};
  }

  convertRoot(): Syntax {
    this.#refuseDepth();
    return this.#convert(this.#root);
  }

  /** Walks with a stack of its own: what passes can be walked by recursion from here on. */
  #refuseDepth(): void {
    const open: { expr: CelExpr; depth: number }[] = [{ expr: this.#root, depth: 1 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next.depth > limits.nestingLevels) {
        const message = `the expression nests deeper than ${limits.nestingLevels} levels`;
        throw new Refusal(this.#offsetOf(next.expr), message, "split it into several rules");
      }
      for (const expr of this.#childrenOf(next.expr)) open.push({ expr, depth: next.depth + 1 });
    }
  }

  #childrenOf(expr: CelExpr): readonly CelExpr[] {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "selectExpr":
        return exprKind.value.operand === undefined ? [] : [exprKind.value.operand];
      case "callExpr": {
        const { target, args } = exprKind.value;
        return target === undefined ? args : [target, ...args];
      }
      case "listExpr":
        return exprKind.value.elements;
      case "structExpr":
        return exprKind.value.entries.flatMap((entry) =>
          [entry.keyKind.case === "mapKey" ? entry.keyKind.value : undefined, entry.value].filter(
            (part) => part !== undefined,
          ),
        );
      case "comprehensionExpr": {
        const { range, predicate, body } = this.#macroParts(expr, exprKind.value);
        return [range, predicate, body].filter((part) => part !== undefined);
      }
      default:
        return [];
    }
  }

  #offsetOf(expr: CelExpr): number {
    return skipSpace(this.#text, this.#positions[expr.id.toString()] ?? 0);
  }

  #convert(expr: CelExpr): Syntax {
    const offset = this.#offsetOf(expr);
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "constExpr":
        return this.#literal(exprKind.value.constantKind, offset);
      case "identExpr":
        return { kind: "name", name: exprKind.value.name, offset };
      case "selectExpr": {
        const { operand, field, testOnly } = exprKind.value;
        return {
          kind: testOnly ? "has" : "select",
          operand: this.#required(operand, offset),
          field: this.#quotedFields.get(field) ?? field,
          offset,
        };
      }
      case "callExpr":
        return this.#call(
          exprKind.value.function,
          exprKind.value.target,
          exprKind.value.args,
          offset,
        );
      case "listExpr": {
        const { elements } = exprKind.value;
        this.#refuseLength(elements.length, offset);
        return {
          kind: "list",
          elements: elements.map((element) => this.#convert(element)),
          offset,
        };
      }
      case "structExpr":
        return this.#map(exprKind.value, offset);
      case "comprehensionExpr":
        return this.#macro(expr, exprKind.value, offset);
      case undefined:
        throw new Refusal(offset, "syntax error");
    }
  }

  #required(expr: CelExpr | undefined, offset: number): Syntax {
    if (expr === undefined) throw new Refusal(offset, "syntax error");
    return this.#convert(expr);
  }

  #refuseLength(count: number, offset: number): void {
    if (count <= limits.listElements) return;
    throw new Refusal(offset, `a list or map of more than ${limits.listElements} elements`);
  }

  #literal(constant: CelConstant, offset: number): LiteralSyntax {
    switch (constant.case) {
      case "nullValue":
        return { kind: "literal", type: "null", value: null, offset };
      case "boolValue":
        return { kind: "literal", type: "bool", value: constant.value, offset };
      case "stringValue":
        return { kind: "literal", type: "string", value: constant.value, offset };
      case "int64Value":
        if (BigInt.asIntN(64, constant.value) !== constant.value) throw outOfRange(offset, "int");
        return { kind: "literal", type: "int", value: constant.value, offset };
      case "uint64Value":
        if (BigInt.asUintN(64, constant.value) !== constant.value) throw outOfRange(offset, "uint");
        return { kind: "literal", type: "uint", value: constant.value, offset };
      case "doubleValue":
        if (!Number.isFinite(constant.value)) throw outOfRange(offset, "double");
        return { kind: "literal", type: "double", value: constant.value, offset };
      case "bytesValue":
        return {
          kind: "literal",
          type: "bytes",
          value: Array.from(constant.value, (byte) => String.fromCharCode(byte)).join(""),
          offset,
        };
      default:
        throw new Refusal(offset, "syntax error");
    }
  }

  #call(
    name: string,
    target: CelExpr | undefined,
    args: readonly CelExpr[],
    offset: number,
  ): Syntax {
    const operator = operators.get(name);
    const operands = args.map((argument) => this.#convert(argument));
    if (operator === undefined) {
      if (target === undefined) return { kind: "call", name, args: operands, offset };
      return { kind: "call", name, target: this.#convert(target), args: operands, offset };
    }
    const [first] = operands;
    if (operator === "neg" && first?.kind === "literal" && first.type === "int") {
      return this.#literal({ case: "int64Value", value: -first.value }, offset);
    }
    if (operator === "neg" && first?.kind === "literal" && first.type === "double") {
      return { kind: "literal", type: "double", value: -first.value, offset };
    }
    if (operator !== "&&" && operator !== "||")
      return { kind: "operator", operator, operands, offset };
    const flat = operands.flatMap((operand) =>
      operand.kind === "operator" && operand.operator === operator ? operand.operands : [operand],
    );
    return { kind: "operator", operator, operands: flat, offset };
  }

  #map(
    struct: Extract<CelExpr["exprKind"], { case: "structExpr" }>["value"],
    offset: number,
  ): Syntax {
    if (struct.messageName !== "") {
      throw new Refusal(
        offset,
        `there is no message type ${JSON.stringify(struct.messageName)}`,
        'write a map: {"key": value}',
      );
    }
    this.#refuseLength(struct.entries.length, offset);
    const entries = struct.entries.map((entry): readonly [Syntax, Syntax] => {
      const key = entry.keyKind.case === "mapKey" ? entry.keyKind.value : undefined;
      return [this.#required(key, offset), this.#required(entry.value, offset)];
    });
    return { kind: "map", entries, offset };
  }

  #macro(expr: CelExpr, comprehension: CelComprehension, offset: number): Syntax {
    const { macro, range, predicate, body } = this.#macroParts(expr, comprehension);
    return {
      kind: "macro",
      macro,
      range: this.#convert(range),
      variable: comprehension.iterVar,
      ...(predicate === undefined ? {} : { predicate: this.#convert(predicate) }),
      ...(body === undefined ? {} : { body: this.#convert(body) }),
      offset,
    };
  }

  /**
   * What a macro was written with. The parser has expanded it; its step is `accu || p`, `accu && p`,
   * `accu + [body]`, or `p ? … : accu`.
   */
  #macroParts(
    expr: CelExpr,
    comprehension: CelComprehension,
  ): { macro: Macro; range: CelExpr; predicate?: CelExpr; body?: CelExpr } {
    const call = this.#macroCalls[expr.id.toString()]?.exprKind;
    const range = comprehension.iterRange;
    const step = comprehension.loopStep?.exprKind;
    const offset = this.#offsetOf(expr);
    if (call?.case !== "callExpr" || range === undefined || step?.case !== "callExpr") {
      throw new Refusal(offset, "syntax error");
    }
    const [first, second] = step.value.args;
    if (first === undefined || second === undefined) throw new Refusal(offset, "syntax error");
    switch (call.value.function) {
      case "exists":
      case "all":
        return { macro: call.value.function, range, predicate: second };
      case "exists_one":
      case "existsOne":
        return { macro: "exists_one", range, predicate: first };
      case "filter":
        return { macro: "filter", range, predicate: first };
      case "map":
        if (call.value.args.length === 2)
          return { macro: "map", range, body: soleElement(second, offset) };
        return {
          macro: "map",
          range,
          predicate: first,
          body: soleElement(addend(second, offset), offset),
        };
      default:
        throw new Refusal(offset, `unknown macro ${JSON.stringify(call.value.function)}`);
    }
  }
}

function outOfRange(offset: number, type: string): Refusal {
  return new Refusal(offset, `the number is out of the range of ${type}`);
}

/** The element of `[element]`. */
function soleElement(expr: CelExpr, offset: number): CelExpr {
  const element = expr.exprKind.case === "listExpr" ? expr.exprKind.value.elements[0] : undefined;
  if (element === undefined) throw new Refusal(offset, "syntax error");
  return element;
}

/** The right side of `accu + right`. */
function addend(expr: CelExpr, offset: number): CelExpr {
  const right = expr.exprKind.case === "callExpr" ? expr.exprKind.value.args[1] : undefined;
  if (right === undefined) throw new Refusal(offset, "syntax error");
  return right;
}
