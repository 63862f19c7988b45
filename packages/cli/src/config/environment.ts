import { nearest } from "@myelin/core/rules";
import { variableOf } from "./schema.ts";

/** Variables that agents and other commands read, so that a node leaves them alone. */
const foreign = [
  "MYELIN_URL",
  "MYELIN_CA",
  "MYELIN_CERT",
  "MYELIN_KEY",
  "MYELIN_CONFIG",
  "MYELIN_AGENT_ID",
  "MYELIN_AGENT_TYPE",
  "MYELIN_PART",
  "MYELIN_LABELS",
  "MYELIN_TIER",
  "MYELIN_CAPABILITIES",
] as const;

/** What is wrong with the names of the MYELIN_ variables: those that nearly are one of a node's. */
export function misspelled(
  environment: Readonly<Record<string, string | undefined>>,
  paths: readonly string[],
): string[] {
  const known = [...paths.map(variableOf), ...foreign];
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("MYELIN_") || known.includes(name)) return [];
    const near = nearest(
      name.slice("MYELIN_".length),
      known.map((each) => each.slice("MYELIN_".length)),
    );
    return near === undefined ? [] : [`${name}: unknown variable; did you mean MYELIN_${near}?`];
  });
}
