import type { Expression } from "./expression.ts";
import type { ValueType } from "./types.ts";

/** How a value stands in the code. */
export type Form = "double" | "tri" | "value";

/** A piece of code, an expression of JavaScript that needs no brackets around it. */
export interface Code {
  readonly text: string;
  readonly form: Form;
  /** True when it can never be unknown. */
  readonly isKnown: boolean;
  /** True when it is a name or a literal, which costs nothing to write twice. */
  readonly isAtom: boolean;
}

/** The form of values of a static type. */
export function formOf(type: ValueType): Form {
  return type === "double" ? "double" : type === "bool" ? "tri" : "value";
}

/** What the parts of the JavaScript back end share: the function being written. */
export interface CodeWriter {
  expression(expression: Expression): Code;
  /** The same code in another form. */
  as(code: Code, form: Form): Code;
  /** Code that is a value, whatever the expression's type. */
  value(expression: Expression): string;
  /** A value as it comes from the run time, in the form of its static type. */
  fromValue(text: string, type: ValueType, isKnown: boolean): Code;
  /** Code for use more than once: `first` where it runs first, `again` after that. */
  reuse(code: Code): { readonly first: string; readonly again: string };
  /** The name of a matcher of a pattern. */
  matcher(pattern: string): string;
  /** The name of a cache of matchers, for patterns that are known at run time only. */
  patternCache(): string;
  /** The name of a bound constant. */
  constant(value: unknown): string;
  /** The name of the steps; what uses it may throw, and is guarded. */
  steps(): string;
}
