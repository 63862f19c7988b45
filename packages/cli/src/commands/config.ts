import { buildCommand, type Command } from "@stricli/core";
import { type ConfigFlags, configFlags, type InForce, readConfiguration } from "../config/index.ts";
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
      "Reads the configuration as `myelin up` does with the same flags, and starts nothing. Fails where `myelin up` would refuse it, so that `myelin config --config FILE` checks a file.",
  },
  parameters: { flags: { ...configFlags, ...jsonFlag } },
  async func({ json, ...flags }) {
    const { defaultArcSettings, defaultSessionSettings } = await import("@myelin/node");
    const { file, entries } = await readConfiguration({
      flags,
      environment: this.env,
      bounds: { session: { ...defaultSessionSettings }, limits: { ...defaultArcSettings } },
    });
    if (json) {
      print(this, { file: file ?? null, configuration: entries.map(documentOf) });
      return;
    }
    print(this, `file: ${file ?? "none"}\n\n`);
    print(this, table([["KEY", "VALUE", "FROM"], ...entries.map(rowOf)]));
  },
});

function documentOf({ key, value, from }: InForce): object {
  const shown = value === undefined ? null : key.isSecret === true ? "(hidden)" : value;
  return { key: key.path, value: shown, unit: key.form.unit ?? null, from };
}

function rowOf({ key, value, from }: InForce): string[] {
  if (value === undefined) return [key.path, "-", from];
  const shown = key.isSecret === true ? "(hidden)" : key.form.format(value);
  return [key.path, shown === "" ? "-" : shown, from];
}
