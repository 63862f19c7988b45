import { resolve } from "node:path";
import { formatDuration, parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { Redactor } from "@myelin/core/secret";

/** What a key of the configuration can hold. */
export type ConfigValue = string | number | readonly string[];

/** How the values of a key are written and read. */
export interface Form<Value extends ConfigValue> {
  /** One word for tables. */
  readonly type: string;
  /** What the number counts, where it is one. */
  readonly unit?: string;
  /** What a value must be, behind "expects". */
  readonly expects: string;
  /** The words there are, where they are few. */
  readonly words?: readonly string[];
  /** The value that a text of the environment or of a flag stands for; undefined for none. */
  ofText(text: string, folder: string): Value | undefined;
  /** The value that a scalar or list of the file stands for; undefined for none. */
  ofYaml(value: unknown, folder: string): Value | undefined;
  /** The value as people write it. */
  format(value: Value): string;
}

const plain = (value: ConfigValue): string => String(value);

function ofString<Value extends ConfigValue>(
  ofText: Form<Value>["ofText"],
): Pick<Form<Value>, "ofText" | "ofYaml"> {
  return {
    ofText,
    ofYaml: (value, folder) => (typeof value === "string" ? ofText(value, folder) : undefined),
  };
}

/** Any text but the empty one. */
export const text: Form<string> = {
  type: "text",
  expects: "a text",
  ...ofString((given) => given || undefined),
  format: plain,
};

/** A text that guards something. */
export const secret: Form<string> = {
  ...text,
  expects: "a secret; leave it out where there is none",
};

/** `HOST:PORT`, an IPv6 address in brackets. */
export const listenAddress: Form<string> = {
  type: "address",
  expects: "an address to listen on, such as 127.0.0.1:7401 or [::1]:7401",
  ...ofString((given) => (splitAddress(given) === undefined ? undefined : given)),
  format: plain,
};

/** Host and port of an address to listen on; undefined for what is none. */
export function splitAddress(
  given: string,
): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, bare, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(given) ?? [];
  const host = bracketed ?? bare;
  const number = Number(digits);
  return host === undefined || number > 65_535 ? undefined : { host, port: number };
}

/** A file or folder; a relative one of the file counts from the file, any other from the working directory. */
export const path: Form<string> = {
  type: "path",
  expects: "a path",
  ...ofString((given, folder) => (given === "" ? undefined : resolve(folder, given))),
  format: plain,
};

/** A path, or `@name` for Linux's abstract namespace. */
export const socketPath: Form<string> = {
  type: "path",
  expects: "a path, or @name",
  ...ofString((given, folder) => (given.startsWith("@") ? given : path.ofText(given, folder))),
  format: plain,
};

/** A port; 0 for a free one. */
export const port: Form<number> = count("a port, a whole number from 0 to 65535", 0, 65_535);

/** A whole number. */
export function count(expects: string, least: number, most: number): Form<number> {
  const within = (value: number): number | undefined =>
    Number.isSafeInteger(value) && value >= least && value <= most ? value : undefined;
  return {
    type: "number",
    expects,
    ofText: (given) => (/^\d+$/.test(given) ? within(Number(given)) : undefined),
    ofYaml: (value) => (typeof value === "number" ? within(value) : undefined),
    format: plain,
  };
}

/** A number from 0 to 1. */
export const share: Form<number> = {
  type: "share",
  expects: "a share, from 0 to 1",
  ofText: (given) => (/^\d*\.?\d+$/.test(given) ? shareOf(Number(given)) : undefined),
  ofYaml: (value) => (typeof value === "number" ? shareOf(value) : undefined),
  format: plain,
};

function shareOf(value: number): number | undefined {
  return value >= 0 && value <= 1 ? value : undefined;
}

/** An address to call by HTTP; the credentials in it are not printed. */
export const httpAddress: Form<string> = {
  type: "address",
  expects: "an address, such as http://127.0.0.1:4318",
  ...ofString((given) => (/^https?:\/\//.test(given) && URL.canParse(given) ? given : undefined)),
  format: (value) => new Redactor([]).text(value),
};

/** One of a few words. */
export function choice<Word extends string>(words: readonly Word[]): Form<Word> {
  return {
    words,
    type: "word",
    expects: `one of ${words.join(", ")}`,
    ...ofString((given) => words.find((word) => word === given)),
    format: plain,
  };
}

/** A list of texts; parted by commas in the environment, a flag for each on the command line. */
export const list: Form<readonly string[]> = {
  type: "list",
  expects: "a list of texts",
  ofText: (given) => listOf(given.split(",").map((each) => each.trim())),
  ofYaml: (value) => (Array.isArray(value) ? listOf(value) : undefined),
  format: (value) => value.join(", "),
};

function listOf(values: readonly unknown[]): readonly string[] | undefined {
  const texts = values.filter((value) => typeof value === "string");
  return texts.length === values.length && !texts.includes("") ? texts : undefined;
}

/** A duration with its unit, kept in microseconds. */
export const durationUs: Form<number> = {
  type: "duration",
  unit: "us",
  expects: "a duration of more than nothing with a unit, such as 250us, 10ms, 1.5s or 2m",
  ...ofString((given) => {
    try {
      return parseDuration(given) || undefined;
    } catch (thrown) {
      if (MyelinError.from(thrown).code !== "INVALID_ARGUMENT") throw thrown;
      return undefined;
    }
  }),
  format: formatDuration,
};

const sizeForm = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB)?$/;
const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A size in bytes, as a number or with a unit. */
export const sizeBytes: Form<number> = {
  type: "size",
  unit: "bytes",
  expects: "a size of more than nothing, such as 65536, 64KiB, 4MiB or 1GiB",
  ofText: sizeOf,
  ofYaml: (value) =>
    typeof value === "number" || typeof value === "string" ? sizeOf(String(value)) : undefined,
  format: (bytes) => {
    const [unit, size] = Object.entries(unitBytes).findLast(([, each]) => bytes % each === 0) ?? [
      "B",
      1,
    ];
    return `${bytes / size}${unit}`;
  },
};

function sizeOf(given: string): number | undefined {
  const [, amount, unit = "B"] = sizeForm.exec(given) ?? [];
  const bytes = Number(amount) * (unitBytes[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
