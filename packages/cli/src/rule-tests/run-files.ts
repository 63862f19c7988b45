import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { parseRuleFile, type RulePlan, type RuleProblem } from "@myelin/core/rules";
import {
  checkTests,
  type NamedFile,
  parseRuleTests,
  type RuleTests,
} from "@myelin/core/rule-tests";
import { type RuleTestOutcome, runRuleTest } from "@myelin/node";

/** A fault in a file of tests, or in a rule file that it names. */
export interface FileProblem extends RuleProblem {
  readonly file: string;
  /** The file's text; undefined where it cannot be read. */
  readonly content: string | undefined;
}

/** One test with how long it took. */
export interface TimedOutcome extends RuleTestOutcome {
  readonly seconds: number;
}

/** What became of one file of tests. */
export interface FileResult {
  readonly file: string;
  /** With an error no test was run. */
  readonly problems: readonly FileProblem[];
  readonly tests: readonly TimedOutcome[];
}

/** What became of all. */
export interface Result {
  readonly files: readonly FileResult[];
  readonly passed: number;
  readonly failed: number;
  /** True when a file has an error. */
  readonly isWrong: boolean;
  /** Every file that was read or looked for. */
  readonly sources: readonly string[];
}

/** How tests are run. */
export interface RunOptions {
  /** Only tests whose name matches. */
  readonly only: RegExp | undefined;
  /** For how long each took. */
  readonly clockMs: () => number;
}

/** Runs the tests of files; `-` is standard input. */
export async function runFiles(names: readonly string[], options: RunOptions): Promise<Result> {
  const sources = new Set<string>();
  const files: FileResult[] = [];
  for (const name of names) files.push(await runFile(name, options, sources));
  const tests = files.flatMap((file) => file.tests);
  const failed = tests.filter(({ failures }) => failures.length > 0).length;
  const isWrong = files.some(({ problems }) => problems.some(isError));
  return { files, passed: tests.length - failed, failed, isWrong, sources: [...sources] };
}

function isError({ severity }: RuleProblem): boolean {
  return severity === "error";
}

async function runFile(
  file: string,
  { only, clockMs }: RunOptions,
  sources: Set<string>,
): Promise<FileResult> {
  if (file !== "-") sources.add(resolve(file));
  const content = await contentOf(file);
  if (content === undefined) return { file, problems: [unreadable(file)], tests: [] };
  const problems: FileProblem[] = [];
  const tell = (found: readonly RuleProblem[]): void => {
    for (const problem of found) problems.push({ ...problem, file, content });
  };
  const parsed = parseRuleTests(content);
  tell(parsed.problems);
  const { tests } = parsed;
  if (tests === undefined) return { file, problems, tests: [] };
  const rules = await rulesOf(tests, file, content, { sources, problems });
  if (problems.some(isError)) return { file, problems, tests: [] };
  tell(checkTests(tests.tests, rules));
  if (problems.some(isError)) return { file, problems, tests: [] };
  const outcomes = tests.tests
    .filter(({ name }) => only === undefined || only.test(name))
    .map((test) => {
      const beganMs = clockMs();
      const outcome = runRuleTest(test, rules, tests.settings);
      return { ...outcome, seconds: (clockMs() - beganMs) / 1000 };
    });
  return { file, problems, tests: outcomes };
}

/** The rules of all files that a file of tests names, and its own. */
async function rulesOf(
  { ruleFiles, rules }: RuleTests,
  file: string,
  content: string,
  { sources, problems }: { readonly sources: Set<string>; readonly problems: FileProblem[] },
): Promise<readonly RulePlan[]> {
  const all = [...rules];
  for (const named of ruleFiles) {
    const path = file === "-" ? named.path : resolve(dirname(file), named.path);
    sources.add(resolve(path));
    const refuse = (message: string): void => {
      problems.push({ severity: "error", ...placeOf(named), message, file, content });
    };
    const ruleText = await contentOf(path);
    if (ruleText === undefined) {
      refuse(`the rule file ${named.path} cannot be read`);
      continue;
    }
    const read = parseRuleFile(ruleText);
    for (const problem of read.problems)
      problems.push({ ...problem, file: named.path, content: ruleText });
    for (const rule of read.rules) {
      if (all.some(({ name }) => name === rule.name))
        refuse(`the rule ${rule.name} of ${named.path} is there already`);
      else all.push(rule);
    }
  }
  return all;
}

function placeOf({
  line,
  column,
  length,
}: NamedFile): Pick<NamedFile, "line" | "column" | "length"> {
  return { line, column, length };
}

function unreadable(file: string): FileProblem {
  const what = file === "-" ? "standard input cannot be read" : "the file cannot be read";
  return { severity: "error", line: 1, column: 1, message: what, file, content: undefined };
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch {
    return undefined;
  }
}
