import type { Command, RouteMap } from "@stricli/core";
import type { CliContext } from "../context.ts";

/** A flag as shells complete it. */
export interface FlagWord {
  /** With its dashes. */
  readonly name: string;
  readonly brief: string;
  readonly takesValue: boolean;
  /** The values there are, where they are few; else files are proposed. */
  readonly values: readonly string[];
}

/** A place on the command line: what may follow the words of its path. */
export interface Place {
  /** The words so far, such as `myelin rules apply`. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly brief: string }[];
  readonly flags: readonly FlagWord[];
}

const help: FlagWord = {
  name: "--help",
  brief: "Print help information and exit",
  takesValue: false,
  values: [],
};

/** Every place of a command tree, the outermost first. */
export function placesOf(routes: RouteMap<CliContext>, path = "myelin"): Place[] {
  const entries = routes.getAllEntries().filter(({ hidden }) => !hidden);
  const commands = entries.map(({ name, target }) => ({
    name: name["convert-camel-to-kebab"],
    brief: target.brief,
  }));
  return [
    { path, commands, flags: [help] },
    ...entries.flatMap(({ name, target }) => {
      const inner = `${path} ${name["convert-camel-to-kebab"]}`;
      return isCommand(target)
        ? [{ path: inner, commands: [], flags: [...flagsOf(target), help] }]
        : placesOf(target, inner);
    }),
  ];
}

function isCommand(
  target: Command<CliContext> | RouteMap<CliContext>,
): target is Command<CliContext> {
  return "parameters" in target;
}

function flagsOf({ parameters }: Command<CliContext>): FlagWord[] {
  return Object.entries(parameters.flags ?? {})
    .filter(([, flag]) => !("hidden" in flag && flag.hidden === true))
    .map(([name, flag]) => ({
      name: `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      brief: flag.brief,
      takesValue: flag.kind === "parsed" || flag.kind === "enum",
      values: flag.kind === "enum" ? flag.values : [],
    }));
}

/** What the scripts of bash and zsh tell places apart by, as quoted patterns of their `case`. */
export interface Patterns {
  /** Every place but the root. */
  readonly paths: readonly string[];
  /** Flags whose value can be anything, behind their places. */
  readonly free: readonly string[];
  /** Flags with a list of values, behind their places. */
  readonly chosen: readonly { readonly at: string; readonly values: readonly string[] }[];
}

export function patternsOf(places: readonly Place[]): Patterns {
  const valued = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, takesValue, values }) =>
      takesValue ? [{ at: `"${path} ${name}"`, values }] : [],
    ),
  );
  return {
    paths: places.slice(1).map(({ path }) => `"${path}"`),
    free: valued.filter(({ values }) => values.length === 0).map(({ at }) => at),
    chosen: valued.filter(({ values }) => values.length > 0),
  };
}
