/** The static type of an expression, as JSON. `dyn` is known only at run time. */
export type ValueType =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "timestamp"
  | "duration"
  | "type"
  | "null"
  | "dyn"
  | { readonly list: ValueType }
  | { readonly key: ValueType; readonly value: ValueType };

/** Names that CEL gives to types; each is a value of type `type`, and none can be a metric's bare name. */
export const typeNames: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "dyn",
  "int",
  "list",
  "map",
  "null_type",
  "string",
  "type",
  "uint",
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
]);

/** The type as CEL writes it: `list(string)`, `map(string, dyn)`. */
export function describeType(type: ValueType): string {
  if (typeof type === "string") return type;
  if ("list" in type) return `list(${describeType(type.list)})`;
  return `map(${describeType(type.key)}, ${describeType(type.value)})`;
}

/**
 * The type that holds values of both, or undefined when they never mix. `dyn` mixes with all;
 * numbers of different types do not mix.
 */
export function joinTypes(left: ValueType, right: ValueType): ValueType | undefined {
  if (left === right) return left;
  if (left === "dyn" || right === "dyn") return "dyn";
  if (typeof left === "string" || typeof right === "string") return undefined;
  if ("list" in left) {
    if (!("list" in right)) return undefined;
    const list = joinTypes(left.list, right.list);
    return list === undefined ? undefined : { list };
  }
  if (!("key" in right)) return undefined;
  const key = joinTypes(left.key, right.key);
  const value = joinTypes(left.value, right.value);
  return key === undefined || value === undefined ? undefined : { key, value };
}

export function isListType(type: ValueType): type is { readonly list: ValueType } {
  return typeof type === "object" && "list" in type;
}

export function isMapType(
  type: ValueType,
): type is { readonly key: ValueType; readonly value: ValueType } {
  return typeof type === "object" && "key" in type;
}

export function isNumericType(type: ValueType): boolean {
  return type === "double" || type === "int" || type === "uint";
}
