import { RE2JS } from "re2js";
import { limits } from "./limits.ts";

/** Answers whether a text contains a match of the pattern it was made of. */
export type Matcher = (text: string) => boolean;

/** Compiles a pattern of RE2, which runs in time linear in the text. */
export function compilePattern(pattern: string): Matcher {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
}

/** Matchers of patterns that are known at run time only: the latest few, since compiling takes long. */
export class PatternCache {
  readonly #matchers = new Map<string, Matcher | undefined>();

  /** The matcher of a text; undefined when it is no pattern. */
  of(pattern: string): Matcher | undefined {
    if (this.#matchers.has(pattern)) return this.#matchers.get(pattern);
    const matcher = patternProblem(pattern) === undefined ? compilePattern(pattern) : undefined;
    if (this.#matchers.size >= limits.patternsKept) this.#matchers.clear();
    this.#matchers.set(pattern, matcher);
    return matcher;
  }
}

/** Why a text is no pattern that can be compiled, or undefined when it is one. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > limits.patternLength) {
    return `the pattern is longer than ${limits.patternLength} characters`;
  }
  try {
    compilePattern(pattern);
    return undefined;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return `the pattern cannot be compiled: ${reason}`;
  }
}
