/*
 * Reads one MessagePack value.
 *
 * The library's decoder makes a list as long as its header claims before an item is there, and takes
 * strings that are not UTF-8: a frame of some bytes could cost gigabytes.
 *
 * Invariants:
 * 1. Every byte read is there; nothing is allocated by a count before as many bytes are known to follow.
 * 2. Whatever the bytes are, the only error thrown is MyelinError PROTOCOL_ERROR.
 * 3. Lists and maps are nested at most `maxDepth` deep. Objects are plain; `__proto__` is an own property.
 * 4. Keys are texts. Extensions, of which Myelin has none, are refused.
 */
import { malformed } from "../byte-reader.ts";
import { setOwn } from "../json-codec.ts";
import { Binary } from "./binary.ts";

/** A JSON value of the greatest depth, within the messages that can hold it. */
const maxDepth = 64;
const what = "MessagePack";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the value that all of `bytes` are. @throws MyelinError PROTOCOL_ERROR */
export function readMessagePack(bytes: Uint8Array): unknown {
  const reader = new MessagePackReader(bytes);
  const value = reader.value(0);
  if (!reader.isAtEnd) throw malformed(what, "goes on behind its value");
  return value;
}

class MessagePackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#pos === this.#bytes.length;
  }

  value(depth: number): unknown {
    const head = this.#view.getUint8(this.#take(1));
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth + 1);
    if (head < 0xa0) return this.#list(head & 0x0f, depth + 1);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    if (head >= 0xca && head <= 0xd3) return this.#number(head);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#length(head - 0xc4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(head - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#length(head - 0xdb), depth + 1);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(head - 0xdd), depth + 1);
      default:
        throw malformed(what, `has a value of type 0x${head.toString(16)}`);
    }
  }

  #number(head: number): number {
    const view = this.#view;
    switch (head) {
      case 0xca:
        return view.getFloat32(this.#take(4));
      case 0xcb:
        return view.getFloat64(this.#take(8));
      case 0xcc:
        return view.getUint8(this.#take(1));
      case 0xcd:
        return view.getUint16(this.#take(2));
      case 0xce:
        return view.getUint32(this.#take(4));
      case 0xcf:
        return safe(view.getBigUint64(this.#take(8)));
      case 0xd0:
        return view.getInt8(this.#take(1));
      case 0xd1:
        return view.getInt16(this.#take(2));
      case 0xd2:
        return view.getInt32(this.#take(4));
      default:
        return safe(view.getBigInt64(this.#take(8)));
    }
  }

  /** A length of 1, 2 or 4 bytes, for `size` 0, 1 or 2. */
  #length(size: number): number {
    const view = this.#view;
    if (size === 0) return view.getUint8(this.#take(1));
    return size === 1 ? view.getUint16(this.#take(2)) : view.getUint32(this.#take(4));
  }

  #binary(length: number): Binary {
    const start = this.#take(length);
    return new Binary(this.#bytes.subarray(start, start + length));
  }

  #text(length: number): string {
    const start = this.#take(length);
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch (cause) {
      throw malformed(what, "has a text that is not UTF-8", cause);
    }
  }

  #list(count: number, depth: number): unknown[] {
    this.#check(count, depth);
    const items: unknown[] = [];
    for (let index = 0; index < count; index++) items.push(this.value(depth));
    return items;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    this.#check(count * 2, depth);
    const fields: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const key = this.value(depth);
      if (typeof key !== "string") throw malformed(what, "has a key that is no text");
      setOwn(fields, key, this.value(depth));
    }
    return fields;
  }

  /** Each value that is claimed takes a byte at the least. */
  #check(count: number, depth: number): void {
    if (depth > maxDepth) throw malformed(what, `is nested deeper than ${maxDepth}`);
    if (count > this.#bytes.length - this.#pos) throw malformed(what, "is cut short");
  }

  /** Passes over so many bytes; where they begin. */
  #take(count: number): number {
    const start = this.#pos;
    if (count > this.#bytes.length - start) throw malformed(what, "is cut short");
    this.#pos = start + count;
    return start;
  }
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed(what, "has a number beyond 2^53");
  return number;
}
