/**
 * Reads the expressions that most rules have, straight to syntax: names, numbers, strings, operators, fields,
 * indexes, calls and lists. The parser behind it takes 30 times as long (measured), which is what a hundred
 * rules would wait for when they are applied.
 *
 * Invariants
 * 1. What it reads is what the parser behind it reads, offsets too: a property test compares them.
 * 2. It reports nothing. Whatever it does not know, errors above all, it leaves to the parser behind it.
 */
import type { Operator, Syntax } from "./syntax.ts";

/** More than these are left to the parser behind it, which bounds nesting. */
const mostNodes = 40;

const number = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const plainString = /"[^"\\\r\n]*"|'[^'\\\r\n]*'/y;
const longestInteger = 15;

/** Words that are no names, and macros, whose calls are not what they look like. */
const notPlain: ReadonlySet<string> = new Set(
  (
    "as break const continue else false for function if import in let loop package namespace null return true var " +
    "void while all exists exists_one existsOne filter has map"
  ).split(" "),
);

/** The parser behind it takes these for a literal and what follows it. */
const likeLiteral = /^(?:true|false|null)/;

/** Binary operators by how tightly they bind; all of them group to the left. */
const levels: readonly (readonly Operator[])[] = [
  ["<=", ">=", "==", "!=", "<", ">", "in"],
  ["+", "-"],
  ["*", "/", "%"],
];
/** What binary operators begin with: anything else ends the operands of every level. */
const operatorStarts = "<>=!i+-*/%";

/** Thrown inside this file only: the expression is for the parser behind. */
const leave = new Error("for the parser behind");

/** Reads an expression without comments; undefined when it is for the parser behind. */
export function parsePlain(text: string): Syntax | undefined {
  try {
    return new PlainParser(text).read();
  } catch (thrown) {
    if (thrown === leave) return undefined;
    throw thrown;
  }
}

class PlainParser {
  readonly #text: string;
  #at = 0;
  #nodes = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Syntax {
    const syntax = this.#conditional();
    this.#skipSpace();
    return this.#at === this.#text.length ? syntax : this.#leave();
  }

  #conditional(): Syntax {
    this.#skipSpace();
    const offset = this.#at;
    const condition = this.#chain("||");
    if (!this.#take("?")) return condition;
    const then = this.#chain("||");
    if (!this.#take(":")) return this.#leave();
    const otherwise = this.#conditional();
    return this.#node({
      kind: "operator",
      operator: "?:",
      operands: [condition, then, otherwise],
      offset,
    });
  }

  /** A chain of `||`, or within it of `&&`; both are flat. */
  #chain(operator: "||" | "&&"): Syntax {
    this.#skipSpace();
    const offset = this.#at;
    const next = (): Syntax => (operator === "||" ? this.#chain("&&") : this.#binary(0));
    const first = next();
    if (!this.#take(operator)) return first;
    const parts = [first];
    do parts.push(next());
    while (this.#take(operator));
    const operands = parts.flatMap((part) =>
      part.kind === "operator" && part.operator === operator ? part.operands : [part],
    );
    return this.#node({ kind: "operator", operator, operands, offset });
  }

  #binary(level: number): Syntax {
    const operators = levels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      this.#skipSpace();
      const offset = this.#at;
      if (offset === this.#text.length || !operatorStarts.includes(this.#text.charAt(offset)))
        return left;
      const operator = operators.find((each) => this.#takeOperator(each));
      if (operator === undefined) return left;
      const right = this.#binary(level + 1);
      left = this.#node({ kind: "operator", operator, operands: [left, right], offset });
    }
  }

  #unary(): Syntax {
    this.#skipSpace();
    const offset = this.#at;
    const sign = this.#text[offset];
    if (sign !== "-" && sign !== "!") return this.#member();
    this.#at += 1;
    this.#skipSpace();
    const after = this.#text[this.#at];
    // The parser behind drops doubled signs, brackets between them or not.
    if (after === "-" || after === "!") return this.#leave();
    const operand = this.#member();
    const isSigned = operand.kind === "operator" && operand.operands.length === 1;
    if (isSigned || (after === "(" && operand.kind === "literal")) return this.#leave();
    if (sign === "-" && operand.kind === "literal") {
      if (operand.type === "int" || operand.type === "double")
        return { ...operand, value: -operand.value, offset } as Syntax;
    }
    return this.#node({
      kind: "operator",
      operator: sign === "-" ? "neg" : "!",
      operands: [operand],
      offset,
    });
  }

  #member(): Syntax {
    let operand = this.#primary();
    if (operand.kind === "literal" && typeof operand.value !== "string" && this.#isMemberAhead())
      return this.#leave();
    for (;;) {
      this.#skipSpace();
      const offset = this.#at;
      if (this.#take(".")) {
        this.#skipSpace();
        const name = this.#name();
        operand = this.#node(
          this.#take("(")
            ? { kind: "call", name, target: operand, args: this.#list(")"), offset }
            : { kind: "select", operand, field: name, offset },
        );
      } else if (this.#take("[")) {
        const index = this.#conditional();
        if (!this.#take("]")) return this.#leave();
        operand = this.#node({
          kind: "operator",
          operator: "[]",
          operands: [operand, index],
          offset,
        });
      } else return operand;
    }
  }

  #isMemberAhead(): boolean {
    this.#skipSpace();
    const next = this.#text[this.#at];
    return next === "." || next === "[";
  }

  #primary(): Syntax {
    this.#skipSpace();
    const offset = this.#at;
    if (this.#take("(")) {
      const inner = this.#conditional();
      return this.#take(")") ? inner : this.#leave();
    }
    if (this.#take("[")) return this.#node({ kind: "list", elements: this.#list("]"), offset });
    const digits = this.#match(number);
    if (digits !== undefined) return this.#number(digits, offset);
    const quoted = this.#match(plainString);
    if (quoted !== undefined)
      return this.#node({ kind: "literal", type: "string", value: this.#string(quoted), offset });
    const name = this.#match(word);
    if (name === "true" || name === "false")
      return this.#node({ kind: "literal", type: "bool", value: name === "true", offset });
    this.#at = offset;
    const plainName = this.#name();
    // `r"…"` and `b'…'` are strings.
    if (/["']/.test(this.#text.charAt(this.#at))) return this.#leave();
    if (this.#take("("))
      return this.#node({ kind: "call", name: plainName, args: this.#list(")"), offset });
    return this.#node({ kind: "name", name: plainName, offset });
  }

  #number(digits: string, offset: number): Syntax {
    if (/^[0-9]+$/.test(digits)) {
      if (digits.length > longestInteger) return this.#leave();
      return this.#node({ kind: "literal", type: "int", value: BigInt(digits), offset });
    }
    const value = Number(digits);
    if (!Number.isFinite(value)) return this.#leave();
    return this.#node({ kind: "literal", type: "double", value, offset });
  }

  #string(quoted: string): string {
    // Three quotes begin a string that may hold quotes.
    if (quoted.length === 2 && this.#text[this.#at] === quoted[0]) return this.#leave();
    return quoted.slice(1, -1);
  }

  /** What stands between brackets, divided by commas, up to the closing one. */
  #list(closer: ")" | "]"): Syntax[] {
    if (this.#take(closer)) return [];
    const elements: Syntax[] = [];
    do elements.push(this.#conditional());
    while (this.#take(","));
    return this.#take(closer) ? elements : this.#leave();
  }

  #name(): string {
    const name = this.#match(word);
    const isPlain = name !== undefined && !notPlain.has(name) && !likeLiteral.test(name);
    return isPlain ? name : this.#leave();
  }

  #takeOperator(operator: Operator): boolean {
    if (operator !== "in") return this.#take(operator);
    return /^in(?!\w)/.test(this.#text.slice(this.#at, this.#at + 3)) && this.#take("in");
  }

  /** Passes white space and then `token`, if it is there. */
  #take(token: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 32 || code === 9 || code === 10 || code === 12 || code === 13) {
      this.#at += 1;
      code = this.#text.charCodeAt(this.#at);
    }
  }

  #node(syntax: Syntax): Syntax {
    this.#nodes += 1;
    return this.#nodes > mostNodes ? this.#leave() : syntax;
  }

  #leave(): never {
    throw leave;
  }
}
