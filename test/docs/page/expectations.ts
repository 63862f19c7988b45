import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRuleTests } from "@myelin/core/rule-tests";
import { parseRuleFile } from "@myelin/core/rules";
import { defaultLimits, defaultSessionSettings, runRuleTest } from "@myelin/node";
import { nodeOptionsOf, readConfiguration } from "../../../packages/cli/src/config/index.ts";
import { repositoryRoot } from "./pages.ts";

/** Throws unless a rule file is accepted. */
export function assertRules(text: string): void {
  const { rules, problems } = parseRuleFile(text);
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join("; "));
  if (rules.length === 0) throw new Error("there is no rule in it");
}

/** Throws unless a rule file is refused: each `# error: …` line names a problem, in their order. */
export function assertRefused(text: string): void {
  const named = [...text.matchAll(/# error: (.*)$/gm)].map(([, message = ""]) => message.trim());
  const found = parseRuleFile(text).problems.map(({ message }) => message);
  if (named.length === 0 || named.join("\n") !== found.join("\n"))
    throw new Error(`the problems are not these but:\n${found.join("\n")}`);
}

/** Throws unless a file of tests of rules passes. */
export function assertTestsPass(text: string): void {
  const { tests, problems } = parseRuleTests(text);
  if (tests === undefined) throw new Error(problems.map(({ message }) => message).join("; "));
  const outcomes = tests.tests.map((test) => runRuleTest(test, tests.rules, tests.settings));
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  if (failures.length > 0) throw new Error(JSON.stringify(failures, undefined, 2));
}

/**
 * Throws unless every line of the example is in the output, in their order, but for what differs from run
 * to run: numbers, blanks, folders, and what is random.
 */
export function assertOutput(example: string, real: string): void {
  const there = comparable(real);
  let from = 0;
  for (const line of comparable(example)) {
    const at = there.indexOf(line, from);
    if (at < 0) throw new Error(`the output has no line like "${line}" there:\n${real}`);
    from = at + 1;
  }
}

function comparable(text: string): string[] {
  return text
    .replaceAll(/myl_[\w-]+/g, "SECRET")
    .replaceAll(/(?<![\w-])[\w-]{22}(?![\w-])/g, "ID")
    .replaceAll(/(?<![\w/:])(?:\/[\w.-]+)+\//g, "/")
    .replaceAll(/\d+/g, "0")
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => line !== "");
}

/** The first word of a line of the example that the real text does not have. */
export function missingWord(example: string, real: string): string | undefined {
  const words = example.split("\n").flatMap((line) => line.split(" ", 1)[0] || []);
  return words.find((word) => !real.includes(word));
}

/** The npm scripts that a text calls and package.json does not have. */
export function unknownScripts(text: string): string[] {
  const manifest = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const called = [...text.matchAll(/\bnpm (?:run )?([a-z]+)/g)].map(([, name = ""]) => name);
  return called.filter((name) => manifest.scripts[name] === undefined);
}

/** Fails unless the file is a node's configuration; what lies where it says need not be on this machine. */
export async function assertConfiguration(file: string): Promise<void> {
  const bounds = { session: { ...defaultSessionSettings }, limits: { ...defaultLimits } };
  nodeOptionsOf(await readConfiguration({ flags: { config: file }, environment: {}, bounds }));
}
