import { MyelinError } from "../errors/index.ts";

/** Bytes a writer begins with, and falls back to when a frame has blown it up. */
const initialBytes = 512;
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
  pos = 0;
  #bytes = new Uint8Array(initialBytes);
  #view = new DataView(this.#bytes.buffer);

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

  /** The numbers alone, without tag or length. */
  putVarints(numbers: ArrayLike<number>, count: number): void {
    this.reserve(count * 8);
    for (let index = 0; index < count; index++) {
      const number = numbers[index] as number;
      if (number < 0x80) this.#bytes[this.pos++] = number;
      else this.putVarint(number);
    }
  }

  putByte(byte: number): void {
    this.reserve(1);
    this.#bytes[this.pos++] = byte;
  }

  putVarint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.pos++] = rest;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.pos + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.pos));
    this.#use(grown);
  }

  /** A copy of what was written; the writer is empty again. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.pos);
    this.pos = 0;
    if (this.#bytes.length > keptBytes) this.#use(new Uint8Array(initialBytes));
    return taken;
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
