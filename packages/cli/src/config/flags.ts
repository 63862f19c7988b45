import type { FlagParametersForType } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import type { CliContext } from "../context.ts";
import type { ConfigValue } from "./forms.ts";
import { type ConfigKey, configKeys, type NodeConfig } from "./schema.ts";

/** What the command line gives: a flag for each key, and the file. */
export type ConfigFlags = { readonly [Name in keyof NodeConfig]?: NodeConfig[Name] } & {
  readonly config?: string;
};

/** The flags' description for the command line library. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry for each name, of the key's form
export const configFlags: FlagParametersForType<ConfigFlags, CliContext> = {
  config: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "Configuration file (MYELIN_CONFIG; else myelin.yaml here or in the data directory)",
  },
  ...Object.fromEntries(
    Object.entries<ConfigKey>(configKeys).map(([name, key]) => [name, flagFor(key)]),
  ),
} as unknown as FlagParametersForType<ConfigFlags, CliContext>;

function flagFor({ form, brief, default: fallback, defaultNote }: ConfigKey): object {
  const known =
    defaultNote ??
    (fallback === undefined || fallback === "" || Array.isArray(fallback)
      ? undefined
      : form.format(fallback));
  const note = known === undefined ? "" : ` (default: ${known.replaceAll("`", "")})`;
  const common = { brief: `${brief}${note}`, optional: true };
  if (form.words !== undefined) return { ...common, kind: "enum", values: form.words };
  if (form.type === "list") return { ...common, kind: "parsed", parse: String, variadic: true };
  const parse = (text: string): ConfigValue => {
    const value = form.type === "path" ? text || undefined : form.ofText(text, "");
    if (value !== undefined) return value;
    throw new MyelinError("INVALID_ARGUMENT", `expects ${form.expects}`);
  };
  return { ...common, parse, kind: "parsed" };
}
