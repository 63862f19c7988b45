import { parseDuration } from "@myelin/core/clock";
import { MyelinError } from "@myelin/core/errors";
import { isJsonObject, type JsonObject, maxJsonLevels, pathToWrongNumber } from "@myelin/core/json";

/** Reads the fields of a JSON body one by one, and refuses those it was not asked for. */
export class Fields {
  readonly #object: JsonObject;
  readonly #read = new Set<string>();

  constructor(object: JsonObject) {
    this.#object = object;
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "string") return value;
    throw wrong(name, "a string");
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value !== undefined && value !== "") return value;
    throw new MyelinError("INVALID_ARGUMENT", `the field ${name} is missing`);
  }

  requiredBoolean(name: string): boolean {
    const value = this.#take(name);
    if (typeof value === "boolean") return value;
    throw wrong(name, "true or false");
  }

  object(name: string): JsonObject {
    const value = this.#take(name);
    if (value === undefined) return {};
    if (!isJsonObject(value)) throw wrong(name, "an object");
    const path = pathToWrongNumber(value, maxJsonLevels);
    if (path === undefined) return value;
    throw wrong([name, ...path].join("."), "a number within the range of a double");
  }

  integer(name: string, low: number, high: number, fallback: number): number {
    const value = this.#take(name);
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high)
      return value;
    throw wrong(name, `a whole number from ${low} to ${high}`);
  }

  durationUs(name: string, fallbackUs: number): number {
    const value = this.text(name);
    return value === undefined ? fallbackUs : parseDuration(value);
  }

  /** A duration of more than nothing. */
  positiveDurationUs(name: string, fallbackUs: number): number {
    const durationUs = this.durationUs(name, fallbackUs);
    if (durationUs > 0) return durationUs;
    throw wrong(name, "more than 0");
  }

  /** @throws MyelinError INVALID_ARGUMENT for fields nobody asked for */
  end(): void {
    const unknown = Object.keys(this.#object).find((name) => !this.#read.has(name));
    if (unknown === undefined) return;
    throw new MyelinError("INVALID_ARGUMENT", `unknown field ${JSON.stringify(unknown)}`, {
      hint: `Known are ${[...this.#read].join(", ")}.`,
    });
  }

  #take(name: string): JsonObject[string] | undefined {
    this.#read.add(name);
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }
}

function wrong(name: string, form: string): MyelinError {
  return new MyelinError("INVALID_ARGUMENT", `the field ${name} must be ${form}`);
}

/** Refuses parameters of the query that nobody asks for. @throws MyelinError INVALID_ARGUMENT */
export function requireKnown(query: URLSearchParams, names: readonly string[]): void {
  const unknown = [...query.keys()].find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new MyelinError("INVALID_ARGUMENT", `unknown parameter ${JSON.stringify(unknown)}`, {
    hint: names.length === 0 ? "There are none here." : `Known are ${names.join(", ")}.`,
  });
}

/** A whole number of the query. @throws MyelinError INVALID_ARGUMENT */
export function queryInteger(
  query: URLSearchParams,
  name: string,
  low: number,
  high: number,
  fallback: number,
): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new MyelinError(
    "INVALID_ARGUMENT",
    `the parameter ${name} must be a whole number from ${low} to ${high}`,
  );
}
