import { count, durationUs, sizeBytes, type Form } from "./forms.ts";
import type { ConfigKey } from "./schema.ts";

/** The bounds of a node with their defaults, in two groups that are maps of the file. */
export interface Bounds {
  readonly session: Readonly<Record<string, number>>;
  readonly limits: Readonly<Record<string, number>>;
}

/** A key for each bound: its form follows from the unit in its name. */
export function boundKeys(bounds: Bounds): ConfigKey<number>[] {
  return (["session", "limits"] as const).flatMap((group) =>
    Object.entries(bounds[group]).map(([name, value]) => ({
      path: `${group}.${name}`,
      form: formOf(name),
      default: value,
      brief: `The bound ${name}; see docs/limits.md`,
    })),
  );
}

function formOf(name: string): Form<number> {
  if (name.endsWith("Us")) return durationUs;
  if (/Bytes(?:Per\w+)?$/.test(name)) return sizeBytes;
  return count("a whole number of at least 1", 1, Number.MAX_SAFE_INTEGER);
}
