import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";

type Fields = Record<string, JsonValue>;

/**
 * Applies a JSON merge patch (RFC 7396). Nothing given is changed; what the patch leaves alone is shared
 * with `target`, and where it changes nothing `target` itself is the result.
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  let result: Fields | undefined;
  for (const [key, change] of Object.entries(patch)) {
    const present = ownField(target, key);
    if (change === null) {
      if (present === undefined) continue;
      result ??= { ...target };
      delete result[key];
      continue;
    }
    const value = isJsonObject(change)
      ? mergePatch(isJsonObject(present) ? present : {}, change)
      : change;
    if (Object.is(value, present)) continue;
    result ??= { ...target };
    setField(result, key, value);
  }
  return result ?? target;
}

/** Lays one state over another: objects are united field by field, of anything else `over` wins. */
export function overlay(under: JsonObject, over: JsonObject): JsonObject {
  const result: Fields = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = ownField(under, key);
    setField(
      result,
      key,
      isJsonObject(value) && isJsonObject(below) ? overlay(below, value) : value,
    );
  }
  return result;
}

/** A field of the object's own, whatever its name is. */
export function ownField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets a field as the object's own; a plain assignment to `__proto__` would set the prototype. */
function setField(object: Fields, key: string, value: JsonValue): void {
  if (key === "__proto__")
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  else object[key] = value;
}
