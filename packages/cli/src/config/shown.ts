import { hidden } from "@myelin/core/secret";
import type { InForce } from "./resolve.ts";

/** A key with what is in force, as a document without secrets. */
export function shownEntry({ key, value, from }: InForce): object {
  const shown = value === undefined ? null : key.isSecret === true ? hidden : value;
  const clean = typeof shown === "string" ? key.form.format(shown) : shown;
  return { key: key.path, value: clean, unit: key.form.unit ?? null, from };
}
