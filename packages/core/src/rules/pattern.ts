import { RE2JS } from "re2js";
import { limits } from "./limits.ts";

/** Answers whether a text contains a match of the pattern it was made of. */
export type Matcher = (text: string) => boolean;

/** Compiles a pattern of RE2, which runs in time linear in the text. */
export function compilePattern(pattern: string): Matcher {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
}

/** A pattern that is known at run time only, and how many steps it takes for a character. */
export interface FoundPattern {
  readonly matches: Matcher;
  readonly stepsPerCharacter: number;
}

/**
 * Matchers of patterns that are known at run time only: the latest few, since compiling takes long. Who sends them may
 * mean harm, so they are short, repeat little, and pay for the size that they have when they are compiled.
 */
export class PatternCache {
  readonly #patterns = new Map<string, FoundPattern | undefined>();

  /** The pattern in a text; undefined when it is none. */
  of(text: string): FoundPattern | undefined {
    if (this.#patterns.has(text)) return this.#patterns.get(text);
    const found = compileFound(text);
    if (this.#patterns.size >= limits.patternsKept) this.#patterns.clear();
    this.#patterns.set(text, found);
    return found;
  }
}

const instructionsPerStep = 32;

function compileFound(pattern: string): FoundPattern | undefined {
  if (pattern.length > limits.foundPatternLength) return undefined;
  // Repetitions within each other multiply, and those that stand apart are at most this many, too.
  let repetitions = 1;
  for (const [, least, most] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    repetitions *= Math.max(1, Number(least), Number(most ?? 0));
  if (repetitions > limits.foundPatternRepetitions) return undefined;
  try {
    const compiled = RE2JS.compile(pattern);
    return {
      matches: (text) => compiled.matcher(text).find(),
      stepsPerCharacter: Math.ceil(compiled.programSize() / instructionsPerStep),
    };
  } catch {
    return undefined;
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
