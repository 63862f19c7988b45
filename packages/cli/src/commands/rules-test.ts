import { writeFile } from "node:fs/promises";
import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { type CliContext, jsonFlag, print } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Result } from "../rule-tests/index.ts";

interface TestFlags {
  readonly json: boolean;
  readonly junit?: string;
  readonly run?: RegExp;
  readonly watch: boolean;
}

/** `myelin rules test FILE…`: runs tests of rules, and asks no node. */
export const testRules: Command<CliContext> = buildCommand<TestFlags, string[], CliContext>({
  docs: {
    brief: "Run tests of rules without a node; exits 1 when one fails",
    fullDescription:
      "Runs the tests of files in YAML or JSON: what happens at agents, in promtool's notation of series, and which states and instructions are expected when. Exits 0 when all have passed, 1 when one has failed, 2 when a file is wrong.",
  },
  parameters: {
    flags: {
      ...jsonFlag,
      junit: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Write the result to this file too, as JUnit's XML",
        placeholder: "FILE",
      },
      run: {
        kind: "parsed",
        parse: patternOf,
        optional: true,
        brief: "Run only tests whose name matches this regular expression",
        placeholder: "PATTERN",
      },
      watch: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Run again when a file of tests or rules changes, until Ctrl-C",
      },
    },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        parse: String,
        brief: "File of tests in YAML or JSON; - for standard input",
        placeholder: "FILE",
      },
    },
  },
  async func({ json, junit, run, watch }, ...names) {
    const { Changes, jsonResult, junitOf, problemsOfResult, runFiles, textOfResult } = await import(
      "../rule-tests/index.ts"
    );
    if (watch && names.includes("-"))
      throw new MyelinError("INVALID_ARGUMENT", "standard input cannot be watched", {
        hint: "Name files.",
      });
    const once = async (): Promise<Result> => {
      const result = await runFiles(names, { only: run, clockMs: () => performance.now() });
      if (json) print(this, jsonResult(result));
      else {
        this.process.stderr.write(problemsOfResult(result));
        if (result.files.some(({ tests }) => tests.length > 0)) print(this, textOfResult(result));
      }
      if (junit !== undefined) await write(junit, junitOf(result));
      return result;
    };
    if (watch) {
      using changes = new Changes(this.signal);
      changes.of(names);
      for (let name: string | undefined = ""; name !== undefined; name = await changes.next()) {
        if (name !== "") this.process.stderr.write(`${name} has changed\n`);
        changes.of((await once()).sources);
        this.process.stderr.write("waiting for changes; Ctrl-C ends\n");
      }
      return;
    }
    const { isWrong, failed } = await once();
    if (isWrong) this.process.exitCode = exitCodes.usage;
    else if (failed > 0) this.process.exitCode = exitCodes.failure;
  },
});

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    const message = `${JSON.stringify(text)} is no regular expression`;
    throw new MyelinError("INVALID_ARGUMENT", message, { cause });
  }
}

async function write(file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", `the file ${file} cannot be written`, {
      hint: "Name a file in a folder that is there and may be written.",
      cause,
    });
  }
}
