import { formatDuration } from "@myelin/core/clock";
import { formatProblem } from "@myelin/core/rules";
import type { Excerpt, Failure } from "@myelin/node";
import { table } from "../output/index.ts";
import type { FileProblem, Result } from "./run-files.ts";

/** What people read of it: a line for each test, more for those that failed, and how many there were. */
export function textOfResult({ files, passed, failed }: Result): string {
  const lines = files.flatMap(({ file, tests }) =>
    tests.flatMap(({ name, line, failures }) => [
      `${failures.length === 0 ? "ok  " : "FAIL"}  ${file}:${line}  ${name}`,
      ...failures.map((failure) => failureText(file, failure)),
    ]),
  );
  const count = passed + failed;
  const ended = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} failed`;
  return `${[...lines, `${count} ${count === 1 ? "test" : "tests"}: ${ended}`].join("\n")}\n`;
}

/** What is wrong with the files, a few lines each. */
export function problemsOfResult({ files }: Result): string {
  return files
    .flatMap(({ problems }) => problems.map((problem) => `${problemText(problem)}\n`))
    .join("");
}

/** A fault in a file, with its line. */
export function problemText({ file, content, ...problem }: FileProblem): string {
  return formatProblem(problem, file, content);
}

/** What was expected, what was there, and the series around the moment. */
export function failureText(file: string, failure: Failure): string {
  const { line, column, atUs, expected, actual, excerpt } = failure;
  return [
    `  ${file}:${line}:${column}: at ${formatDuration(atUs)}`,
    ...listed("expected", expected),
    ...listed("actual", actual),
    ...(excerpt === undefined ? [] : [excerptText(excerpt)]),
  ].join("\n");
}

function listed(what: string, lines: readonly string[]): string[] {
  const all = lines.length === 0 ? ["none"] : lines;
  return all.map((line, index) => `    ${(index === 0 ? what : "").padEnd(8)}  ${line}`);
}

function excerptText({ rule, agent, metrics, functions, rows }: Excerpt): string {
  const hasNotes = rows.some(({ notes }) => notes.length > 0);
  const noted = (text: string): string[] => (hasNotes ? [text] : []);
  const heading = ["", "AT", ...metrics, ...functions, ...noted("WHAT"), "STATE"];
  const lines = rows.map(({ atUs, isMoment, values, results, notes, state }) => [
    isMoment ? ">" : "",
    formatDuration(atUs),
    ...values.map((value) => String(value ?? "_")),
    ...results.map(resultText),
    ...noted(notes.join(", ")),
    state,
  ]);
  const text = table([heading, ...lines])
    .trimEnd()
    .replaceAll(/^/gm, "    ");
  return `    rule ${rule}, agent ${agent}:\n${text}`;
}

/** What a function gave, to six digits. */
function resultText(result: number | string | boolean | undefined): string {
  if (result === undefined) return "unknown";
  return String(typeof result === "number" ? Number(result.toPrecision(6)) : result);
}
