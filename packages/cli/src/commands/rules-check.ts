import { readFile } from "node:fs/promises";
import process from "node:process";
import { text } from "node:stream/consumers";
import { buildCommand, type Command, type TypedPositionalParameters } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { formatProblem, parseRuleFile, ruleFileSchema } from "@myelin/core/rules";
import { ruleTestsSchema } from "@myelin/core/rule-tests";
import { type CliContext, jsonFlag, print } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

/** The files that a command about rule files takes. */
export const ruleFiles: TypedPositionalParameters<string[], CliContext> = {
  kind: "array",
  minimum: 1,
  parameter: {
    parse: String,
    brief: "Rule file in YAML or JSON; - for standard input",
    placeholder: "FILE",
  },
};

/** `myelin rules check FILE…`: says what is wrong with rule files, and asks no node. */
export const check: Command<CliContext> = buildCommand<
  { readonly json: boolean },
  string[],
  CliContext
>({
  docs: { brief: "Check rule files without a node; exits 2 when one has an error" },
  parameters: {
    flags: jsonFlag,
    positional: ruleFiles,
  },
  async func({ json }, ...names) {
    const files = await Promise.all(
      names.map(async (file) => {
        const content = await textOf(file);
        const { rules, problems } = parseRuleFile(content);
        return { file, content, rules: rules.map(({ name }) => name), problems };
      }),
    );
    const isWrong = files.some(({ problems }) =>
      problems.some(({ severity }) => severity === "error"),
    );
    if (json)
      print(this, {
        ok: !isWrong,
        files: files.map(({ file, rules, problems }) => ({ file, rules, problems })),
      });
    else
      for (const { file, content, rules, problems } of files) {
        for (const problem of problems)
          this.process.stderr.write(`${formatProblem(problem, file, content)}\n`);
        if (problems.every(({ severity }) => severity === "warning"))
          print(
            this,
            `${file}: ${rules.length} ${rules.length === 1 ? "rule" : "rules"}, no errors\n`,
          );
      }
    if (isWrong) this.process.exitCode = exitCodes.usage;
  },
});

/** `myelin rules schema`: the JSON Schema of rule files, or of files of tests, for editors. */
export const schema: Command<CliContext> = buildCommand<
  { readonly json: boolean; readonly tests: boolean },
  [],
  CliContext
>({
  docs: { brief: "Print the JSON Schema of rule files, for editors" },
  parameters: {
    flags: {
      ...jsonFlag,
      tests: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print that of files of tests",
      },
    },
  },
  func({ tests }) {
    print(this, tests ? ruleTestsSchema() : ruleFileSchema());
  },
});

/** The text of a rule file, or of standard input for `-`. @throws MyelinError INVALID_ARGUMENT */
export async function textOf(file: string): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    const what = file === "-" ? "standard input" : `the file ${file}`;
    throw new MyelinError("INVALID_ARGUMENT", `${what} cannot be read`, {
      hint: "Name a rule file that is there and may be read, or - for standard input.",
      cause,
    });
  }
}
