import { MyelinError } from "../errors/index.ts";

/**
 * Small frames are written one after the other into chunks of this size and handed out as pieces of
 * them: 45 ns a frame where an array of its own costs 300 to 600 ns. It is also what an idle writer
 * holds, and what a small frame keeps alive.
 */
const chunkBytes = 1024;
/** A chunk with less left is given up. */
const minLeftBytes = 128;
/** Larger frames are written into a buffer that is kept up to this size, and handed out as copies. */
const keptBytes = 65_536;

/** Longer strings go to TextEncoder. */
const maxLoopedText = 64;

const encoder = new TextEncoder();

/** Bytes that `value`, a whole number from 0 to 2^53, takes as a varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 128) size++;
  return size;
}

/**
 * Writes protobuf's wire format into one growing buffer. Fields that have their default value are
 * left out, as proto3 has it; the methods that begin with `put` write always.
 */
export class ByteWriter {
  /** Where the next byte goes. */
  pos = 0;
  /** Where what is being written begins. */
  #start = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  /** Bytes written since the last `take`. */
  get sizeBytes(): number {
    return this.pos - this.#start;
  }

  /** Begins a nested message; returns what `close` takes. */
  open(tag: number): number {
    this.reserve(2);
    this.#bytes[this.pos] = tag;
    this.pos += 2;
    return this.pos;
  }

  /** Ends a nested message by writing its length before it, moving it where that takes more than a byte. */
  close(start: number): void {
    const length = this.pos - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.pos);
    const end = this.pos + extra;
    this.pos = start - 1;
    this.putVarint(length);
    this.pos = end;
  }

  string(tag: number, text: string): void {
    if (text !== "") this.putString(tag, text);
  }

  putString(tag: number, text: string): void {
    this.putByte(tag);
    const length = text.length;
    this.reserve(length * 3 + 10);
    if (length > maxLoopedText || !this.#ascii(text)) this.#text(text);
  }

  /**
   * Whole numbers from 0 to 2^53 - 1; fractions are cut.
   * @throws MyelinError INVALID_ARGUMENT for what is none.
   */
  uint(tag: number, value: number): void {
    if (value === 0) return;
    if (!(value > 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `${value} is not a whole number from 0 to 2^53 - 1`,
      );
    }
    this.putByte(tag);
    this.putVarint(value);
  }

  bool(tag: number, value: boolean): void {
    if (!value) return;
    this.putByte(tag);
    this.putByte(1);
  }

  /**
   * An instant or a duration in microseconds.
   * @throws MyelinError INVALID_ARGUMENT when it is not finite and within the safe integers.
   */
  time(tag: number, timeUs: number): void {
    if (timeUs === 0) return;
    if (!(Math.abs(timeUs) <= Number.MAX_SAFE_INTEGER)) {
      throw new MyelinError("INVALID_ARGUMENT", `${timeUs} is not a time in microseconds`);
    }
    this.putDouble(tag, timeUs);
  }

  putDouble(tag: number, value: number): void {
    this.putByte(tag);
    this.reserve(8);
    this.#view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  /** The values alone, without tag or length. */
  putDoubles(values: Float64Array, count: number): void {
    this.reserve(count * 8);
    const view = this.#view;
    let pos = this.pos;
    for (let index = 0; index < count; index++, pos += 8) {
      view.setFloat64(pos, values[index] as number, true);
    }
    this.pos = pos;
  }

  putByte(byte: number): void {
    this.reserve(1);
    this.#bytes[this.pos++] = byte;
  }

  putVarint(value: number): void {
    this.reserve(10);
    const bytes = this.#bytes;
    let { pos } = this;
    let rest = value;
    while (rest >= 0x80000000) {
      bytes[pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    rest |= 0;
    while (rest >= 0x80) {
      bytes[pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[pos++] = rest;
    this.pos = pos;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.pos + count > this.#bytes.length) this.#grow(count);
  }

  /** What was written, in bytes that are never written again; the writer is empty again. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    if (bytes.length > chunkBytes) {
      const taken = bytes.slice(this.#start, this.pos);
      if (bytes.length > keptBytes) this.#use(new Uint8Array(0));
      this.#start = this.pos = 0;
      return taken;
    }
    const taken = bytes.subarray(this.#start, this.pos);
    if (bytes.length - this.pos < minLeftBytes) {
      this.#use(new Uint8Array(0));
      this.pos = 0;
    }
    this.#start = this.pos;
    return taken;
  }

  /** Goes on in a larger array, at the same position, so that remembered positions stay valid. */
  #grow(count: number): void {
    const needed = this.pos + count;
    const larger = new Uint8Array(needed <= chunkBytes ? chunkBytes : needed * 2);
    larger.set(this.#bytes.subarray(this.#start, this.pos), this.#start);
    this.#use(larger);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    let pos = this.pos;
    bytes[pos++] = text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[pos++] = unit;
    }
    this.pos = pos;
    return true;
  }

  #text(text: string): void {
    const start = this.pos + varintSize(text.length);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(start));
    const shift = varintSize(written) - varintSize(text.length);
    if (shift > 0) this.#bytes.copyWithin(start + shift, start, start + written);
    this.putVarint(written);
    this.pos += written;
  }
}
