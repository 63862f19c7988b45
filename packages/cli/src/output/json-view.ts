import { isJsonObject, type JsonObject } from "@myelin/core/json";

/** A JSON value in a table's cell or a sentence; "-" for what is absent. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** The objects of a list; none where there is no list. */
export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** The number, or null where there is none. */
export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
