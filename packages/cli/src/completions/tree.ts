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
  /** What the flag proposes itself. */
  readonly proposed?: (context: CliContext) => readonly string[];
}

/** A place on the command line: what may follow the words of its path. */
export interface Place {
  /** The words so far, such as `myelin rules apply`. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly brief: string }[];
  readonly flags: readonly FlagWord[];
  /** What the command here takes, where it is one of few words. */
  readonly words?: (context: CliContext) => Place["commands"];
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
      if (!isCommand(target)) return placesOf(target, inner);
      const words = (context: CliContext): Place["commands"] => wordsOf(target, context);
      return [{ path: inner, commands: [], flags: [...flagsOf(target), help], words }];
    }),
  ];
}

/** The places of shells: with one more for each word of which a command takes one, as if that were a command, and under each name. */
export function shellPlaces(routes: RouteMap<CliContext>, context: CliContext): Place[] {
  return withOtherNames(routes, withWords(placesOf(routes), context));
}

/** Every place of a command tree, also by the other names of commands. */
export function placesByAnyName(routes: RouteMap<CliContext>): Place[] {
  return withOtherNames(routes, placesOf(routes));
}

function withWords(places: readonly Place[], context: CliContext): Place[] {
  return places.flatMap((place) => {
    const words = place.words?.(context) ?? [];
    const { path, commands } = place;
    const flags = place.flags.map((flag) =>
      flag.proposed === undefined ? flag : { ...flag, values: flag.proposed(context) },
    );
    const further = words.map(({ name }) => ({ path: `${path} ${name}`, commands: [], flags }));
    if (words.length === 0) return [{ path, commands, flags }];
    return [{ path, commands: words, flags }, ...further];
  });
}

/** What stands behind the other names of commands, too. */
function withOtherNames(routes: RouteMap<CliContext>, places: readonly Place[]): Place[] {
  const [root, ...inner] = places;
  if (root === undefined) return [];
  const others = routes.getAllEntries().flatMap(({ name, aliases }) => {
    const path = `${root.path} ${name["convert-camel-to-kebab"]}`;
    return aliases.flatMap((alias) =>
      inner
        .filter((place) => place.path === path || place.path.startsWith(`${path} `))
        .map((place) => ({
          ...place,
          path: `${root.path} ${alias}${place.path.slice(path.length)}`,
        })),
    );
  });
  return [root, ...inner, ...others];
}

/** What a command takes first, as it proposes it itself; nothing is asked that it would have to wait for. */
function wordsOf(
  { parameters: { positional } }: Command<CliContext>,
  context: CliContext,
): Place["commands"] {
  const first = positional?.kind === "tuple" ? positional.parameters[0] : undefined;
  if (first === undefined) return [];
  const names = first.proposeCompletions?.call(context, "");
  return Array.isArray(names) ? names.map((name: string) => ({ name, brief: first.brief })) : [];
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
      ...proposedBy(flag),
    }));
}

/** Proposals that a flag makes at once. */
function proposedBy(flag: object): Pick<FlagWord, "proposed"> {
  const propose: unknown = Reflect.get(flag, "proposeCompletions");
  if (typeof propose !== "function") return {};
  return {
    proposed: (context) => {
      const values: unknown = propose.call(context, "");
      return Array.isArray(values) ? values : [];
    },
  };
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
