import { elementsOf, index, known, MapValue, Uint, type Value } from "./values.ts";

/** Conversions between types; unknown (undefined) where a value cannot be converted. */

const wholeText = /^-?[0-9]{1,20}$/;
const doubleText = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const infinityText = /^([+-]?)inf(?:inity)?$/i;
const trueTexts: readonly Value[] = ["1", "t", "true", "TRUE", "True"];
const falseTexts: readonly Value[] = ["0", "f", "false", "FALSE", "False"];

function wholeOf(value: Value): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint) return value.value;
  if (typeof value === "number")
    return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  return typeof value === "string" && wholeText.test(value) ? BigInt(value) : undefined;
}

/** Doubles are cut towards zero; what does not fit 64 bits is unknown. */
export function toInt(value: Value): Value {
  const whole = wholeOf(value);
  return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : undefined;
}

export function toUint(value: Value): Value {
  const whole = wholeOf(value);
  return whole !== undefined && BigInt.asUintN(64, whole) === whole ? new Uint(whole) : undefined;
}

/** As a number; NaN is unknown. */
export function toDouble(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (typeof value !== "string" || value.length > 400) return Number.NaN;
  if (doubleText.test(value)) return Number(value);
  const infinity = infinityText.exec(value);
  if (infinity === null) return Number.NaN;
  return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

export function toBool(value: Value): Value {
  if (typeof value === "boolean") return value;
  if (trueTexts.includes(value)) return true;
  return falseTexts.includes(value) ? false : undefined;
}

/** Numbers in the shortest form that reads back as the same number. */
export function toText(value: Value): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return doubleAsText(value);
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  return value instanceof Uint ? String(value.value) : undefined;
}

function doubleAsText(value: number): string | undefined {
  if (known(value) === undefined) return undefined;
  if (Object.is(value, -0)) return "-0";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

/** Any value as people read it in `args`: texts as they are, lists and maps as JSON, unknown as `unknown`. */
export function showValue(value: Value): string {
  if (value === null) return "null";
  return toText(value) ?? (typeof value === "object" ? showNested(value) : "unknown");
}

function showNested(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(showNested).join(",")}]`;
  const isMap =
    value instanceof MapValue ||
    (typeof value === "object" && value !== null && !(value instanceof Uint));
  if (!isMap) return showValue(value);
  const entries = (elementsOf(value) ?? []).map((key) => {
    const name = JSON.stringify(toText(key));
    return `${name}:${showNested(index(value, key))}`;
  });
  return `{${entries.join(",")}}`;
}
