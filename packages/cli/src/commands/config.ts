import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { hidden } from "@myelin/core/secret";
import {
  type ConfigFlags,
  configFlags,
  type InForce,
  problemsOf,
  readConfiguration,
  shownEntry,
} from "../config/index.ts";
import { type CliContext, jsonFlag, print } from "../context.ts";
import { table } from "../output/index.ts";

interface ConfigCommandFlags extends ConfigFlags {
  readonly json: boolean;
}

/** `myelin config`: what a node started here and now would be told, and by what. */
export const configCommand: Command<CliContext> = buildCommand<ConfigCommandFlags, [], CliContext>({
  docs: {
    brief: "Show the configuration in force, and where each value comes from",
    fullDescription:
      "Reads the configuration as `myelin up` does with the same flags, and starts nothing. Fails where `myelin up` would refuse it, TLS files and listeners without a token included, so that `myelin config --config FILE` checks a file.",
  },
  parameters: { flags: { ...configFlags, ...jsonFlag } },
  async func({ json, ...flags }) {
    const { defaultLimits, defaultSessionSettings } = await import("@myelin/node");
    const configuration = await readConfiguration({
      flags,
      environment: this.env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultLimits } },
    });
    const [first, ...more] = await problemsOf(configuration);
    if (first !== undefined) throw together(first, more);
    const { file, entries } = configuration;
    if (json) {
      print(this, { file: file ?? null, configuration: entries.map(shownEntry) });
      return;
    }
    print(this, `file: ${file ?? "none"}\n\n`);
    print(this, table([["KEY", "VALUE", "FROM"], ...entries.map(rowOf)]));
  },
});

/** All that is wrong in one error, each with what mends it. */
function together(first: MyelinError, more: readonly MyelinError[]): MyelinError {
  if (more.length === 0) return first;
  const all = [first, ...more];
  const told = all.map(({ message, hint }) => `\n  ${message}\n    ${hint}`).join("");
  return new MyelinError(first.code, `a node would not start, for ${all.length} reasons${told}`);
}

function rowOf({ key, value, from }: InForce): string[] {
  if (value === undefined) return [key.path, "-", from];
  const shown = key.isSecret === true ? hidden : key.form.format(value);
  return [key.path, shown === "" ? "-" : shown, from];
}
