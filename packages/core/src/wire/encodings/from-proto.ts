/*
 * Tells a frame by names: plain objects and arrays, which an encoding then writes in its own way.
 *
 * Invariants:
 * 1. A field that its default says as well is left out, unless leaving it out means something else.
 * 2. Fields and operations that are not known are passed over.
 */
import { ByteReader, wireBytes } from "../byte-reader.ts";
import { readStruct, readValue, setOwn } from "../json-codec.ts";
import type { JsonObject, JsonValue } from "../../json/index.ts";
import { type Field, frame, type MessageSchema } from "./schema.ts";
import { isPackable } from "./to-proto.ts";

/** How an encoding writes what has no form of its own in plain values. */
export interface Forms {
  bytes(bytes: Uint8Array): unknown;
  /** A number that is NaN or infinite. */
  unusual(value: number): unknown;
  /** A whole column of doubles as its bytes, little-endian; undefined for one by one. */
  doubles?(bytes: Uint8Array): unknown;
}

type Plain = Record<string, unknown>;

/** A frame with its operations, by names. @throws MyelinError PROTOCOL_ERROR when it is malformed */
export function fromProto(bytes: Uint8Array, forms: Forms): Readonly<Record<string, unknown>> {
  return readMessage(new ByteReader(bytes), frame, { operations: [] }, forms);
}

function readMessage(
  reader: ByteReader,
  schema: MessageSchema,
  message: Plain,
  forms: Forms,
): Plain {
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    const known = schema.byNumber[number];
    if (known === undefined) {
      reader.skip(schema.name);
      continue;
    }
    const [name, field] = known;
    if (schema.isChoice)
      for (const other of Object.keys(message)) if (other !== name) delete message[other];
    const label = `${schema.name}.${name}`;
    if (field.isRepeated) readItem(reader, field, message, name, label, forms);
    else message[name] = readScalar(reader, field, message[name], label, forms);
  }
  for (const [name, field] of schema.withFallback) message[name] ??= defaultOf(field);
  return message;
}

function defaultOf({ kind }: Field): string | number {
  return kind === "string" ? "" : 0;
}

function readItem(
  reader: ByteReader,
  field: Field,
  message: Plain,
  name: string,
  label: string,
  forms: Forms,
): void {
  if (isPackable(field) && reader.wireType === wireBytes) {
    readPacked(reader, field, message, name, label, forms);
    return;
  }
  const items = listOf(message, name);
  const item = readScalar(reader, field, undefined, label, forms);
  // An operation of a kind that is not known has no name.
  if (field.message?.isChoice !== true || Object.keys(Object(item)).length > 0) items.push(item);
}

/** The list of a repeated field, begun when there is none. */
function listOf(message: Plain, name: string): unknown[] {
  const before = message[name];
  if (Array.isArray(before)) return before;
  const items: unknown[] = [];
  message[name] = items;
  return items;
}

function readPacked(
  reader: ByteReader,
  field: Field,
  message: Plain,
  name: string,
  label: string,
  forms: Forms,
): void {
  const outer = reader.enter(label);
  const column = reader.bytes.subarray(reader.pos, reader.end);
  if (field.kind === "double" && forms.doubles !== undefined && message[name] === undefined) {
    message[name] = forms.doubles(column);
    reader.pos = reader.end;
  } else {
    const items = listOf(message, name);
    reader.wireType = field.kind === "double" ? 1 : field.kind === "float" ? 5 : 0;
    while (reader.pos < reader.end) items.push(readNumber(reader, field, label, forms));
  }
  reader.leave(outer);
}

function readScalar(
  reader: ByteReader,
  field: Field,
  previous: unknown,
  label: string,
  forms: Forms,
): unknown {
  switch (field.kind) {
    case "string":
      return reader.string(label);
    case "bytes":
      return forms.bytes(reader.slice(label));
    case "message": {
      const outer = reader.enter(label);
      // A field of this kind has its message, and what was read of it before is one.
      const message = (previous ?? {}) as Plain;
      readMessage(reader, field.message as MessageSchema, message, forms);
      reader.leave(outer);
      return message;
    }
    case "struct":
      return readStruct(reader, label, previous as JsonObject | undefined);
    case "value":
      return readValue(reader, label, previous as JsonValue | undefined);
    case "texts":
      return readText(reader, (previous ?? {}) as Record<string, string>, label);
    default:
      return readNumber(reader, field, label, forms);
  }
}

function readText(
  reader: ByteReader,
  texts: Record<string, string>,
  label: string,
): Record<string, string> {
  let key = "";
  let text = "";
  const outer = reader.enter(label);
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) key = reader.string(label);
    else if (number === 2) text = reader.string(label);
    else reader.skip(label);
  }
  reader.leave(outer);
  setOwn(texts, key, text);
  return texts;
}

function readNumber(reader: ByteReader, field: Field, label: string, forms: Forms): unknown {
  switch (field.kind) {
    case "bool":
      return reader.bool(label);
    case "enum": {
      const number = reader.uint32(label);
      return field.values?.[number] ?? number;
    }
    case "double":
      return usual(reader.double(label), forms);
    case "float":
      return usual(reader.float(label), forms);
    case "sint32":
    case "sint64": {
      const coded = reader.uint64(label);
      return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
    }
    default:
      return reader.uint64(label);
  }
}

function usual(value: number, forms: Forms): unknown {
  return Number.isFinite(value) ? value : forms.unusual(value);
}
