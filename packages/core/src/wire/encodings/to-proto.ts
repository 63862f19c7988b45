/*
 * Makes a frame of what a peer wrote by names: plain objects and arrays, as JSON.parse gives them.
 *
 * Invariants:
 * 1. What comes out is a frame as FrameWriter writes them; whether its numbers, ids and columns are sound
 *    is looked at where frames are read, for all encodings alike.
 * 2. Whatever the value is, the only error thrown is MyelinError PROTOCOL_ERROR, and it names the field.
 * 3. Names that are not known are passed over unread; recursion is bounded by the schema, and in JSON
 *    values by `maxJsonLevels`.
 * 4. A field that is null is one that was left out, except where any JSON may stand.
 */
import { malformed } from "../byte-reader.ts";
import { ByteWriter } from "../byte-writer.ts";
import { MyelinError } from "../../errors/index.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json/index.ts";
import { writeStruct, writeValue } from "../json-codec.ts";
import { fromBase64 } from "./base64.ts";
import { Binary } from "./binary.ts";
import { type Field, frame, type MessageSchema, now, operation } from "./schema.ts";

/** What is being written, and where left-out times come from. */
interface Target {
  readonly writer: ByteWriter;
  readonly nowUs: number;
}

const float = new DataView(new ArrayBuffer(4));
/** Numbers that JSON has no form for, as protobuf's JSON writes them. */
const namedNumbers: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/**
 * A frame, a list of operations or one operation, as the bytes of a frame.
 * @throws MyelinError PROTOCOL_ERROR
 */
export function toProto(value: unknown, nowUs: number): Uint8Array {
  const target = { writer: new ByteWriter(), nowUs: Math.floor(nowUs) };
  try {
    if (Array.isArray(value)) writeMessage(target, frame, { operations: value });
    else if (isPlain(value) && Object.hasOwn(value, "operations")) {
      writeMessage(target, frame, value);
    } else writeOne(target, 0x0a, operation, value, "a frame");
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    if (error.code !== "INVALID_ARGUMENT") throw thrown;
    throw new MyelinError("PROTOCOL_ERROR", `malformed frame: ${error.message}`, { cause: thrown });
  }
  return target.writer.take();
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return isJsonObject(value) && !(value instanceof Binary);
}

function writeMessage(
  target: Target,
  schema: MessageSchema,
  message: Readonly<Record<string, unknown>>,
): void {
  let known = "";
  for (const name of Object.keys(message)) {
    const field = schema.byName.get(name);
    const value = message[name];
    if (field === undefined) continue;
    if (schema.isChoice) {
      if (known !== "") throw malformed(schema.name, `has both ${known} and ${name}`);
      known = name;
    }
    if (value === null && field.kind !== "value") continue;
    writeField(target, field, value, schema, name);
  }
  for (const [name, field] of schema.withFallback) {
    if (message[name] !== undefined && message[name] !== null) continue;
    const { fallback } = field;
    writeField(target, field, fallback === now ? target.nowUs : fallback, schema, name);
  }
}

function writeField(
  target: Target,
  field: Field,
  value: unknown,
  schema: MessageSchema,
  name: string,
): void {
  const label = `${schema.name}.${name}`;
  if (!field.isRepeated) {
    writeScalar(target, field, value, label);
    return;
  }
  const isPacked = isPackable(field);
  if (isPacked && value instanceof Binary) {
    writeBytes(target.writer, tagOf(field, 2), value.bytes);
    return;
  }
  if (!Array.isArray(value)) throw malformed(label, "is no list");
  if (isPacked) writePacked(target.writer, field, value, label);
  else for (const item of value) writeScalar(target, field, item, label);
}

/** True for what protobuf packs when it is repeated. */
export function isPackable({ kind }: Field): boolean {
  switch (kind) {
    case "bool":
    case "uint32":
    case "uint64":
    case "sint32":
    case "sint64":
    case "float":
    case "double":
    case "enum":
      return true;
    default:
      return false;
  }
}

function writePacked(
  writer: ByteWriter,
  field: Field,
  values: readonly unknown[],
  label: string,
): void {
  const opened = writer.open(lead(writer, tagOf(field, 2)));
  for (const value of values) writeNumber(writer, field, value, label);
  writer.close(opened);
}

function writeScalar(target: Target, field: Field, value: unknown, label: string): void {
  const { writer } = target;
  switch (field.kind) {
    case "string":
      if (typeof value !== "string") throw malformed(label, "is no text");
      writer.putString(lead(writer, tagOf(field, 2)), value);
      break;
    case "bytes":
      writeBytes(writer, tagOf(field, 2), bytesOf(value, label));
      break;
    case "message":
      // A field of this kind has its message.
      writeOne(target, tagOf(field, 2), field.message as MessageSchema, value, label);
      break;
    case "struct":
      if (!isPlain(value)) throw malformed(label, "is no object");
      writeStruct(writer, lead(writer, tagOf(field, 2)), value as JsonObject);
      break;
    case "value":
      writeValue(writer, lead(writer, tagOf(field, 2)), value as JsonValue);
      break;
    case "texts":
      writeTexts(writer, field, value, label);
      break;
    default:
      putTag(writer, tagOf(field, field.kind === "double" ? 1 : field.kind === "float" ? 5 : 0));
      writeNumber(writer, field, value, label);
  }
}

function writeOne(
  target: Target,
  tag: number,
  schema: MessageSchema,
  value: unknown,
  label: string,
): void {
  if (!isPlain(value)) throw malformed(label, "is no object");
  const { writer } = target;
  const opened = writer.open(lead(writer, tag));
  writeMessage(target, schema, value);
  writer.close(opened);
}

function writeTexts(writer: ByteWriter, field: Field, value: unknown, label: string): void {
  if (!isPlain(value)) throw malformed(label, "is no object");
  for (const key of Object.keys(value)) {
    const text = value[key];
    if (typeof text !== "string") throw malformed(label, "holds what is no text");
    const opened = writer.open(lead(writer, tagOf(field, 2)));
    writer.putString(0x0a, key);
    writer.putString(0x12, text);
    writer.close(opened);
  }
}

function writeBytes(writer: ByteWriter, tag: number, bytes: Uint8Array): void {
  putTag(writer, tag);
  writer.putVarint(bytes.length);
  writer.putBytes(bytes);
}

/** The number alone, without a tag. */
function writeNumber(writer: ByteWriter, field: Field, value: unknown, label: string): void {
  switch (field.kind) {
    case "bool":
      if (typeof value !== "boolean") throw malformed(label, "is neither true nor false");
      writer.putByte(value ? 1 : 0);
      break;
    case "double":
      writer.putNumber(numberOf(value, label));
      break;
    case "float":
      float.setFloat32(0, numberOf(value, label), true);
      for (let at = 0; at < 4; at++) writer.putByte(float.getUint8(at));
      break;
    case "enum":
      writer.putVarint(enumOf(field, value, label));
      break;
    case "sint32":
    case "sint64": {
      const whole = wholeOf(value, label);
      writer.putVarint(whole < 0 ? -2 * whole - 1 : 2 * whole);
      break;
    }
    default: {
      const whole = wholeOf(value, label);
      if (whole < 0) throw malformed(label, "is negative");
      writer.putVarint(whole);
    }
  }
}

function numberOf(value: unknown, label: string): number {
  if (typeof value === "number") return value;
  const named = namedNumbers.get(value);
  if (named !== undefined) return named;
  throw malformed(label, "is no number");
}

/** A whole number, also as text, in which protobuf's JSON writes those of 64 bits. */
function wholeOf(value: unknown, label: string): number {
  const whole = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof whole === "number" && Number.isSafeInteger(whole)) return whole;
  throw malformed(label, "is no whole number");
}

function enumOf({ values = [] }: Field, value: unknown, label: string): number {
  if (typeof value === "number") return wholeOf(value, label) >= 0 ? value : 0;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  const number = values.findIndex((name) => text === name || text.endsWith(`_${name}`));
  if (number >= 0) return number;
  throw malformed(label, `is none of ${values.slice(1).join(", ")}`);
}

function bytesOf(value: unknown, label: string): Uint8Array {
  if (value instanceof Binary) return value.bytes;
  const bytes = typeof value === "string" ? fromBase64(value) : undefined;
  if (bytes === undefined) throw malformed(label, "is no base64");
  return bytes;
}

function tagOf({ number }: Field, wireType: number): number {
  return (number << 3) | wireType;
}

function putTag(writer: ByteWriter, tag: number): void {
  writer.putByte(lead(writer, tag));
}

/** Writes a tag's first byte where it takes two, and returns its last, which the writer's methods take. */
function lead(writer: ByteWriter, tag: number): number {
  if (tag < 0x80) return tag;
  writer.putByte((tag & 0x7f) | 0x80);
  return tag >> 7;
}
