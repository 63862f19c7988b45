/**
 * Writes JavaScript for checked expressions. Job: a threshold must cost about what the same test
 * written by hand costs, and nothing a user wrote may become code.
 *
 * 1. The source holds names and numbers made here only. Every text of a rule (strings, names of
 *    metrics, fields) is a bound constant `kN`; numbers are written from their values.
 * 2. A double is a number with NaN as unknown; a bool is a {@link Tri}; all else is a value with
 *    undefined as unknown. An expression's static type settles which ({@link Form}).
 * 3. What is written throws only through `S` (the steps); a function that uses it is guarded and
 *    answers unknown.
 * 4. Columns are read through their object at each evaluation, once for each metric, since an
 *    array is replaced when it grows.
 */
import { type Code, type CodeWriter, type Form, formOf } from "./code.ts";
import type { Expression, Reading } from "./expression.ts";
import { writeCall } from "./javascript-call.ts";
import { compilePattern, PatternCache } from "./pattern.ts";
import type { ValueType } from "./types.ts";
import { makeList, makeMap, TypeValue, Uint, type Value } from "./values.ts";

/** A function to be written: `(slot) => Tri`, or `(slot) => Value`. */
export interface Wanted {
  readonly expression: Expression;
  readonly form: "tri" | "value";
}

/** The source of a factory `(X, C, R, K, V, S) => functions`, and what it must be given. */
export interface JavaScript {
  readonly source: string;
  /** Metrics whose columns are `C`, in order. */
  readonly metrics: readonly string[];
  /** Readings whose kept values are `R`, in order. */
  readonly readings: readonly Reading[];
  /** What is bound as `K`. */
  readonly constants: readonly unknown[];
}

/** Writes one factory that makes all the functions. */
export function writeJavaScript(wanted: readonly Wanted[]): JavaScript {
  const bindings = new Bindings();
  const functions = wanted.map(({ expression, form }) =>
    new FunctionWriter(bindings).write(expression, form),
  );
  const columns = bindings.metrics.map((_, number) => `const c${number}=C[${number}];`).join("");
  const constants = bindings.constants
    .map((_, number) => `const k${number}=K[${number}];`)
    .join("");
  const readings = [...bindings.readings.values()];
  const kept = readings.map((_, number) => `const r${number}=R[${number}];`).join("");
  const source = `"use strict";${columns}${kept}${constants}\nreturn [${functions.join(",\n")}];`;
  return { source, metrics: bindings.metrics, readings, constants: bindings.constants };
}

/** Names of what the functions of one factory share. */
class Bindings {
  readonly metrics: string[] = [];
  readonly constants: unknown[] = [];
  /** By their JSON, in the order of writing: the same reading is one, however often it is written. */
  readonly readings = new Map<string, Reading>();

  reading(reading: Reading): string {
    const key = JSON.stringify(reading);
    if (!this.readings.has(key)) this.readings.set(key, reading);
    return `r${[...this.readings.keys()].indexOf(key)}`;
  }

  column(metric: string): number {
    return numberIn(this.metrics, metric);
  }

  constant(value: unknown): string {
    return `k${numberIn(this.constants, value)}`;
  }
}

/** The place of an item in a list, put there if it is new. */
function numberIn<Item>(items: Item[], item: Item): number {
  const found = items.indexOf(item);
  return found === -1 ? items.push(item) - 1 : found;
}

/** Writes one function of a slot, closures within it included. */
class FunctionWriter implements CodeWriter {
  readonly #bindings: Bindings;
  readonly #columns = new Set<number>();
  /** Temporaries of the function or closure being written; each closure has its own. */
  #temporaries: string[] = [];
  #names = 0;
  #usesAttributes = false;
  #usesTwin = false;
  #usesEvent = false;
  #usesSteps = false;

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  write(expression: Expression, form: "tri" | "value"): string {
    const { text } = this.as(this.expression(expression), form);
    const columns = [...this.#columns].map((column) => `const v${column}=+c${column}.values[s];`);
    const lazy = [this.#usesAttributes ? ["a"] : [], this.#usesTwin ? ["w"] : []].flat();
    const event = this.#usesEvent ? "const e=X.event?.();" : "";
    const head = columns.join("") + event + declaration([...lazy, ...this.#temporaries]);
    if (!this.#usesSteps) return `function(s){${head}return ${text};}`;
    const unknown = form === "tri" ? "2" : "undefined";
    return `function(s){${head}S.start();try{return ${text};}catch{return ${unknown};}}`;
  }

  /** A fresh name, declared in the function or closure being written. */
  temporary(): string {
    const name = `t${this.#names}`;
    this.#names += 1;
    this.#temporaries.push(name);
    return name;
  }

  /** The steps, which may throw: what names them is guarded. */
  steps(): string {
    this.#usesSteps = true;
    return "S";
  }

  constant(value: unknown): string {
    return this.#bindings.constant(value);
  }

  matcher(pattern: string): string {
    return this.constant(compilePattern(pattern));
  }

  patternCache(): string {
    return this.constant(new PatternCache());
  }

  /** Code for use more than once: what `first` reads is written once, `again` is its name after that. */
  reuse(code: Code): { first: string; again: string } {
    if (code.isAtom) return { first: code.text, again: code.text };
    const name = this.temporary();
    return { first: `(${name}=${code.text})`, again: name };
  }

  /** A function of one element of a list. */
  closure(variable: number, body: Expression, form: "tri" | "value"): string {
    const outer = this.#temporaries;
    this.#temporaries = [];
    const { text } = this.as(this.expression(body), form);
    const head = declaration(this.#temporaries);
    this.#temporaries = outer;
    return `(x${variable})=>{${head}return ${text};}`;
  }

  /** The same code in another form. */
  as(code: Code, form: Form): Code {
    if (code.form === form) return code;
    if (form === "value")
      return { ...this.#boxed(code), form, isKnown: code.isKnown, isAtom: false };
    const { first, again } = this.reuse(code);
    if (form === "double") {
      if (code.isKnown) return { ...code, form };
      return { text: `(${first}===undefined?NaN:${again})`, form, isKnown: false, isAtom: false };
    }
    return {
      text: `(${first}===true?1:${again}===false?0:2)`,
      form,
      isKnown: false,
      isAtom: false,
    };
  }

  #boxed(code: Code): { text: string } {
    if (code.form === "tri") {
      return { text: code.isKnown ? `(${code.text}===1)` : `V.truth(${code.text})` };
    }
    return { text: code.isKnown ? code.text : `V.known(${code.text})` };
  }

  /** A value as it comes from the run time, in the form of its static type. */
  fromValue(text: string, type: ValueType, isKnown: boolean): Code {
    return this.as({ text, form: "value", isKnown, isAtom: false }, formOf(type));
  }

  /** Code that is a value, whatever the expression's type. */
  value(expression: Expression): string {
    return this.as(this.expression(expression), "value").text;
  }

  expression(expression: Expression): Code {
    switch (expression.op) {
      case "literal":
        return this.#literal(expression);
      case "metric": {
        const column = this.#bindings.column(expression.metric);
        this.#columns.add(column);
        return { text: `v${column}`, form: "double", isKnown: false, isAtom: true };
      }
      case "attribute":
        return this.#attribute(expression.attribute);
      case "twin":
        this.#usesTwin = true;
        return {
          text: "(w===undefined?w=X.twin(s):w)",
          form: "value",
          isKnown: true,
          isAtom: false,
        };
      case "event":
        this.#usesEvent = true;
        return { text: `(e?.${expression.field})`, form: "value", isKnown: false, isAtom: false };
      case "binding": {
        const text = `X.binding(${this.constant(expression.name)})`;
        return this.fromValue(text, expression.type, false);
      }
      case "window":
      case "age":
      case "count_events":
      case "fleet":
      case "absent": {
        const text = `${this.#bindings.reading(expression)}.value(s)`;
        return { text, form: formOf(expression.type), isKnown: false, isAtom: false };
      }
      case "variable":
        return this.#variable(expression.variable, expression.type);
      case "select": {
        const operand = this.value(expression.operand);
        const text = `V.at(${operand},${this.constant(expression.field)})`;
        return this.fromValue(text, expression.type, false);
      }
      case "has": {
        const operand = this.value(expression.operand);
        const text = `V.has(${operand},${this.constant(expression.field)})`;
        return { text, form: "tri", isKnown: false, isAtom: false };
      }
      case "list":
      case "map":
        return this.#collection(expression);
      case "comprehension":
        return this.#comprehension(expression);
      case "call":
        return writeCall(expression, this);
    }
  }

  #literal({ type, value }: Extract<Expression, { op: "literal" }>): Code {
    const code = (text: string, form: Form): Code => ({ text, form, isKnown: true, isAtom: true });
    if (type === "double") return code(numberText(Number(value)), "double");
    if (type === "bool") return code(value === true ? "1" : "0", "tri");
    if (type === "int") {
      const text = `${BigInt(value ?? 0)}n`;
      return code(text.startsWith("-") ? `(${text})` : text, "value");
    }
    return code(
      value === null ? "null" : this.constant(literalValue({ op: "literal", type, value })),
      "value",
    );
  }

  #attribute(attribute: Extract<Expression, { op: "attribute" }>["attribute"]): Code {
    if (attribute === "uptime") {
      return {
        text: "((X.nowUs-X.joinedAtUs(s))/1e6)",
        form: "double",
        isKnown: true,
        isAtom: false,
      };
    }
    this.#usesAttributes = true;
    const text = `(a===undefined?a=X.attributes(s):a).${attribute}`;
    return { text, form: "value", isKnown: true, isAtom: false };
  }

  #variable(variable: number, type: ValueType): Code {
    const name = `x${variable}`;
    if (type === "bool")
      return { text: `(${name}===true?1:0)`, form: "tri", isKnown: true, isAtom: false };
    return { text: name, form: formOf(type), isKnown: type !== "dyn", isAtom: true };
  }

  #collection(expression: Extract<Expression, { op: "list" | "map" }>): Code {
    const parts = expression.op === "list" ? expression.elements : expression.entries.flat();
    const literals = parts.filter((part) => part.op === "literal");
    if (literals.length === parts.length) {
      const values = literals.map(literalValue);
      const constant = expression.op === "list" ? makeList(...values) : makeMap(...values);
      return {
        text: this.constant(constant),
        form: "value",
        isKnown: constant !== undefined,
        isAtom: true,
      };
    }
    const make = expression.op === "list" ? "makeList" : "makeMap";
    const text = `V.${make}(${parts.map((part) => this.value(part)).join(",")})`;
    return { text, form: "value", isKnown: false, isAtom: false };
  }

  #comprehension(expression: Extract<Expression, { op: "comprehension" }>): Code {
    const { macro, variable, predicate, body, type } = expression;
    let range = this.value(expression.range);
    if (predicate !== undefined && body !== undefined) {
      range = `V.filter(${range},${this.closure(variable, predicate, "tri")},${this.steps()})`;
    }
    const closure =
      body === undefined
        ? this.closure(variable, predicate ?? { op: "literal", type: "bool", value: true }, "tri")
        : this.closure(variable, body, "value");
    const name = macro === "exists_one" ? "existsOne" : macro;
    const text = `V.${name}(${range},${closure},${this.steps()})`;
    return { text, form: formOf(type), isKnown: false, isAtom: false };
  }
}

function declaration(names: readonly string[]): string {
  return names.length === 0 ? "" : `let ${names.join(",")};`;
}

/** A finite number as JavaScript; it is a number's own text, so no user's text. */
function numberText(value: number): string {
  return value < 0 ? `(${String(value)})` : String(value);
}

/** A literal as a value of the run time. */
function literalValue({ type, value }: Extract<Expression, { op: "literal" }>): Value {
  switch (type) {
    case "int":
      return BigInt(value ?? 0);
    case "uint":
      return new Uint(BigInt(value ?? 0));
    case "bytes":
      return Uint8Array.from(String(value), (byte) => byte.charCodeAt(0));
    case "type":
      return new TypeValue(String(value));
    default:
      return value;
  }
}
