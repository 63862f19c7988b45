/**
 * Frames as trees of pieces, in each encoding: any piece can be put in another's place, or itself be
 * spoiled, and what stands around it keeps its right lengths.
 */
import { decode, encode } from "@msgpack/msgpack";
import { type EncodingName, encodingNamed } from "@myelin/core/wire";

/** What a piece is: a value, or what holds others together. */
export type PieceKind = "number" | "double" | "text" | "bytes" | "key" | "tree";

/** Makes another piece of one. */
export type Spoil = (piece: Buffer) => Buffer;

/** A valid frame that can be written again with one of its pieces spoiled. */
export interface PiecedFrame {
  readonly bytes: Buffer;
  readonly kinds: readonly PieceKind[];
  /** The frame with one piece spoiled. */
  spoiled(piece: number, spoil: Spoil): Buffer;
}

/** Counts pieces, and spoils the one it is to. */
class Walk {
  readonly kinds: PieceKind[] = [];
  readonly #piece: number;
  readonly #spoil: Spoil;

  constructor(piece: number, spoil: Spoil) {
    this.#piece = piece;
    this.#spoil = spoil;
  }

  piece(kind: PieceKind, write: () => Buffer): Buffer {
    const isIt = this.kinds.push(kind) === this.#piece + 1;
    return isIt ? this.#spoil(write()) : write();
  }
}

type Write = (walk: Walk) => Buffer;

function piecedBy(write: Write): PiecedFrame {
  const dry = new Walk(-1, (piece) => piece);
  const bytes = write(dry);
  return {
    bytes,
    kinds: dry.kinds,
    spoiled: (piece, spoil) => write(new Walk(piece, spoil)),
  };
}

/** A frame that FrameWriter made, in an encoding. */
export function piecesOf(encoding: EncodingName, frame: Uint8Array): PiecedFrame {
  const bytes = encodingNamed(encoding).encode(frame);
  switch (encoding) {
    case "proto": {
      const fields = fieldsOf(Buffer.from(bytes)) ?? [];
      return piecedBy((walk) => writeFields(walk, fields));
    }
    case "msgpack": {
      const value = decode(bytes);
      return piecedBy((walk) => writeMessagePack(walk, value));
    }
    case "json": {
      const value: unknown = JSON.parse(Buffer.from(bytes).toString());
      return piecedBy((walk) => writeJson(walk, value));
    }
  }
}

/** A field as it stands on the wire; `inner` where its content can be read as fields too. */
interface WireField {
  readonly tag: Buffer;
  readonly content: Buffer;
  readonly hasLength: boolean;
  readonly inner: readonly WireField[] | undefined;
}

/** The fields that all of `bytes` are; undefined when they are none. */
function fieldsOf(bytes: Buffer): readonly WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tagEnd = varintEnd(bytes, at);
    const wire = (bytes[at] ?? 0) & 7;
    if (tagEnd === undefined || (bytes[at] ?? 0) < 8) return undefined;
    const tag = bytes.subarray(at, tagEnd);
    if (wire === 2) {
      const lengthEnd = varintEnd(bytes, tagEnd);
      if (lengthEnd === undefined) return undefined;
      at = lengthEnd + varintAt(bytes, tagEnd);
      if (at > bytes.length) return undefined;
      const content = bytes.subarray(lengthEnd, at);
      const inner = content.length === 0 ? undefined : fieldsOf(content);
      fields.push({ tag, content, hasLength: true, inner });
      continue;
    }
    const end = wire === 0 ? varintEnd(bytes, tagEnd) : tagEnd + (wire === 1 ? 8 : 4);
    if (end === undefined || end > bytes.length || wire === 3 || wire === 4 || wire > 5)
      return undefined;
    fields.push({ tag, content: bytes.subarray(tagEnd, end), hasLength: false, inner: undefined });
    at = end;
  }
  return fields;
}

function varintEnd(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at < bytes.length && at < start + 10; at++)
    if ((bytes[at] ?? 0) < 0x80) return at + 1;
  return undefined;
}

function varintAt(bytes: Buffer, start: number): number {
  let value = 0;
  for (let at = start, scale = 1; ; at++, scale *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}

/** A number as protobuf writes it. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Each field is a piece, with its tag, and so is the content of each. */
function writeFields(walk: Walk, fields: readonly WireField[]): Buffer {
  return Buffer.concat(
    fields.map((field) =>
      walk.piece("tree", () => {
        const { tag, hasLength, inner } = field;
        const content = walk.piece(kindOf(field), () =>
          inner === undefined ? field.content : writeFields(walk, inner),
        );
        const length = hasLength ? varint(BigInt(content.length)) : Buffer.alloc(0);
        return Buffer.concat([tag, length, content]);
      }),
    ),
  );
}

function kindOf({ tag, content, hasLength, inner }: WireField): PieceKind {
  if (!hasLength) return ((tag[0] ?? 0) & 7) === 0 ? "number" : "double";
  if (inner !== undefined) return "tree";
  return content.every((byte) => byte >= 0x20 && byte < 0x7f) ? "text" : "bytes";
}

function kindOfValue(value: unknown): PieceKind {
  if (typeof value === "number") return "number";
  if (typeof value === "string") return "text";
  return value instanceof Uint8Array ? "bytes" : "tree";
}

/** Each value and each key is a piece. */
function writeMessagePack(walk: Walk, value: unknown): Buffer {
  return walk.piece(kindOfValue(value), () => {
    if (Array.isArray(value)) {
      const items = value.map((item) => writeMessagePack(walk, item));
      return Buffer.concat([headOf(0x90, 0xdc, items.length), ...items]);
    }
    if (typeof value !== "object" || value === null || value instanceof Uint8Array)
      return Buffer.from(encode(value));
    const members = Object.entries(value).flatMap(([key, member]) => [
      walk.piece("key", () => Buffer.from(encode(key))),
      writeMessagePack(walk, member),
    ]);
    return Buffer.concat([headOf(0x80, 0xde, members.length / 2), ...members]);
  });
}

function headOf(small: number, large: number, count: number): Buffer {
  return count < 16 ? Buffer.from([small | count]) : Buffer.from([large, count >> 8, count & 0xff]);
}

/** Each value and each key is a piece. */
function writeJson(walk: Walk, value: unknown): Buffer {
  return walk.piece(kindOfValue(value), () => {
    if (typeof value !== "object" || value === null) return Buffer.from(JSON.stringify(value));
    if (Array.isArray(value)) {
      const items = value.map((item) => writeJson(walk, item).toString("latin1"));
      return Buffer.from(`[${items.join(",")}]`, "latin1");
    }
    const members = Object.entries(value).map(([key, member]) => {
      const name = walk.piece("key", () => Buffer.from(JSON.stringify(key)));
      return `${name.toString("latin1")}:${writeJson(walk, member).toString("latin1")}`;
    });
    return Buffer.from(`{${members.join(",")}}`, "latin1");
  });
}
