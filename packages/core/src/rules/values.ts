/**
 * Values of expressions at run time, for what the static type does not settle.
 *
 * 1. A double is a number, an int a bigint, a uint a {@link Uint}; strings, bools and null are
 *    themselves; bytes are a Uint8Array, instants and durations {@link Timestamp} and {@link Duration};
 *    a list is an array; a map is a {@link MapValue}, or an object whose own properties are its
 *    entries (labels and twins, as they are).
 * 2. `undefined` is unknown. NaN is unknown too and never leaves a function of this file.
 * 3. No function throws, but for {@link Steps}, which throws when an evaluation costs too much.
 */
import { limits } from "./limits.ts";
import { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";

/** A value that JavaScript has no type for. */
abstract class Boxed {}

/** An unsigned 64-bit integer. */
export class Uint extends Boxed {
  readonly value: bigint;

  constructor(value: bigint) {
    super();
    this.value = value;
  }
}

/** An instant, in nanoseconds since the Unix epoch. */
export class Timestamp extends Boxed {
  readonly ns: bigint;

  constructor(ns: bigint) {
    super();
    this.ns = ns;
  }
}

/** A span of time, in nanoseconds. */
export class Duration extends Boxed {
  readonly ns: bigint;

  constructor(ns: bigint) {
    super();
    this.ns = ns;
  }
}

/** The type of a value, by its name in CEL. */
export class TypeValue extends Boxed {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** A value, or undefined for unknown. */
export type Value = unknown;

/** A map that an expression made: keys in order of writing, found by {@link keyOf}. */
export class MapValue {
  readonly entries: ReadonlyMap<string | bigint | boolean, readonly [Value, Value]>;

  constructor(entries: ReadonlyMap<string | bigint | boolean, readonly [Value, Value]>) {
    this.entries = entries;
  }

  /** A map of pairs; unknown when a part is, when a key is none, or comes twice. */
  static of(pairs: readonly (readonly [Value, Value])[]): MapValue | undefined {
    const entries = new Map<string | bigint | boolean, readonly [Value, Value]>();
    for (const [written, value] of pairs) {
      const key = keyOf(written);
      if (key === undefined || value === undefined || entries.has(key)) return undefined;
      entries.set(key, [written, value]);
    }
    return new MapValue(entries);
  }
}

/** What the evaluation of an expression throws, inside the linked rule only, when it takes too long. */
const tooCostly = new Error("the expression takes too many steps");

/** Counts the steps of one evaluation, so that no list or text makes it long. */
export class Steps {
  #left = limits.stepsPerEvaluation;

  start(): void {
    this.#left = limits.stepsPerEvaluation;
  }

  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw tooCostly;
  }
}

/** True for a value that is a map of either kind. */
function isObject(value: Value): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Boxed) &&
    !(value instanceof Uint8Array)
  );
}

/** A key as maps find it: numbers of equal value are one key. Undefined for what is no key. */
function keyOf(value: Value): string | bigint | boolean | undefined {
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "boolean")
    return value;
  if (value instanceof Uint) return value.value;
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined;
}

/** Makes a map of keys and values in turn; unknown when one is, or when a key comes twice. */
export function makeMap(...parts: readonly Value[]): Value {
  const pairs: [Value, Value][] = [];
  for (let index = 0; index < parts.length; index += 2)
    pairs.push([parts[index], parts[index + 1]]);
  return MapValue.of(pairs);
}

/** Makes a list; unknown when an element is. */
export function makeList(...elements: readonly Value[]): Value {
  return elements.includes(undefined) ? undefined : elements;
}

/** The entry of a map at a key; unknown when there is none. Only own properties are entries. */
export function at(map: Value, key: Value): Value {
  if (!isObject(map)) return undefined;
  if (map instanceof MapValue) {
    const found = keyOf(key);
    return found === undefined ? undefined : map.entries.get(found)?.[1];
  }
  if (typeof key !== "string" || !Object.hasOwn(map, key)) return undefined;
  const value: Value = Reflect.get(map, key);
  return value !== value ? undefined : value;
}

/** The element of a list at a whole number, or the entry of a map at a key. */
export function index(container: Value, key: Value): Value {
  if (!Array.isArray(container)) return at(container, key);
  const position = keyOf(key);
  return typeof position === "bigint" && position >= 0n && position < BigInt(container.length)
    ? container[Number(position)]
    : undefined;
}

/** Whether a map has a field; unknown when it is no map. */
export function has(map: Value, field: string): Tri {
  if (!isObject(map)) return UNKNOWN;
  const isThere = map instanceof MapValue ? map.entries.has(field) : Object.hasOwn(map, field);
  return isThere ? TRUE : FALSE;
}

/** The elements of a list, or the keys of a map; keys of an object in the order of their code units. */
export function elementsOf(range: Value): readonly Value[] | undefined {
  if (Array.isArray(range)) return range;
  if (range instanceof MapValue) return [...range.entries.values()].map((entry) => entry[0]);
  return isObject(range) ? Object.keys(range).toSorted() : undefined;
}

/** The number of code points, bytes, elements or entries. */
export function size(value: Value): bigint | undefined {
  if (typeof value === "string") {
    let count = value.length;
    for (let unit = 0; unit < value.length - 1; unit += 1) {
      if ((value.codePointAt(unit) ?? 0) > 0xffff) count -= 1;
    }
    return BigInt(count);
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return BigInt(value.length);
  if (value instanceof MapValue) return BigInt(value.entries.size);
  return isObject(value) ? BigInt(Object.keys(value).length) : undefined;
}

/** A number as bigint or number, which JavaScript compares by exact value. */
function numeric(value: Value): number | bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return value !== value ? undefined : value;
  return value instanceof Uint ? value.value : undefined;
}

/** Equality of any two values; values of different types differ, numbers are compared by value. */
export function equal(left: Value, right: Value, steps: Steps): Tri {
  if (left === undefined || right === undefined || left !== left || right !== right) return UNKNOWN;
  return isEqual(left, right, steps) ? TRUE : FALSE;
}

function isEqual(left: Value, right: Value, steps: Steps): boolean {
  if (left === right) return true;
  const leftNumber = numeric(left);
  const rightNumber = numeric(right);
  // oxlint-disable-next-line eqeqeq -- of bigint and number only the loose form compares by value
  if (leftNumber !== undefined && rightNumber !== undefined) return leftNumber == rightNumber;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    steps.take(left.length);
    return left.every((element, position) => isEqual(element, right[position], steps));
  }
  if (left instanceof Uint8Array) {
    if (!(right instanceof Uint8Array) || left.length !== right.length) return false;
    steps.take(left.length >> 3);
    return left.every((byte, position) => byte === right[position]);
  }
  if (left instanceof Boxed) return isSameBox(left, right);
  if (!isObject(left) || !isObject(right)) return false;
  if (size(left) !== size(right)) return false;
  const keys = elementsOf(left) ?? [];
  steps.take(keys.length);
  return keys.every((key) => {
    const other = at(right, key);
    return other !== undefined && isEqual(at(left, key), other, steps);
  });
}

function isSameBox(left: Boxed, right: Value): boolean {
  if (left instanceof Timestamp) return right instanceof Timestamp && left.ns === right.ns;
  if (left instanceof Duration) return right instanceof Duration && left.ns === right.ns;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  return false;
}

/** Below, at or above zero as left is below, equal to or above right; NaN when they have no order. */
export function order(left: Value, right: Value): number {
  const leftNumber = numeric(left);
  const rightNumber = numeric(right);
  if (leftNumber !== undefined && rightNumber !== undefined) {
    return leftNumber < rightNumber ? -1 : leftNumber > rightNumber ? 1 : 0;
  }
  if (typeof left === "string" && typeof right === "string") return orderTexts(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Timestamp && right instanceof Timestamp) return sign(left.ns - right.ns);
  if (left instanceof Duration && right instanceof Duration) return sign(left.ns - right.ns);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return orderBytes(left, right);
  return Number.NaN;
}

function sign(difference: bigint): number {
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function orderBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let position = 0; position < length; position += 1) {
    const difference = (left[position] ?? 0) - (right[position] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** By code points, as CEL orders: JavaScript's own order differs beyond U+FFFF. */
function orderTexts(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let position = 0; position < length; position += 1) {
    const leftUnit = left.charCodeAt(position);
    const rightUnit = right.charCodeAt(position);
    if (leftUnit !== rightUnit) return rank(leftUnit) - rank(rightUnit);
  }
  return left.length - right.length;
}

/** Halves of pairs stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Whether a list holds a value, or a map a key. */
export function contains(element: Value, container: Value, steps: Steps): Tri {
  if (element === undefined || element !== element) return UNKNOWN;
  if (Array.isArray(container)) {
    steps.take(container.length);
    return container.some((candidate) => isEqual(element, candidate, steps)) ? TRUE : FALSE;
  }
  if (!isObject(container)) return UNKNOWN;
  if (container instanceof MapValue) {
    const key = keyOf(element);
    return key !== undefined && container.entries.has(key) ? TRUE : FALSE;
  }
  return typeof element === "string" && Object.hasOwn(container, element) ? TRUE : FALSE;
}

/** A finite or infinite double as it is; NaN as unknown. */
export function known(value: number): Value {
  return value !== value ? undefined : value;
}
