/** A value that JSON can carry. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** True for a JSON object: no array, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The way to the first number that JSON cannot carry (NaN or an infinity), looked for `levels` deep; undefined without one. */
export function pathToWrongNumber(
  value: JsonValue,
  levels: number,
): readonly (string | number)[] | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : [];
  if (typeof value !== "object" || value === null || levels <= 0) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const rest = pathToWrongNumber(member, levels - 1);
    if (rest !== undefined) return [key, ...rest];
  }
  return undefined;
}

/** Deepest nesting of a value on the wire; the outermost object or array counts as 1. */
export const maxJsonLevels = 32;

/** About how many bytes a string, number, boolean or null takes as JSON. */
export function scalarBytes(value: string | number | boolean | null): number {
  return typeof value === "string" ? value.length + 2 : 8;
}

/** About how many bytes an object or array takes besides its members. */
export const bracketBytes = 2;

/** About how many bytes a member takes besides its value; `key` is undefined for one of an array. */
export function memberBytes(key: string | undefined): number {
  return key === undefined ? 1 : key.length + 4;
}

/** About how many bytes a value takes as JSON; Infinity where it is nested deeper than `levels`. */
export function sizeOf(value: JsonValue, levels: number): number {
  if (typeof value !== "object" || value === null) return scalarBytes(value);
  if (levels <= 0) return Number.POSITIVE_INFINITY;
  let sizeBytes = bracketBytes;
  const isList = Array.isArray(value);
  for (const [key, member] of Object.entries(value))
    sizeBytes += memberBytes(isList ? undefined : key) + sizeOf(member, levels - 1);
  return sizeBytes;
}
