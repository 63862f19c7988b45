import { MyelinError } from "@myelin/core/errors";
import {
  bracketBytes,
  type JsonObject,
  type JsonValue,
  maxJsonLevels,
  memberBytes,
  scalarBytes,
} from "@myelin/core/json";

/** Bounds on a value. */
export interface JsonBounds {
  /** About its size as JSON. */
  readonly maxBytes: number;
  /** How deep it is nested; as deep as the wire takes when absent. */
  readonly maxDepth?: number;
}

interface Measure {
  readonly what: string;
  readonly maxBytes: number;
  readonly maxDepth: number;
  sizeBytes: number;
}

/** A value as JSON carries it, and about how large it is. */
export interface SizedJson<Value extends JsonValue> {
  readonly value: Value;
  readonly sizeBytes: number;
}

/**
 * Copies what a caller gave as JSON would carry it: fields without a value are left out, `toJSON` is
 * asked, an absent value is null. `what` names the value in errors.
 * @throws MyelinError INVALID_ARGUMENT for what JSON cannot carry (functions, NaN, cycles), PAYLOAD_TOO_LARGE
 */
export function toJson(value: unknown, what: string, bounds: JsonBounds): SizedJson<JsonValue> {
  const { maxBytes, maxDepth = maxJsonLevels } = bounds;
  const measure: Measure = { what, maxBytes, maxDepth, sizeBytes: 0 };
  const copied = copy(value, measure, "", 0) ?? null;
  return { value: copied, sizeBytes: measure.sizeBytes };
}

/** The same for a value that must be an object. */
export function toJsonObject(
  value: unknown,
  what: string,
  bounds: JsonBounds,
): SizedJson<JsonObject> {
  const { value: copied, sizeBytes } = toJson(value, what, bounds);
  if (typeof copied !== "object" || copied === null || isArray(copied)) {
    throw new MyelinError("INVALID_ARGUMENT", `${what} must be an object`);
  }
  return { value: copied, sizeBytes };
}

/** `Array.isArray` that also tells read-only arrays from objects. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function copy(
  value: unknown,
  measure: Measure,
  path: string,
  depth: number,
): JsonValue | undefined {
  switch (typeof value) {
    case "string":
      count(measure, scalarBytes(value));
      return value;
    case "number":
      if (!Number.isFinite(value)) throw unfit(measure, path, `is ${value}`);
      count(measure, scalarBytes(value));
      return value;
    case "boolean":
      count(measure, scalarBytes(value));
      return value;
    case "undefined":
      return undefined;
    case "object":
      if (value !== null) return copyObject(value, measure, path, depth);
      count(measure, scalarBytes(value));
      return value;
    default:
      throw unfit(measure, path, `is a ${typeof value}`);
  }
}

function copyObject(
  value: object,
  measure: Measure,
  path: string,
  depth: number,
): JsonValue | undefined {
  if (depth >= measure.maxDepth)
    throw unfit(measure, path, `is nested more than ${measure.maxDepth} deep`);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return copy(value.toJSON(), measure, path, depth + 1);
  }
  count(measure, bracketBytes);
  if (Array.isArray(value)) return copyArray(value, measure, path, depth);
  const copied: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    const inner = copy(item, measure, `${path}.${key}`, depth + 1);
    if (inner === undefined) continue;
    count(measure, memberBytes(key));
    setOwn(copied, key, inner);
  }
  return copied;
}

function copyArray(
  items: readonly unknown[],
  measure: Measure,
  path: string,
  depth: number,
): readonly JsonValue[] {
  return Array.from(items, (item, index) => {
    count(measure, memberBytes(undefined));
    const copied = copy(item, measure, `${path}[${index}]`, depth + 1);
    if (copied === undefined) count(measure, scalarBytes(null));
    return copied ?? null;
  });
}

/** Sets an own property, also when it is called `__proto__`. */
export function setOwn(target: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key !== "__proto__") {
    target[key] = value;
    return;
  }
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function count(measure: Measure, sizeBytes: number): void {
  measure.sizeBytes += sizeBytes;
  if (measure.sizeBytes > measure.maxBytes) {
    throw new MyelinError(
      "PAYLOAD_TOO_LARGE",
      `${measure.what} takes more than ${measure.maxBytes} bytes`,
    );
  }
}

function unfit(measure: Measure, path: string, problem: string): MyelinError {
  return new MyelinError(
    "INVALID_ARGUMENT",
    `${measure.what}${path} ${problem}, which JSON cannot carry`,
  );
}
