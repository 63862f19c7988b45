/**
 * Values as the oracle has them: a double is a number, an int a bigint, a uint a {@link Unsigned}; texts, bools
 * and null are themselves; a list is an array; a map is a Map, or an object of JSON. Undefined is unknown.
 */

/** An unsigned integer. */
export interface Unsigned {
  readonly unsigned: bigint;
}

export type Value = unknown;

const isUnsigned = (value: Value): value is Unsigned =>
  typeof value === "object" && value !== null && "unsigned" in value;

/** NaN is unknown. */
export function known(value: number): Value {
  return Number.isNaN(value) ? undefined : value;
}

function int64(value: bigint): Value {
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined;
}

function uint64(value: bigint): Value {
  return value >= 0n && value < 2n ** 64n ? { unsigned: value } : undefined;
}

/** `+ - * / %` of two values; unknown where they have no such operation, or it fails. */
export function arithmetic(operator: string, left: Value, right: Value): Value {
  if (typeof left === "number" && typeof right === "number")
    return operator === "%" ? undefined : known(doubles(operator, left, right));
  if (typeof left === "bigint" && typeof right === "bigint") {
    const result = integers(operator, left, right);
    return result === undefined ? undefined : int64(result);
  }
  if (isUnsigned(left) && isUnsigned(right)) {
    const result = integers(operator, left.unsigned, right.unsigned);
    return result === undefined ? undefined : uint64(result);
  }
  if (operator !== "+") return undefined;
  if (typeof left === "string" && typeof right === "string") return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return [...(left as []), ...(right as [])];
  return undefined;
}

function doubles(operator: string, left: number, right: number): number {
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  return operator === "*" ? left * right : left / right;
}

function integers(operator: string, left: bigint, right: bigint): bigint | undefined {
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  if (right === 0n) return undefined;
  return operator === "/" ? left / right : left % right;
}

function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return isUnsigned(value) ? value.unsigned : undefined;
}

/** Whether two known values are equal; those of different kinds are not, numbers are compared as numbers. */
export function isEqual(left: Value, right: Value): boolean {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return !(a < b) && !(a > b);
  if (Array.isArray(left))
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => isEqual(item, right[index]))
    );
  const [here, there] = [entriesOf(left), entriesOf(right)];
  if (here === undefined || there === undefined) return left === right;
  return (
    here.length === there.length &&
    here.every(([key, item]) => {
      const other = there.find(([candidate]) => isEqual(candidate, key));
      return other !== undefined && isEqual(item, other[1]);
    })
  );
}

/** `< <= > >=`; unknown for values that have no order. */
export function isOrdered(operator: string, left: Value, right: Value): Value {
  const order = orderOf(left, right);
  if (order === undefined) return undefined;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

function orderOf(left: Value, right: Value): number | undefined {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (typeof left !== "string" || typeof right !== "string") return undefined;
  const [here, there] = [Array.from(left), Array.from(right)];
  for (const [index, character] of here.entries()) {
    const difference =
      (character.codePointAt(0) ?? 0) - (there[index]?.codePointAt(0) ?? Number.NEGATIVE_INFINITY);
    if (difference !== 0) return difference;
  }
  return here.length - there.length;
}

/** The entries of a map of either kind; undefined for what is none. */
export function entriesOf(value: Value): readonly (readonly [Value, Value])[] | undefined {
  if (value instanceof Map) return [...value];
  const isMap =
    typeof value === "object" && value !== null && !Array.isArray(value) && !isUnsigned(value);
  return isMap ? Object.entries(value) : undefined;
}

/** An element of a list, or what a map holds at a key. */
export function at(container: Value, key: Value): Value {
  if (Array.isArray(container)) {
    const index = numberOf(key);
    const item: Value = index === undefined ? undefined : container[Number(index)];
    return item;
  }
  const found = entriesOf(container)?.find(([candidate]) => isEqual(candidate, key));
  return typeof found?.[1] === "number" ? known(found[1]) : found?.[1];
}

/** Whether a list holds a value, or a map a key. */
export function isIn(element: Value, container: Value): Value {
  if (element === undefined) return undefined;
  if (Array.isArray(container)) return container.some((item) => isEqual(item, element));
  return entriesOf(container)?.some(([key]) => isEqual(key, element));
}

/** The elements of a list, or the keys of a map; those of JSON in the order of their code units. */
export function elementsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  return entriesOf(value)
    ?.map(([key]) => String(key))
    .toSorted();
}

/** What `size` gives. */
export function sizeOf(value: Value): Value {
  if (typeof value === "string") return BigInt(Array.from(value).length);
  const count = elementsOf(value)?.length;
  return count === undefined ? undefined : BigInt(count);
}

/** `int(…)`, `uint(…)`, `double(…)`, `string(…)`, `bool(…)`. */
export function convert(type: string, value: Value): Value {
  switch (type) {
    case "int": {
      const whole = wholeOf(value);
      return whole === undefined ? undefined : int64(whole);
    }
    case "uint": {
      const whole = wholeOf(value);
      return whole === undefined ? undefined : uint64(whole);
    }
    case "double":
      return doubleOf(value);
    case "string":
      return textOf(value);
    case "bool": {
      if (typeof value === "boolean") return value;
      if (["1", "t", "true", "TRUE", "True"].some((text) => text === value)) return true;
      return ["0", "f", "false", "FALSE", "False"].some((text) => text === value)
        ? false
        : undefined;
    }
    default:
      return undefined;
  }
}

function wholeOf(value: Value): bigint | undefined {
  if (typeof value === "number")
    return Math.abs(value) < 2 ** 64 ? BigInt(Math.trunc(value)) : undefined;
  if (typeof value === "string") return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
  const number = numberOf(value);
  return typeof number === "bigint" ? number : undefined;
}

function doubleOf(value: Value): Value {
  const number = numberOf(value);
  if (number !== undefined) return Number(number);
  if (typeof value !== "string") return undefined;
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) return Number(value);
  const infinity = /^([+-]?)inf(inity)?$/i.exec(value);
  return infinity === null ? undefined : infinity[1] === "-" ? -Infinity : Infinity;
}

function textOf(value: Value): Value {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (value === Infinity) return "+Inf";
  const number = numberOf(value);
  return number === undefined ? undefined : number === -Infinity ? "-Inf" : String(number);
}
