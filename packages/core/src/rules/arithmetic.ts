import { durationOf, timestampOf } from "./moments.ts";
import { Duration, type Steps, Timestamp, Uint, type Value, known } from "./values.ts";

/** Arithmetic on values whose types are known only at run time, or that are 64-bit integers. Unknown (undefined) where CEL has an error. */

function int(value: bigint): Value {
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function uint(value: bigint): Value {
  return BigInt.asUintN(64, value) === value ? new Uint(value) : undefined;
}

/** Applies an operation to two numbers of one type. */
function numeric(
  left: Value,
  right: Value,
  doubles: (left: number, right: number) => number,
  integers: (left: bigint, right: bigint) => bigint,
): Value {
  if (typeof left === "number") {
    return typeof right === "number" ? known(doubles(left, right)) : undefined;
  }
  if (typeof left === "bigint") {
    return typeof right === "bigint" ? int(integers(left, right)) : undefined;
  }
  if (left instanceof Uint && right instanceof Uint) return uint(integers(left.value, right.value));
  return undefined;
}

const isZero = (value: Value): boolean =>
  value === 0n || (value instanceof Uint && value.value === 0n);

/** Adds numbers and durations, moves instants, joins texts, bytes or lists. */
export function add(left: Value, right: Value, steps: Steps): Value {
  if (typeof left === "string") {
    if (typeof right !== "string") return undefined;
    steps.take((left.length + right.length) >> 6);
    return left + right;
  }
  if (Array.isArray(left)) {
    if (!Array.isArray(right)) return undefined;
    steps.take(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Uint8Array) {
    if (!(right instanceof Uint8Array)) return undefined;
    steps.take((left.length + right.length) >> 6);
    return Uint8Array.of(...left, ...right);
  }
  if (left instanceof Timestamp)
    return right instanceof Duration ? timestampOf(left.ns + right.ns) : undefined;
  if (left instanceof Duration) {
    if (right instanceof Timestamp) return timestampOf(left.ns + right.ns);
    return right instanceof Duration ? durationOf(left.ns + right.ns) : undefined;
  }
  return numeric(
    left,
    right,
    (a, b) => a + b,
    (a, b) => a + b,
  );
}

export function subtract(left: Value, right: Value): Value {
  if (left instanceof Timestamp) {
    if (right instanceof Timestamp) return durationOf(left.ns - right.ns);
    return right instanceof Duration ? timestampOf(left.ns - right.ns) : undefined;
  }
  if (left instanceof Duration)
    return right instanceof Duration ? durationOf(left.ns - right.ns) : undefined;
  return numeric(
    left,
    right,
    (a, b) => a - b,
    (a, b) => a - b,
  );
}

export function multiply(left: Value, right: Value): Value {
  return numeric(
    left,
    right,
    (a, b) => a * b,
    (a, b) => a * b,
  );
}

/** Integers are divided towards zero, and by zero to unknown; doubles as IEEE 754 has it. */
export function divide(left: Value, right: Value): Value {
  return isZero(right)
    ? undefined
    : numeric(
        left,
        right,
        (a, b) => a / b,
        (a, b) => a / b,
      );
}

/** The remainder of integers, with the sign of the dividend; CEL has none for doubles. */
export function modulo(left: Value, right: Value): Value {
  if (typeof left === "number" || isZero(right)) return undefined;
  return numeric(
    left,
    right,
    () => Number.NaN,
    (a, b) => a % b,
  );
}

export function negate(value: Value): Value {
  if (typeof value === "number") return known(-value);
  return typeof value === "bigint" ? int(-value) : undefined;
}
