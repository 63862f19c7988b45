import {
  durationAsText,
  parseDurationText,
  parseTimestamp,
  secondsOf,
  timestampAsText,
  timestampOf,
} from "./moments.ts";
import {
  Duration,
  elementsOf,
  index,
  known,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

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
  if (value instanceof Timestamp) return secondsOf(value);
  return typeof value === "string" && wholeText.test(value) ? BigInt(value) : undefined;
}

/** Doubles are cut towards zero; what does not fit 64 bits is unknown, and the doubles at its very bounds. */
export function toInt(value: Value): Value {
  if (typeof value === "number" && Math.abs(value) >= 2 ** 63) return undefined;
  const whole = wholeOf(value);
  return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : undefined;
}

export function toUint(value: Value): Value {
  if (value instanceof Timestamp) return undefined;
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
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return bytesAsText(value);
  if (value instanceof Timestamp) return timestampAsText(value);
  return value instanceof Duration ? durationAsText(value) : undefined;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

function bytesAsText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Texts as UTF-8. */
export function toBytes(value: Value): Value {
  if (value instanceof Uint8Array) return value;
  return typeof value === "string" ? utf8.encode(value) : undefined;
}

/** Texts are RFC 3339; whole numbers are seconds since the epoch. */
export function toTimestamp(value: Value): Value {
  if (value instanceof Timestamp) return value;
  if (typeof value === "bigint") return timestampOf(value * 1_000_000_000n);
  return typeof value === "string" ? parseTimestamp(value) : undefined;
}

export function toDuration(value: Value): Value {
  if (value instanceof Duration) return value;
  return typeof value === "string" ? parseDurationText(value) : undefined;
}

/** The type of a known value. */
export function typeOf(value: Value): Value {
  const name = typeNameOf(value);
  return name === undefined ? undefined : new TypeValue(name);
}

function typeNameOf(value: Value): string | undefined {
  switch (typeof value) {
    case "number":
      return known(value) === undefined ? undefined : "double";
    case "bigint":
      return "int";
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "object":
      if (value === null) return "null_type";
      if (Array.isArray(value)) return "list";
      if (value instanceof Uint) return "uint";
      if (value instanceof Uint8Array) return "bytes";
      if (value instanceof Timestamp) return "google.protobuf.Timestamp";
      if (value instanceof Duration) return "google.protobuf.Duration";
      return value instanceof TypeValue ? "type" : "map";
    default:
      return undefined;
  }
}

function doubleAsText(value: number): string | undefined {
  if (known(value) === undefined) return undefined;
  if (Object.is(value, -0)) return "-0";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

const plainJsonTypes: readonly string[] = ["bool", "double", "int", "null_type", "uint"];

/** Any value as people read it in `args`: texts as they are, lists and maps as JSON, unknown as `unknown`. */
export function showValue(value: Value): string {
  if (value === null) return "null";
  if (value instanceof TypeValue) return value.name;
  if (value instanceof Uint8Array) return bytesAsText(value) ?? "unknown";
  return toText(value) ?? (typeof value === "object" ? showNested(value) : "unknown");
}

function showNested(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(showNested).join(",")}]`;
  const type = typeNameOf(value);
  if (type !== "map") {
    const isText = type !== undefined && !plainJsonTypes.includes(type);
    return isText ? JSON.stringify(showValue(value)) : showValue(value);
  }
  const entries = (elementsOf(value) ?? []).map((key) => {
    const name = JSON.stringify(toText(key));
    return `${name}:${showNested(index(value, key))}`;
  });
  return `{${entries.join(",")}}`;
}
