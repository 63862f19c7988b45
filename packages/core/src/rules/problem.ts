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

/** A place in a text, 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
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
 * A problem as one line of text: `rules.yaml:7:11: rule runaway-cpu: unknown metric function
 * "avg_overtime": did you mean avg_over_time?`.
 */
export function formatProblem(problem: RuleProblem, fileName?: string): string {
  const file = fileName === undefined ? "" : `${fileName}:`;
  const rule = problem.rule === undefined ? "" : `rule ${problem.rule}: `;
  const field =
    problem.rule === undefined || problem.field === undefined ? "" : `${problem.field}: `;
  const hint = problem.hint === undefined ? "" : `: ${problem.hint}`;
  const severity = problem.severity === "warning" ? "warning: " : "";
  return `${file}${problem.line}:${problem.column}: ${severity}${rule}${field}${problem.message}${hint}`;
}
