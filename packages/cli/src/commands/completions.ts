import { buildCommand, type Command, type RouteMap } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { completionScript, type Shell, shells } from "../completions/index.ts";
import { type CliContext, print } from "../context.ts";

/** `myelin completions SHELL`: the script that completes this command tree. */
export function completionsCommand(routes: () => RouteMap<CliContext>): Command<CliContext> {
  return buildCommand<Readonly<Record<never, never>>, [Shell], CliContext>({
    docs: {
      brief: "Print the completions for bash, zsh or fish",
      fullDescription:
        'For this shell only: eval "$(myelin completions bash)", source <(myelin completions zsh), or myelin completions fish | source. The first line of each says where it is kept for all.',
    },
    parameters: {
      flags: {},
      positional: {
        kind: "tuple",
        parameters: [
          {
            parse: parseShell,
            proposeCompletions: () => shells,
            brief: "bash, zsh or fish",
            placeholder: "SHELL",
          },
        ],
      },
    },
    func(_, shell) {
      print(this, completionScript(shell, routes(), this));
    },
  });
}

function parseShell(text: string): Shell {
  const shell = shells.find((each) => each === text);
  if (shell !== undefined) return shell;
  throw new MyelinError("INVALID_ARGUMENT", `there are no completions for ${text}`, {
    hint: `Name one of ${shells.join(", ")}.`,
  });
}
