/*
 * JSON values as google.protobuf.Struct and google.protobuf.Value.
 *
 * Invariants:
 * 1. Objects and arrays are nested at most `maxJsonLevels` deep, reading and writing.
 * 2. Objects that are read are plain; a key such as `__proto__` becomes an own property, as in JSON.parse.
 * 3. What JSON cannot carry (NaN, infinities, a Value without a kind) is null on both sides.
 */
import { MyelinError } from "../errors/index.ts";
import { isJsonObject, type JsonObject, type JsonValue, maxJsonLevels } from "../json/index.ts";
import { type ByteReader, malformed } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

type Fields = Record<string, JsonValue>;

/** Reads the Struct that is the present field's value; what `previous` holds is kept, as protobuf merges. */
export function readStruct(
  reader: ByteReader,
  field: string,
  previous: JsonObject = {},
): JsonObject {
  return readFields(reader, field, previous, 1);
}

/** Reads the Value that is the present field's value, merged into `previous`. */
export function readValue(reader: ByteReader, field: string, previous?: JsonValue): JsonValue {
  return readNestedValue(reader, field, previous ?? null, 0);
}

function readFields(
  reader: ByteReader,
  field: string,
  previous: JsonObject,
  depth: number,
): JsonObject {
  checkDepth(depth, field);
  // Objects given as `previous` were made by this very function for the value being read.
  const fields: Fields = previous;
  const outer = reader.enter(field);
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) readEntry(reader, field, fields, depth);
    else reader.skip(field);
  }
  reader.leave(outer);
  return fields;
}

function readEntry(reader: ByteReader, field: string, fields: Fields, depth: number): void {
  let key = "";
  let value: JsonValue = null;
  const outer = reader.enter(field);
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) key = reader.string(field);
    else if (number === 2) value = readNestedValue(reader, field, value, depth);
    else reader.skip(field);
  }
  reader.leave(outer);
  setOwn(fields, key, value);
}

/** Sets an own property, whatever its name is. */
export function setOwn<Value>(target: Record<string, Value>, key: string, value: Value): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    target[key] = value;
  }
}

function readNestedValue(
  reader: ByteReader,
  field: string,
  previous: JsonValue,
  depth: number,
): JsonValue {
  let value = previous;
  const outer = reader.enter(field);
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) {
      reader.uint64(field);
      value = null;
    } else if (number === 2) {
      const read = reader.double(field);
      value = Number.isFinite(read) ? read : null;
    } else if (number === 3) value = reader.string(field);
    else if (number === 4) value = reader.bool(field);
    else if (number === 5) {
      value = readFields(reader, field, isJsonObject(value) ? value : {}, depth + 1);
    } else if (number === 6) {
      value = readList(reader, field, Array.isArray(value) ? value : [], depth + 1);
    } else reader.skip(field);
  }
  reader.leave(outer);
  return value;
}

function readList(
  reader: ByteReader,
  field: string,
  list: JsonValue[],
  depth: number,
): JsonValue[] {
  checkDepth(depth, field);
  const outer = reader.enter(field);
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) list.push(readNestedValue(reader, field, null, depth));
    else reader.skip(field);
  }
  reader.leave(outer);
  return list;
}

function checkDepth(depth: number, field: string): void {
  if (depth > maxJsonLevels) throw malformed(field, `is nested deeper than ${maxJsonLevels}`);
}

/** Writes the object as a Struct, unless it is empty. */
export function writeStruct(writer: ByteWriter, tag: number, object: JsonObject): void {
  const before = writer.sizeBytes;
  const start = writer.open(tag);
  writeFields(writer, object, 1);
  if (writer.sizeBytes === start) writer.cut(before);
  else writer.close(start);
}

/** Writes any value as a Value. */
export function writeValue(writer: ByteWriter, tag: number, value: JsonValue): void {
  writeNestedValue(writer, tag, value, 0);
}

function writeFields(writer: ByteWriter, object: JsonObject, depth: number): void {
  checkWrittenDepth(depth);
  for (const key of Object.keys(object)) {
    const value: JsonValue | undefined = object[key];
    if (value === undefined) continue;
    const start = writer.open(0x0a);
    writer.putString(0x0a, key);
    writeNestedValue(writer, 0x12, value, depth);
    writer.close(start);
  }
}

function writeNestedValue(writer: ByteWriter, tag: number, given: JsonValue, depth: number): void {
  const value = hasJsonForm(given) ? given.toJSON() : given;
  const start = writer.open(tag);
  if (typeof value === "string") writer.putString(0x1a, value);
  else if (typeof value === "number" && Number.isFinite(value)) writer.putDouble(0x11, value);
  else if (typeof value === "boolean") {
    writer.putByte(0x20);
    writer.putByte(value ? 1 : 0);
  } else if (value === null || value === undefined || typeof value === "number") {
    writer.putByte(0x08);
    writer.putByte(0);
  } else if (typeof value === "object") writeContainer(writer, value, depth + 1);
  else throw notJson(`a ${typeof value}`);
  writer.close(start);
}

function writeContainer(
  writer: ByteWriter,
  value: JsonObject | readonly JsonValue[],
  depth: number,
): void {
  checkWrittenDepth(depth);
  if (isList(value)) {
    const start = writer.open(0x32);
    for (const item of value) writeNestedValue(writer, 0x0a, item, depth);
    writer.close(start);
  } else {
    const start = writer.open(0x2a);
    writeFields(writer, value, depth);
    writer.close(start);
  }
}

/** True for a Date and whatever else says itself how it looks as JSON. */
function hasJsonForm(value: unknown): value is { toJSON(): JsonValue } {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { toJSON?: unknown }).toJSON === "function"
  );
}

function isList(value: JsonObject | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function checkWrittenDepth(depth: number): void {
  if (depth > maxJsonLevels)
    throw notJson(`a value nested deeper than ${maxJsonLevels}, or in itself,`);
}

function notJson(what: string): MyelinError {
  return new MyelinError("INVALID_ARGUMENT", `${what} cannot be sent as JSON`);
}
