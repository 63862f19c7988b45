import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRuleFile } from "@myelin/core/rules";
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

/** Throws unless the first lines are alike but for numbers and blanks. */
export function assertOutput(example: string, real: string): void {
  const [shown, there] = [example, real].map((text) =>
    (text.split("\n", 1)[0] ?? "").trim().replaceAll(/\d+/g, "0").replaceAll(/\s+/g, " "),
  );
  if (shown !== there) throw new Error(`the output is not this but:\n${real}`);
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
