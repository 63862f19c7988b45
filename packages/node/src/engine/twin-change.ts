import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";

/**
 * Whether a change from `before` to `after` touches a field that one of `paths` leads to, lies under or holds.
 * `fields` names the top-level fields that may have changed; undefined when any may.
 */
export function touchesTwin(
  paths: readonly (readonly string[])[],
  before: JsonObject,
  after: JsonObject,
  fields: readonly string[] | undefined,
): boolean {
  return paths.some((path) => {
    const [field] = path;
    if (field !== undefined && fields !== undefined && !fields.includes(field)) return false;
    return !isSameJson(valueAt(before, path), valueAt(after, path));
  });
}

function valueAt(twin: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = twin;
  for (const field of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, field)) return undefined;
    value = value[field];
  }
  return value;
}

/** Deep equality of JSON values; shared parts cost nothing. */
export function isSameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const fields = Object.keys(a);
  return (
    fields.length === Object.keys(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && isSameJson(a[field], b[field]))
  );
}
