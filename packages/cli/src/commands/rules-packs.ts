import { buildCommand, type Command } from "@stricli/core";
import { parseRuleFile } from "@myelin/core/rules";
import { type CliContext, jsonFlag, print } from "../context.ts";
import { table } from "../output/index.ts";
import { packNames, packOf, packs } from "../packs/index.ts";

interface PacksFlags {
  readonly json: boolean;
  readonly tests: boolean;
}

/** `myelin rules packs [NAME]`: the rules that come with the command. */
export const packsCommand: Command<CliContext> = buildCommand<PacksFlags, [string?], CliContext>({
  docs: { brief: "List the packs of rules that come with this command, or print one" },
  parameters: {
    flags: {
      ...jsonFlag,
      tests: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print the pack's tests, not its rules",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          proposeCompletions: () => packNames,
          brief: "Name of the pack to print",
          placeholder: "NAME",
          optional: true,
        },
      ],
    },
  },
  func({ json, tests }, name) {
    if (name !== undefined) {
      const pack = packOf(name);
      const content = tests ? pack.tests() : pack.rules();
      print(this, json ? { name, [tests ? "tests" : "rules"]: content } : content);
      return;
    }
    const list = packs.map(({ name: pack, brief, rules }) => ({
      name: pack,
      brief,
      rules: parseRuleFile(rules()).rules.map((rule) => rule.name),
    }));
    if (json) return print(this, list);
    const rows = list.map(({ name: pack, rules, brief }) => [pack, String(rules.length), brief]);
    print(this, table([["PACK", "RULES", "FOR"], ...rows]));
  },
});
