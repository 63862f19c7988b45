import { type Application, buildApplication, ExitCode, run, text_en } from "@stricli/core";
import { placesByAnyName } from "./completions/index.ts";
import { routes } from "./app.ts";
import type { CliContext } from "./context.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import {
  argumentErrorText,
  errorText,
  type Misuse,
  placeOf,
  unknownCommandText,
} from "./output/index.ts";
import { version } from "./version.ts";

/** Runs the command that the words name; resolves to the exit status that it ends with. */
export async function runCommandLine(
  words: readonly string[],
  context: CliContext,
): Promise<number> {
  await run(applicationFor(words), words, context);
  const { exitCode } = context.process;
  if (exitCode === ExitCode.InvalidArgument || exitCode === ExitCode.UnknownCommand)
    return exitCodes.usage;
  // Below zero are the library's own, for what no command brought about.
  if (typeof exitCode === "number" && exitCode < 0) return exitCodes.internal;
  return Number(exitCode ?? exitCodes.success);
}

/** The command `myelin`, whose errors know the words that it was given. */
function applicationFor(words: readonly string[]): Application<CliContext> {
  const misuse = (): Misuse => {
    const places = placesByAnyName(routes);
    return { places, place: placeOf(words, places) };
  };
  return buildApplication<CliContext>(routes, {
    name: "myelin",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    determineExitCode: exitCodeOf,
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input }) => unknownCommandText(input, misuse()),
        exceptionWhileParsingArguments: (thrown) => argumentErrorText(thrown, misuse()),
        exceptionWhileLoadingCommandFunction: errorText,
        exceptionWhileLoadingCommandContext: errorText,
        exceptionWhileRunningCommand: errorText,
        commandErrorResult: errorText,
      },
    },
  });
}
