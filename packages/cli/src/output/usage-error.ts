import {
  AliasNotFoundError,
  ArgumentParseError,
  ArgumentScannerError,
  EnumValidationError,
  FlagNotFoundError,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { nearest } from "@myelin/core/rules";
import type { Place } from "../completions/index.ts";
import { errorText } from "./error.ts";

/** Words that were given, and all that there could be. */
export interface Misuse {
  /** The innermost place that the words name. */
  readonly place: Place;
  /** Every place of the command tree. */
  readonly places: readonly Place[];
}

/** The innermost place that the first words name. */
export function placeOf(words: readonly string[], places: readonly Place[]): Place {
  let place = places[0];
  for (const word of words) {
    const inner = places.find(({ path }) => path === `${place?.path} ${word}`);
    if (inner === undefined) break;
    place = inner;
  }
  return place ?? { path: "myelin", commands: [], flags: [] };
}

/** The error of a command that there is not. */
export function unknownCommandText(word: string, { place, places }: Misuse): string {
  if (word.startsWith("-")) return unknownFlagText(word, place);
  const names = place.commands.map(({ name }) => name);
  const near = nearest(word, names);
  const path =
    near === undefined
      ? places.find((each) => each.path.endsWith(` ${word}`))?.path
      : `${place.path} ${near}`;
  return usageText(
    `\`${place.path}\` has no command ${word}`,
    path === undefined ? seeHelp(place) : `Did you mean \`${path}\`?`,
  );
}

/** The error of words that the command cannot read: which of them, and what to write there. */
export function argumentErrorText(thrown: unknown, { place }: Misuse): string {
  if (!(thrown instanceof ArgumentScannerError)) return errorText(thrown);
  const flags = place.flags.map(({ name }) => name);
  if (thrown instanceof FlagNotFoundError) return unknownFlagText(`--${thrown.input}`, place);
  if (thrown instanceof AliasNotFoundError) return unknownFlagText(`-${thrown.input}`, place);
  if (thrown instanceof EnumValidationError) {
    const { input, values, externalFlagName } = thrown;
    const message = `${JSON.stringify(input)} is no value of --${externalFlagName}`;
    return usageText(message, `Write one of ${values.join(", ")}.`);
  }
  if (thrown instanceof ArgumentParseError) {
    const { externalFlagNameOrPlaceholder: name, input, exception } = thrown;
    const error = MyelinError.from(exception);
    const word = flags.includes(`--${name}`) ? `--${name}` : name;
    const reason = exception instanceof Error ? exception.message : String(exception);
    return usageText(
      `${JSON.stringify(input)} for ${word}: ${reason}`,
      error === exception && error.hint !== "" ? error.hint : seeHelp(place),
    );
  }
  return usageText(messageOf(thrown), seeHelp(place));
}

function unknownFlagText(flag: string, place: Place): string {
  const near = nearest(
    kebabCase(flag),
    place.flags.map(({ name }) => name),
  );
  return usageText(
    `there is no flag ${flag}`,
    near === undefined ? seeHelp(place) : `Did you mean ${near}?`,
  );
}

function messageOf(error: ArgumentScannerError): string {
  if (error instanceof UnsatisfiedFlagError) return `--${error.externalFlagName} needs a value`;
  if (error instanceof UnexpectedFlagError) return `--${error.externalFlagName} is given twice`;
  if (error instanceof UnsatisfiedPositionalError) return `${error.placeholder} is missing`;
  if (error instanceof UnexpectedPositionalError)
    return `${JSON.stringify(error.input)} is more than the command takes`;
  return error.message;
}

function usageText(message: string, hint: string): string {
  return errorText(new MyelinError("INVALID_ARGUMENT", message, { hint }));
}

function seeHelp({ path }: Place): string {
  return `See \`${path} --help\`.`;
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
