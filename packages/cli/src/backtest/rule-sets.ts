import { readFile } from "node:fs/promises";
import { MyelinError } from "@myelin/core/errors";
import { parseRuleFile, type RulePlan, type RuleProblem } from "@myelin/core/rules";
import { cell, objectsOf } from "../output/index.ts";
import type { NodeClient } from "../client/index.ts";

/** A fault in a rule file. */
interface FileProblem {
  readonly file: string;
  readonly content: string;
  readonly problem: RuleProblem;
}

/** The rules of some files. */
export interface ReadRules {
  readonly rules: readonly RulePlan[];
  readonly problems: readonly FileProblem[];
}

/** Rules to tell what was recorded, and those to compare with. */
export interface RuleSets {
  readonly now: readonly RulePlan[];
  readonly before: readonly RulePlan[];
}

/** The rules of files together. @throws MyelinError INVALID_ARGUMENT */
export async function readRules(files: readonly string[]): Promise<ReadRules> {
  const rules: RulePlan[] = [];
  const problems: FileProblem[] = [];
  for (const file of files) {
    const content = await contentOf(file);
    const read = parseRuleFile(content);
    problems.push(...read.problems.map((problem) => ({ file, content, problem })));
    for (const rule of read.rules) {
      if (rules.some(({ name }) => name === rule.name))
        throw new MyelinError(
          "INVALID_ARGUMENT",
          `the rule ${rule.name} of ${file} is there already`,
          {
            hint: "Name files that have each rule once.",
          },
        );
      rules.push(rule);
    }
  }
  return { rules, problems };
}

/**
 * What `rules apply` would make of the rules that a node has in force, and those as they are: of them only the ones that
 * `rules` replace, and others that read their states or whose states they read.
 * @throws MyelinError
 */
export async function rulesInForce(
  client: NodeClient,
  rules: readonly RulePlan[],
): Promise<RuleSets> {
  const { rules: documents } = await client.get("/api/v1/rules");
  const sources = objectsOf(documents).map(({ source }) => source ?? null);
  const read = parseRuleFile(JSON.stringify({ rules: sources }));
  const error = read.problems.find(({ severity }) => severity === "error");
  if (error !== undefined)
    throw new MyelinError(
      "CONFLICT",
      `the node has a rule that cannot be read here: ${error.message}`,
      {
        hint: "Use the command of the node's version, or --against FILE.",
      },
    );
  const concerned = new Set<string>(rules.map(({ name }) => name));
  const own = rules.flatMap(({ unless }) => unless ?? []);
  for (const name of own) concerned.add(name);
  for (let count = 0; count !== concerned.size; ) {
    count = concerned.size;
    for (const { name, unless } of read.rules) {
      if (unless === undefined) continue;
      if (concerned.has(unless)) concerned.add(name);
      if (concerned.has(name)) concerned.add(unless);
    }
  }
  const before = read.rules.filter(({ name }) => concerned.has(name));
  const kept = before.filter(({ name }) => !rules.some((rule) => rule.name === name));
  return { now: [...rules, ...kept], before };
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", `the file ${cell(file)} cannot be read`, {
      hint: "Name a rule file that is there and may be read.",
      cause,
    });
  }
}
