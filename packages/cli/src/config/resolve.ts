import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { MyelinError } from "@myelin/core/errors";
import { type Bounds, boundKeys } from "./bounds.ts";
import { unknownVariables } from "./environment.ts";
import { type FileReading, readSettings, textOf } from "./file.ts";
import type { ConfigFlags } from "./flags.ts";
import type { ConfigValue } from "./forms.ts";
import { type ConfigKey, configKeys, flagOf, type NodeConfig, variableOf } from "./schema.ts";

/** A key with what is in force. */
export interface InForce {
  readonly key: ConfigKey;
  readonly value: ConfigValue | undefined;
  /** `default`, a file and line, a variable, or a flag. */
  readonly from: string;
}

/** The configuration in force. */
export interface Configuration {
  /** The file that was read. */
  readonly file: string | undefined;
  readonly node: NodeConfig;
  readonly session: Readonly<Record<string, number>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly entries: readonly InForce[];
}

/** What configuration is read from. */
export interface ConfigSources {
  readonly flags: ConfigFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly bounds: Bounds;
  /** The working directory, unless another is given. */
  readonly folder?: string;
}

const fileName = "myelin.yaml";

/**
 * Reads the configuration: defaults, then the file, then the environment, then flags, each over
 * those before. All that is wrong is told together.
 * @throws MyelinError INVALID_ARGUMENT
 */
export async function readConfiguration(sources: ConfigSources): Promise<Configuration> {
  const { flags, environment, bounds, folder = process.cwd() } = sources;
  const named = Object.entries<ConfigKey>(configKeys);
  const keys = [...named.map(([, key]) => key), ...boundKeys(bounds)];
  const problems = unknownVariables(environment, keys);
  const file = fileOf(sources, folder);
  const reading = await read(file, keys);
  problems.push(...reading.problems);
  const settings = new Map(reading.settings.map((setting) => [setting.path, setting]));
  const given: Readonly<Record<string, ConfigValue | undefined>> = { ...flags };

  const entries = keys.map((key): InForce => {
    const name = named.find(([, each]) => each === key)?.[0];
    const flag = name === undefined ? undefined : given[name];
    if (flag !== undefined && name !== undefined && !isEmpty(flag))
      return { key, value: inFolder(key, flag, folder), from: flagOf(name) };
    const variable = variableOf(key.path);
    const written = environment[variable];
    if (written !== undefined && written !== "") {
      const value = key.form.ofText(written, folder);
      if (value !== undefined) return { key, value, from: variable };
      const shown = key.isSecret === true ? "the value" : JSON.stringify(written);
      problems.push(`${variable}: ${shown} is none: expects ${key.form.expects}`);
    }
    const setting = settings.get(key.path);
    if (setting !== undefined)
      return { key, value: setting.value, from: `${file ?? ""}:${setting.line}` };
    return { key, value: defaultOf(key), from: "default" };
  });
  if (problems.length > 0) throw wrong(problems);
  const group = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      entries.flatMap(({ key, value }) =>
        key.path.startsWith(prefix) && typeof value === "number"
          ? [[key.path.slice(prefix.length), value]]
          : [],
      ),
    );
  return {
    file,
    entries,
    session: group("session."),
    limits: group("limits."),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value is of its key's form
    node: Object.fromEntries(
      named.map(([name, key]) => [name, entries.find((each) => each.key === key)?.value]),
    ) as unknown as NodeConfig,
  };
}

/** The file to read: the one named, else one of the working or the data directory. */
function fileOf({ flags, environment }: ConfigSources, folder: string): string | undefined {
  const named = flags.config ?? (environment["MYELIN_CONFIG"] || undefined);
  if (named !== undefined) return resolve(folder, named);
  const data = flags.data ?? (environment["MYELIN_DATA"] || join(homedir(), ".myelin"));
  return [folder, resolve(folder, data)]
    .map((place) => join(place, fileName))
    .find((path) => existsSync(path));
}

async function read(file: string | undefined, keys: readonly ConfigKey[]): Promise<FileReading> {
  if (file === undefined) return { settings: [], problems: [] };
  const content = await textOf(file);
  if (content !== undefined) return readSettings(file, content, keys);
  throw new MyelinError("INVALID_ARGUMENT", `there is no configuration ${file}`, {
    hint: "Name one that is there with --config or MYELIN_CONFIG, or neither.",
  });
}

/** Flags come read, but a path among them is as it was typed. */
function inFolder(key: ConfigKey, value: ConfigValue, folder: string): ConfigValue {
  return typeof value === "string" ? (key.form.ofText(value, folder) ?? value) : value;
}

function isEmpty(value: ConfigValue): boolean {
  return Array.isArray(value) && value.length === 0;
}

function defaultOf(key: ConfigKey): ConfigValue | undefined {
  const value = key.default;
  if (typeof value !== "string" || !value.startsWith("~/")) return value;
  return join(homedir(), value.slice(2));
}

function wrong(problems: readonly string[]): MyelinError {
  const [first = "", ...more] = problems;
  const message =
    more.length === 0
      ? first
      : `the configuration has ${problems.length} problems${problems.map((each) => `\n  ${each}`).join("")}`;
  return new MyelinError("INVALID_ARGUMENT", message, {
    hint: "docs/configuration.md has every key; `myelin config` shows what is in force.",
    details: { configuration: problems },
  });
}
