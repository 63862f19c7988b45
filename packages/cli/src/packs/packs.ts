import { readFileSync } from "node:fs";
import { MyelinError } from "@myelin/core/errors";
import { nearest } from "@myelin/core/rules";

/** Rules that come with the command, for one kind of agents. */
export interface Pack {
  readonly name: string;
  readonly brief: string;
  /** The rule file, as a person would write it. */
  readonly rules: () => string;
  /** Its tests, which name the rule file as `NAME.yaml`. */
  readonly tests: () => string;
}

const read = (file: URL): string => readFileSync(file, "utf8");

/** All there are. */
export const packs: readonly Pack[] = [
  {
    name: "process",
    brief: "processes under myelin run: spin, leak, memory, hang, crash loop",
    rules: () => read(new URL("./process.yaml", import.meta.url)),
    tests: () => read(new URL("./process.test.yaml", import.meta.url)),
  },
  {
    name: "llm",
    brief: "agents of type llm: runaway loop, token rate, token budget, error storm, silence",
    rules: () => read(new URL("./llm.yaml", import.meta.url)),
    tests: () => read(new URL("./llm.test.yaml", import.meta.url)),
  },
];

export const packNames: readonly string[] = packs.map(({ name }) => name);

/** A pack by its name. @throws MyelinError NOT_FOUND */
export function packOf(name: string): Pack {
  const pack = packs.find((each) => each.name === name);
  if (pack !== undefined) return pack;
  const near = nearest(name, packNames);
  throw new MyelinError("NOT_FOUND", `there is no pack ${JSON.stringify(name.slice(0, 80))}`, {
    hint: near === undefined ? `There are ${packNames.join(", ")}.` : `Did you mean ${near}?`,
  });
}
