import { MyelinError } from "../errors/index.ts";

/** What is wrong with a rule, where, and how to mend it. */
export interface RuleProblem {
  /** A file with an error is not applied; a warning stops nothing. */
  readonly severity: "error" | "warning";
  /** The rule's name as written, where known. */
  readonly rule?: string;
  /** The field of the rule, such as `expr` or `args.reason`. */
  readonly field?: string;
  /** 1-based line in the file, or in the field's text when there is no file. */
  readonly line: number;
  /** 1-based column, in UTF-16 code units. */
  readonly column: number;
  /** How many code units the offending piece has, from there on; absent where it is unknown. */
  readonly length?: number;
  readonly message: string;
  /** The mend. */
  readonly hint?: string;
}

/** The error for a file, or a rule, with these errors: where the first is, and all of them in `details.problems`. */
export function invalidRules(errors: readonly RuleProblem[]): MyelinError {
  const first = errors[0];
  const where =
    first === undefined
      ? ""
      : `${first.rule === undefined ? "" : `rule ${first.rule}, `}line ${first.line}, column ${first.column}: `;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new MyelinError(
    "RULE_INVALID",
    `${where}${first?.message ?? "the file has errors"}${more}`,
    {
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
      details: { problems: errors.map((problem) => ({ ...problem })) },
    },
  );
}

/** Takes a problem at an offset of the text under examination. */
export type Report = (offset: number, message: string, hint?: string) => void;

/** A place in a text, 1-based, and the length of the piece that stands there. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length?: number;
}

const piece =
  /\.\s*[A-Za-z_]\w*|[A-Za-z_][\w.-]*|\d[\w.]*|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'|`[^`\r\n]*`|&&|\|\||[=!<>]=|[^\s]/y;

/** How long the word, number, text or sign is that begins at an offset; 1 where there is none. */
export function pieceLength(text: string, offset: number): number {
  piece.lastIndex = offset;
  return piece.exec(text)?.[0].length ?? 1;
}

/** The line and column of an offset; `\n`, `\r\n` and `\r` end lines. */
export function placeOf(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < offset && index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 10 || (code === 13 && text.charCodeAt(index + 1) !== 10)) {
      line += 1;
      lineStart = index + 1;
    }
  }
  return { line, column: Math.min(offset, text.length) - lineStart + 1 };
}

/**
 * A problem as a line of text: `rules.yaml:7:11: rule runaway-cpu: unknown metric function
 * "avg_overtime": did you mean avg_over_time?`.
 * @param text The text it is about; then the line follows, with the offending piece underlined.
 */
export function formatProblem(problem: RuleProblem, fileName?: string, text?: string): string {
  const file = fileName === undefined ? "" : `${fileName}:`;
  const rule = problem.rule === undefined ? "" : `rule ${problem.rule}: `;
  const field =
    problem.rule === undefined || problem.field === undefined ? "" : `${problem.field}: `;
  const hint = problem.hint === undefined ? "" : `: ${problem.hint}`;
  const severity = problem.severity === "warning" ? "warning: " : "";
  const line = `${file}${problem.line}:${problem.column}: ${severity}${rule}${field}${problem.message}${hint}`;
  const underlined = text === undefined ? undefined : underline(problem, text);
  return underlined === undefined ? line : `${line}\n${underlined}`;
}

const longestLine = 160;

/** The line of a problem and, below it, marks under the piece; undefined when the text has no such line. */
function underline({ line, column, length = 1 }: RuleProblem, text: string): string | undefined {
  const source = text.split(/\r\n|\r|\n/)[line - 1];
  if (source === undefined) return undefined;
  const from = Math.max(0, Math.min(column - 1, source.length) - longestLine / 2);
  const shown = source.slice(from, from + longestLine);
  const before = shown.slice(0, column - 1 - from).replace(/[^\t]/g, " ");
  const marks = "^".repeat(Math.max(1, Math.min(length, shown.length - before.length)));
  return `  ${shown}\n  ${before}${marks}`;
}
