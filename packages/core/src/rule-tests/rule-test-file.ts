import { isMap, LineCounter, parseDocument } from "yaml";
import { parseRuleFile, type RulePlan, type RuleProblem } from "../rules/index.ts";
import { keysOf } from "./keys.ts";
import { testLimits } from "./limits.ts";
import { NodeReader } from "./reader.ts";
import type { FilePlace, NamedFile, RuleTest, RuleTests, RuleTestSettings } from "./rule-tests.ts";
import { RuleTestReader } from "./rule-test-reader.ts";

/** The tests of a file, none if it has an error; and all that is wrong with it. */
export interface RuleTestsResult {
  readonly tests: RuleTests | undefined;
  readonly problems: readonly RuleProblem[];
}

const defaultIntervalUs = 1_000_000;

/**
 * Reads a file of tests, YAML or JSON. Lines and columns are the file's. Rule files that it names are for the caller to
 * read; then `checkTests` holds the tests to the rules there are.
 */
export function parseRuleTests(text: string): RuleTestsResult {
  const lines = new LineCounter();
  if (text.length > testLimits.testFileLength)
    return refused(`the file is longer than ${testLimits.testFileLength} characters`, "split it");
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const reader = new NodeReader(text, document, lines);
    for (const { pos, message } of [...document.errors, ...document.warnings])
      reader.refuseAt(pos[0], message);
    if (reader.problems.length > 0) return { tests: undefined, problems: reader.problems };
    const tests = readFile(text, document.contents, reader);
    const hasErrors = reader.problems.some(({ severity }) => severity === "error");
    return { tests: hasErrors ? undefined : tests, problems: reader.problems };
  } catch (thrown) {
    // The reader of YAML recurses; what nests too deep for it overflows the stack.
    const isDeep = thrown instanceof RangeError;
    return refused(isDeep ? "the file nests too deep" : `it cannot be read: ${String(thrown)}`);
  }
}

function refused(message: string, hint?: string): RuleTestsResult {
  const mend = hint === undefined ? {} : { hint };
  return {
    tests: undefined,
    problems: [{ severity: "error", line: 1, column: 1, message, ...mend }],
  };
}

function readFile(text: string, root: unknown, reader: NodeReader): RuleTests | undefined {
  if (!isMap(root))
    return reader.refuse(root, "the file has no tests", "begin it with a line tests:");
  const fields = reader.fields(root, "file");
  if (fields === undefined) return undefined;
  const rules = rulesOf(text, fields.rules, reader);
  const ruleFiles = reader.items(fields.rule_files, "rule_files").flatMap((node): NamedFile[] => {
    const path = reader.text(node, "a rule file");
    return path === undefined ? [] : [{ path, ...reader.place(node) }];
  });
  if (fields.rules === undefined && fields.rule_files === undefined)
    reader.refuse(root, "the file has no rules to test", "name them below rule_files:");
  const intervalUs = reader.interval(fields.interval) ?? defaultIntervalUs;
  const settings = settingsOf(reader, fields.settings);
  const items = reader.items(fields.tests, "tests");
  if (items.length === 0)
    reader.refuse(fields.tests ?? root, "the file has no tests", "write them below tests:");
  const tests = items.flatMap((node) => {
    const test = new RuleTestReader(reader, intervalUs).read(node);
    return test === undefined ? [] : [test];
  });
  refuseSameNames(tests, reader);
  return { ruleFiles, rules, settings, tests };
}

/** Rules that stand in the file itself. */
function rulesOf(text: string, node: unknown, reader: NodeReader): readonly RulePlan[] {
  if (node === undefined) return [];
  const { rules, problems } = parseRuleFile(text, { otherKeys: Object.keys(keysOf.file) });
  reader.problems.push(...problems);
  return rules;
}

function settingsOf(reader: NodeReader, node: unknown): RuleTestSettings {
  const fields = node === undefined ? undefined : reader.fields(node, "settings");
  const staleAfterUs = reader.duration(fields?.stale_after, "stale_after");
  const windowSamples = reader.whole(fields?.window_samples, "window_samples", 1, 1_000_000);
  const latenessUs = reader.duration(fields?.lateness, "lateness");
  return {
    ...(latenessUs === undefined ? {} : { latenessUs }),
    ...(staleAfterUs === undefined ? {} : { staleAfterUs }),
    ...(windowSamples === undefined ? {} : { windowSamples }),
  };
}

function refuseSameNames(tests: readonly RuleTest[], reader: NodeReader): void {
  const placeOf = new Map<string, FilePlace>();
  for (const { name, line, column, length } of tests) {
    const first = placeOf.get(name);
    if (first === undefined) placeOf.set(name, { line, column, length });
    else {
      const message = `the name is used in line ${first.line} already`;
      const hint = "give each test a name of its own";
      reader.problems.push({ severity: "error", line, column, length, message, hint });
    }
  }
}
